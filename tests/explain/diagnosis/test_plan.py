"""Three changes, the best for their price first, each with a command that can be pasted."""

from __future__ import annotations

import shlex

import pytest
from planted_run import Pipeline
from record_factory import make_lane, make_record, make_stage
from workbench.explain.diagnosis.advice import advise
from workbench.explain.diagnosis.suggestions import addressed_by, remedies, settings_of

from workbench.explain.diagnosis.diagnose import diagnose, predictor_for
from workbench.explain.diagnosis.plan import compare_command, plan
from workbench.measure.comparison.variants import parse_settings, parse_variants
from workbench.records.run_folder import write_json


def planned(pipeline, *, predicted=True):
    record, spans = pipeline.run()
    predictor = predictor_for(record, spans) if predicted else None
    return plan(record, predictor, diagnose(record, spans, predictor))


def test_the_plan_is_against_what_bounds_the_run():
    steps = planned(Pipeline(page={**Pipeline().page, "decode": 0.04}))
    assert len(steps) == 3
    assert steps[0].settings == "cache=prepared targets=cached"
    assert steps[0].cause == "loader-bound by 'decode'"
    assert steps[0].gain.low <= steps[0].gain.estimate <= steps[0].gain.high
    assert steps[0].told.endswith("(simulated)")


def test_no_knob_is_advised_twice():
    named = [part.split("=")[0] for step in planned(Pipeline()) for part in step.settings.split()]
    assert len(named) == len(set(named)) >= 3


def test_what_cannot_be_foretold_has_a_ceiling():
    steps = planned(Pipeline(knobs={"cache_store": "memory", "mode": "train", "targets": "compute"}, of_page={}))
    told = {step.settings: step for step in steps}
    step = told["targets=fast"]
    assert step.gain is None
    assert step.told.startswith("at most ")


def test_the_price_is_told_with_its_size():
    step = planned(Pipeline(page={**Pipeline().page, "decode": 0.04}))[0]
    assert "64 pages x 1.23 MB (prepared images) = 78.6 MB" in step.price
    assert "64 pages x 819 kB (target maps) = 52.4 MB" in step.price
    assert "more start-up to fill it" in step.price


def test_a_cache_that_memory_does_not_hold_is_not_advised():
    record, spans = Pipeline(page={**Pipeline().page, "decode": 0.04}).run()
    small = record.model_copy(
        update={"environment": record.environment.model_copy(update={"memory_bytes": 90_000_000})}
    )
    predictor = predictor_for(small, spans)
    steps = plan(small, predictor, diagnose(small, spans, predictor))
    assert not any("cache=prepared" in step.settings for step in steps)


@pytest.mark.parametrize(
    ("pipeline", "setting"),
    [
        (Pipeline(own={**Pipeline().own, "postprocess": 0.25}), "postprocess=threads"),
        (Pipeline(start=0.8), "persistent_workers=true"),
        (Pipeline(own={**Pipeline().own, "receive": 0.15}), "transport=ring"),
        (Pipeline(of_worker={0: 0.05}), "in_order=false"),
    ],
)
def test_every_cause_has_its_knob(pipeline, setting):
    assert setting in [step.settings for step in planned(pipeline)]


def test_the_simulator_is_not_asked_what_it_cannot_know():
    steps = {step.settings: step for step in planned(Pipeline(of_worker={0: 0.05}))}
    assert steps["in_order=false"].gain is None  # all workers are alike to it


def test_fewer_bytes_save_no_more_of_sending_than_they_are():
    pipeline = Pipeline(own={**Pipeline().own, "receive": 0.15})
    record, spans = pipeline.run()
    predictor = predictor_for(record, spans)
    causes = diagnose(record, spans, predictor)
    steps = {step.settings: step for step in plan(record, predictor, causes)}
    saved = 1 - (12 + 2) / (12 + 16)  # bytes a pixel: an image in float32, and maps packed or in float32
    severity = next(cause.severity for cause in causes if cause.name == "heavy send and receive")
    assert steps["targets=fast"].at_most == pytest.approx(severity * saved / (1 - severity * saved))
    assert steps["transport=ring"].at_most == pytest.approx(severity / (1 - severity))


def test_a_lock_has_no_knob():
    steps = planned(Pipeline(locked=0.03))
    assert not any("lock" in step.cause for step in steps)


def test_shares_say_where_they_come_from():
    steps = planned(Pipeline(), predicted=False)
    assert steps
    assert all(step.told.endswith("(from shares of the measured time)") for step in steps)


def test_the_command_races_the_runs_own_knobs():
    record = make_record(dataset="my pages; rm -rf", num_workers=1, persistent_workers=False, checked_samples=0)
    command = compare_command(record, {"cache": "prepared", "in_order": False}, "both")
    words = shlex.split(command)
    assert words[:3] == ["workbench", "compare", "--variant"]
    common = parse_settings([word for word in words[4:] if word != "-p"])
    variants = parse_variants([words[3]], common)
    assert variants["baseline"] == record.knobs.changed(checked_samples=4)
    assert variants["both"] == variants["baseline"].changed(cache="prepared", in_order=False)


def test_nothing_is_advised_that_does_nothing():
    stages = [make_stage("main", "transfer", 0.6), make_stage("main", "wait", 0.2), make_stage("main", "fetch", 0.2)]
    record = make_record(stages=stages, lanes=[make_lane("main", 1.0, 1.0)])
    causes = diagnose(record, None, None)
    assert causes[0].name == "transfer-bound"
    settings = [step.settings for step in plan(record, None, causes)]
    assert settings[0] == "normalize=device"
    assert "pin_memory=true" not in settings  # there is no CUDA device to copy to


def test_what_is_set_already_is_no_remedy():
    assert "image_decoder=turbojpeg" in remedies(make_record(), "decode")
    assert "image_decoder=turbojpeg" not in remedies(make_record(image_decoder="turbojpeg"), "decode")


def test_what_cannot_be_had_is_no_remedy():
    found = remedies(make_record(mode="train"), "decode")
    assert "cache=decoded" in found
    assert "cache=prepared" not in found  # impossible after random transforms
    assert settings_of(make_record(mode="train"), "cache=prepared targets=cached") is None


def test_settings_know_the_stages_that_they_address():
    assert addressed_by("targets=fast") == ["targets"]
    assert {"decode", "read", "targets"} <= set(addressed_by("cache=prepared targets=cached"))


def test_a_run_folder_is_told_in_a_sentence(tmp_path):
    record, spans = Pipeline(page={**Pipeline().page, "decode": 0.04}).run()
    write_json(tmp_path / "record.json", record)
    without = advise(tmp_path)
    assert without.sentence.startswith("Diagnosis: loader-bound by 'decode', which costs ")
    spans.to_parquet(tmp_path / "spans.parquet")
    assert advise(tmp_path).steps[0].gain is not None
