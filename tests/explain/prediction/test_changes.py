"""Questions change what they name and nothing else; what cannot be answered is refused with the reason."""

from __future__ import annotations

import numpy as np
import pytest
from workbench.explain.prediction.moved_bytes import bytes_factor, bytes_per_page
from workbench.explain.prediction.questions import apply_all, parse_questions

from workbench.errors import BadInput
from workbench.explain.prediction.cost_model import BatchStage, CostModel, PageCosts
from workbench.explain.prediction.pipeline import PipelineConfig
from workbench.workloads.ocr.knobs import OcrKnobs

KNOBS = OcrKnobs(num_workers=2, batch_size=8, image_size=64)
STAGES = ("read", "decode", "Normalize", "targets")


def model(**settings) -> CostModel:
    config = PipelineConfig(
        num_workers=2, prefetch_factor=2, cores=2, slowdown=0.2, steps_per_epoch=8, num_steps=16, warmup_steps=6
    )
    values = {
        "config": config,
        "batch_size": 8,
        "num_pages": 64,
        "shuffled": False,
        "pages": PageCosts(STAGES, np.arange(64), np.tile([0.001, 0.010, 0.002, 0.006], (64, 1))),
        "batches": {
            "collate": BatchStage("make", np.array([0.001]), 0.0005),
            "receive": BatchStage("receive", np.array([0.0004])),
            "postprocess": BatchStage("finish", np.array([0.002]), 0.002),
        },
        "blocked_share": 0.0,
        "device_s": np.array([0.003]),
        "recorded_workers": 2,
    }
    return CostModel(**{**values, **settings})


def asked(*texts: str, of: CostModel | None = None, **settings) -> CostModel:
    of = of or model()
    return apply_all(of, parse_questions(texts, of, KNOBS, **settings))


@pytest.mark.parametrize(
    ("text", "stage", "factor"),
    [
        ("decode x0.5", "decode", 0.5),
        ("decode x 2", "decode", 2.0),
        ("remove targets", "targets", 0.0),
        ("postprocess x0", "postprocess", 0.0),
        ("device x0.5", "device", 0.5),
        ("replay_ms_per_sample=1.5", "device", 0.5),
        ("targets=none", "targets", 0.0),
    ],
)
def test_a_stage_takes_so_many_times_as_long_and_no_other_changes(text, stage, factor):
    before, after = model(), asked(text)
    for name in before.stages:
        expected = before.cost_per_page(name) * (factor if name == stage else 1.0)
        assert after.cost_per_page(name) == pytest.approx(expected), name


def test_questions_together_are_one_change():
    after = asked("decode x0.5", "decode x0.5", "num_workers=1")
    assert after.cost_per_page("decode") == pytest.approx(0.0025)
    assert after.config.num_workers == 1


def test_another_number_of_workers_warms_up_as_a_trial_would():
    assert asked("num_workers=4").config.warmup_steps == 4 * 2 + 2
    assert asked("prefetch_factor=5").config.warmup_steps == 2 * 5 + 2


def test_other_batches_hold_as_many_pages_in_all():
    after = asked("batch_size=16")
    assert (after.config.num_steps, after.config.steps_per_epoch) == (8, 4)
    drawn = after.draw(np.random.default_rng(0))
    assert drawn.pages[after.config.warmup_steps :].sum() == 128


def test_in_the_main_process_nothing_is_sent_and_batches_cost_what_they_did_there():
    drawn = asked("num_workers=0").draw(np.random.default_rng(0))
    assert not drawn.receive.any()
    assert drawn.make == pytest.approx(8 * (0.019 + 0.0005))


def test_a_stage_on_the_device_costs_the_device():
    after = asked("targets on device at 0.5")
    assert after.cost_per_page("targets") == 0.0
    assert after.cost_per_page("device") == pytest.approx(0.0035)
    assert any("0.5 ms a page" in told for told in after.assumptions)


def test_normalizing_on_the_device_makes_batches_smaller():
    assert bytes_per_page(KNOBS) == (12 + 16) * 64 * 64
    factor = bytes_factor(KNOBS, KNOBS.changed(normalize="device"))
    after = asked("Normalize on device")
    assert after.cost_per_page("Normalize") == 0.0
    assert after.cost_per_page("collate") == pytest.approx(0.001 * factor)
    assert after.cost_per_page("decode") == model().cost_per_page("decode")


def test_a_cache_takes_the_place_of_all_before_it():
    after = asked("cache=decoded")
    assert after.cost_per_page("read") == after.cost_per_page("decode") == 0.0
    assert after.cost_per_page("Normalize") > 0.0


def test_a_stage_can_come_from_another_run():
    after = asked("decode from fast-run", stage_cost=lambda run, stage: 0.004)
    assert after.cost_per_page("decode") == pytest.approx(0.004)


def test_the_knobs_that_would_do_it_are_told():
    changes = parse_questions(["decode x0", "num_workers=4", "cache=decoded"], model(), KNOBS)
    assert [dict(change.knobs) for change in changes] == [
        {"knock_out": "decode"},
        {"num_workers": 4},
        {"cache": "decoded"},
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("decod x0.5", "no stage named 'decod'.*Did you mean 'decode'"),
        ("decode x50", "more than 20 times"),
        ("decode faster", "is not understood"),
        ("decode x0.5.5", "is no number"),
        ("num_workers=99", "less than or equal"),
        ("num_workers=40", "more than 8 times the workers"),
        ("batch_size=64", "more than 4 times larger"),
        ("cores=1000", "a whole number from 1 to 16"),
        ("encoder=resnet50", "no knob to ask about named 'encoder'"),
        ("targets=fast", "how fast they would be is not known"),
        ("cache=tensor", "more than can be foreseen"),
        ("decode on device", "how long the device takes for it is not known"),
        ("persistent_workers=false", "was not seen in this run"),
        ("decode from x", "no other runs"),
    ],
)
def test_what_cannot_be_answered_is_refused(text, told):
    with pytest.raises(BadInput, match=told):
        asked(text)


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(BadInput) as error:
        asked("decod x1", "nonsense", "num_workers=1")
    assert len(error.value.problems) == 2


def test_a_run_without_workers_says_nothing_of_sending():
    with pytest.raises(BadInput, match="what sending and receiving a batch costs is not known"):
        asked("num_workers=2", of=model(recorded_workers=0))


def test_without_times_alone_nothing_is_said_of_the_main_process_loading():
    with pytest.raises(BadInput, match="nothing was timed alone"):
        asked("num_workers=0", of=model(batches={"collate": BatchStage("make", np.array([0.001]))}))


def test_a_run_with_a_cache_says_nothing_of_another_one():
    with pytest.raises(BadInput, match="has a cache already"):
        parse_questions(["cache=prepared"], model(), OcrKnobs(cache="decoded"))
