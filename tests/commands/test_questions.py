"""What a person types, and the change that it means."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from run_factory import Run

from workbench.commands.questions import parse_questions
from workbench.errors import BadInput
from workbench.explain.prediction.calibration import calibrate
from workbench.explain.prediction.changes import apply_all

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def model():
    return calibrate(Run().record(), Run().spans())


def asked(model, *texts, **others):
    return apply_all(model, parse_questions(texts, model, Run().record().knobs, **others))


@pytest.mark.parametrize(
    ("text", "stage", "factor"),
    [
        ("decode x0.5", "decode", 0.5),
        (" decode x 2 ", "decode", 2.0),
        ("remove decode", "decode", 0.0),
        ("postprocess x0", "postprocess", 0.0),
        ("device x0.5", "device", 0.5),
        ("decode", "decode", 0.0),
        ("decode for free", "decode", 0.0),
        ("decode 50%", "decode", 0.5),
        ("decode 2x faster", "decode", 0.5),
        ("decode 4 times slower", "decode", 4.0),
        ("replay_ms_per_sample=2.5", "device", 0.5),
    ],
)
def test_a_question_is_about_the_stage_that_it_names(model, text, stage, factor):
    after = asked(model, text)
    for name in model.stages:
        expected = model.cost_per_sample(name) * (factor if name == stage else 1.0)
        assert after.cost_per_sample(name) == pytest.approx(expected), name


def test_knobs_and_cores_are_set(model):
    config = asked(model, "num_workers=2", "cores=4", "in_order=false").config
    assert (config.num_workers, config.cores, config.in_order) == (2, 4, False)


def test_a_stage_moves_to_the_device_or_comes_from_another_run(model):
    assert asked(model, "decode on device at 0.5 ms").cost_per_sample("device") == pytest.approx(0.0055)
    others = SimpleNamespace(stage_s=lambda run, stage: {("fast-run", "decode"): 0.004}[run, stage])
    after = asked(model, "decode from fast-run", others=others)
    assert after.cost_per_sample("decode") == pytest.approx(0.004)


def test_the_model_takes_what_it_took_in_another_run_by_another_engine(model):
    others = SimpleNamespace(model_s=lambda run, knob, value: {("fast-run", "engine", "onnx"): 0.002}[run, knob, value])
    after = asked(model, "engine=onnx from fast-run", others=others)
    assert after.cost_per_sample("device") == pytest.approx(0.002)
    assert any("as in run fast-run" in sentence for sentence in after.assumptions)
    with pytest.raises(BadInput, match="no other runs"):
        asked(model, "engine=onnx from fast-run")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("decode faster", "Did you mean 'decode 2x faster'"),
        ("remvoe decode", "Did you mean 'remove decode'"),
        ("nonsense", "is not understood. Write '"),
        ("num_workers", "Write 'num_workers=VALUE'"),
        ("decode 0x faster", "0 times as fast"),
        ("decode on device at soon", r"'decode on device at 0.2' \(0.2 ms a page\)"),
        ("nosuch=1", "no knob named 'nosuch'"),
        ("decode x0.5.5", "is not a number"),
        ("decod x0.5", "Did you mean 'decode'"),
        ("cores=1000", "a whole number"),
        ("decode from x", "no other runs"),
        ("num_workers=none", "is not a value"),
    ],
)
def test_what_is_not_understood_is_refused(model, text, message):
    with pytest.raises(BadInput, match=message):
        asked(model, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("LongestMaxSize x0.5", "this run has no stage 'LongestMaxSize': cache=prepared. This run has: "),
        ("OpenCVNormalize", "this run has no stage 'OpenCVNormalize': none of its knobs asks for it"),
        ("wait x0.5", "it is waiting"),
        ("LongestMaxSise x0.5", r"this run has no stage 'LongestMaxSise' \(nor 'LongestMaxSize': cache=prepared\)"),
    ],
)
def test_a_stage_that_the_run_has_not_is_named_with_the_setting_that_took_it(model, text, message):
    knobs = Run().record().knobs.changed(cache="prepared")
    with pytest.raises(BadInput, match=message) as error:
        parse_questions([text], model, knobs)
    assert "Did you mean" not in str(error.value)


def test_what_is_meant_is_said_where_it_is_not_what_was_typed(model):
    knobs = Run().record().knobs
    texts = ["decode 50%", "decode 2x faster", "remove decode", "decode x0.5"]
    assert [parse_questions([text], model, knobs)[0].text for text in texts] == [
        "decode x0.5 (50 % of its time)",
        "decode x0.5 (2x faster)",
        "decode x0 (for free)",
        "decode x0.5",
    ]


def test_all_that_is_wrong_is_said_at_once(model):
    with pytest.raises(BadInput) as error:
        asked(model, "decod x1", "nonsense", "num_workers=1")
    assert len(error.value.problems) == 2
