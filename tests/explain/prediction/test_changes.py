"""Changes change what they name and nothing else; what the run cannot tell is refused with the reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from workbench.errors import BadInput
from workbench.explain.prediction.changes import (
    apply_all,
    move_to_device,
    remove_stage,
    scale_stage,
    set_cores,
    set_knob,
    settings_of,
    stage_from_run,
)
from workbench.explain.prediction.cost_model import BatchStage, CostModel, SampleCosts
from workbench.explain.prediction.pipeline import PipelineConfig
from workbench.knobs.knob import Effect, knob
from workbench.knobs.knobs import Knobs
from workbench.stages import Catalogue, Stage
from workbench.workloads.ocr.knobs import OcrKnobs

KNOBS = OcrKnobs(num_workers=2, batch_size=8, image_size=64)
STAGES = ("read", "decode", "Normalize", "targets")

#: What a batch of the default targets was measured to hold for each sample: an image in float32, two maps, two masks.
MEASURED_BYTES = 22 * 64 * 64


def model(**settings: Any) -> CostModel:
    config = PipelineConfig(
        num_workers=2, prefetch_factor=2, cores=2, slowdown=0.2, steps_per_epoch=8, num_steps=16, warmup_steps=6
    )
    values: dict[str, Any] = {
        "config": config,
        "catalogue": OcrKnobs.catalogue(),
        "batch_size": 8,
        "num_samples": 64,
        "shuffled": False,
        "samples": SampleCosts(STAGES, np.arange(64), np.tile([0.001, 0.010, 0.002, 0.006], (64, 1))),
        "batches": {
            "collate": BatchStage("load", np.array([0.001]), 0.0005),
            "receive": BatchStage("receive", np.array([0.0004])),
            "postprocess": BatchStage("collect", np.array([0.002]), 0.002),
        },
        "blocked_share": 0.0,
        "device_s": np.array([0.003]),
        "recorded_workers": 2,
        "bytes_per_sample": MEASURED_BYTES,
    }
    return CostModel(**{**values, **settings})


def with_knobs(of: CostModel | None = None, knobs: Knobs = KNOBS, **settings: Any) -> CostModel:
    of = of or model()
    return apply_all(of, [set_knob(of, knobs, name, value) for name, value in settings.items()])


@pytest.mark.parametrize(
    ("change", "stage", "factor"),
    [
        (lambda m: scale_stage(m, "decode", 0.5), "decode", 0.5),
        (lambda m: remove_stage(m, "targets"), "targets", 0.0),
        (lambda m: scale_stage(m, "device", 0.5), "device", 0.5),
        (lambda m: set_knob(m, KNOBS, "replay_ms_per_sample", 1.5), "device", 0.5),
        (lambda m: set_knob(m, KNOBS, "knock_out", "targets"), "targets", 0.0),
        (lambda m: stage_from_run(m, "decode", "fast-run", 0.004), "decode", 0.4),
    ],
)
def test_a_stage_takes_a_multiple_and_no_other_changes(change, stage, factor):
    before = model()
    after = change(before).apply(before)
    for name in before.stages:
        expected = before.cost_per_sample(name) * (factor if name == stage else 1.0)
        assert after.cost_per_sample(name) == pytest.approx(expected), name


def test_time_on_no_core_goes_with_all_that_loads_a_batch():
    sleeping = model(samples=SampleCosts(STAGES, np.arange(64), np.full((64, 4), 1e-9)), blocked_share=100.0)
    drawn = sleeping.draw(np.random.default_rng(0))
    assert drawn.blocked == pytest.approx(8 * 0.001 * 100.0, rel=1e-3)
    without = scale_stage(sleeping, "collate", 0.0).apply(sleeping).draw(np.random.default_rng(0))
    assert without.blocked == pytest.approx(0.0, abs=1e-4)


def test_changes_together_are_one_change():
    changes = [
        scale_stage(model(), "decode", 0.5),
        scale_stage(model(), "decode", 0.5),
        set_knob(model(), KNOBS, "num_workers", 1),
    ]
    after = apply_all(model(), changes)
    assert after.cost_per_sample("decode") == pytest.approx(0.0025)
    assert after.config.num_workers == 1


def test_another_number_of_workers_warms_up_as_a_trial_would():
    assert with_knobs(num_workers=4).config.warmup_steps == 4 * 2 + 2
    assert with_knobs(prefetch_factor=5).config.warmup_steps == 2 * 5 + 2


def test_other_batches_hold_as_many_samples_in_all():
    after = with_knobs(batch_size=16)
    assert (after.config.num_steps, after.config.steps_per_epoch) == (8, 4)
    drawn = after.draw(np.random.default_rng(0))
    assert drawn.samples[after.config.warmup_steps :].sum() == 128


def test_in_the_main_process_nothing_is_sent_and_batches_cost_what_they_did_there():
    drawn = with_knobs(num_workers=0).draw(np.random.default_rng(0))
    assert not drawn.receive.any()
    assert drawn.load == pytest.approx(8 * (0.019 + 0.0005))


def test_a_stage_on_the_device_costs_the_device():
    before = model(item="image")
    after = move_to_device(before, KNOBS, "targets", 0.5e-3).apply(before)
    assert after.cost_per_sample("targets") == 0.0
    assert after.cost_per_sample("device") == pytest.approx(0.0035)
    assert any("0.5 ms an image" in sentence for sentence in after.assumptions)


@pytest.mark.parametrize(
    "change", [lambda m: move_to_device(m, KNOBS, "Normalize"), lambda m: set_knob(m, KNOBS, "normalize", "device")]
)
def test_normalizing_on_the_device_makes_batches_smaller_by_what_they_were_measured_to_hold(change):
    before = model()
    asked = change(before)
    after = asked.apply(before)
    factor = (MEASURED_BYTES - 9 * 64 * 64) / MEASURED_BYTES  # three channels of one byte in place of four
    assert factor == pytest.approx(13 / 22)
    assert after.cost_per_sample("Normalize") == 0.0
    assert after.cost_per_sample("collate") == pytest.approx(0.001 * factor)
    assert after.cost_per_sample("receive") == pytest.approx(0.0004 * factor)
    assert after.cost_per_sample("decode") == before.cost_per_sample("decode")
    assert after.bytes_per_sample == pytest.approx(13 * 64 * 64)
    assert asked.settings == {"normalize": "device"}
    assert "The device normalizes in no time worth counting." in after.assumptions
    assert any("0.59 times what they were" in sentence for sentence in after.assumptions)


def test_what_several_knobs_save_adds_up():
    after = with_knobs(normalize="device", targets="cached")
    assert after.bytes_per_sample == pytest.approx((22 - 9 - 8) * 64 * 64)
    assert after.cost_per_sample("collate") == pytest.approx(0.001 * 5 / 22)


def test_where_the_size_of_batches_is_not_known_moving_them_costs_as_before_and_that_is_said():
    after = with_knobs(model(bytes_per_sample=None), normalize="device")
    assert after.cost_per_sample("collate") == pytest.approx(0.001)
    assert any("their size is not known" in sentence for sentence in after.assumptions)


def test_a_cache_takes_the_place_of_all_before_it():
    after = with_knobs(cache="decoded")
    assert after.cost_per_sample("read") == after.cost_per_sample("decode") == 0.0
    assert after.cost_per_sample("Normalize") > 0.0
    assert any("filling it is start-up" in sentence for sentence in after.assumptions)


def test_the_knobs_that_would_do_it_are_named():
    changes = [
        remove_stage(model(), "decode"),
        remove_stage(model(), "targets"),
        set_knob(model(), KNOBS, "num_workers", "4"),
    ]
    assert settings_of(changes) == {"knock_out": ("decode", "targets"), "num_workers": 4}
    assert remove_stage(model(), "receive").settings == {}, "it cannot be replayed from memory"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("postprocess", "threads", {"background": True}),
        ("postprocess", "processes", {"background": True, "side_by_side": 2}),
        ("epoch_overlap", "true", {"epoch_overlap": True}),
        ("in_order", False, {"in_order": False}),
    ],
)
def test_a_knob_changes_how_the_pipeline_hangs_together(name, value, expected):
    after = with_knobs(**{name: value})
    assert {field: getattr(after.config, field) for field in expected} == expected
    assert after.scale == {}


def test_what_changes_no_times_is_a_change_without_any():
    before = model()
    assert with_knobs(before, seed=7, cache_store="memory", cache="none") is before


class Sparse(Knobs):
    """Knobs of a workload that nobody here knows."""

    own_stages = (Stage("augment", "worker", "work", "sample"), Stage("pack", "worker", "work", moves_bytes=True))

    augment: bool = knob(True, "own", "augment", predicted="effects", effects={False: Effect(frees=("augment",))})
    half: bool = knob(
        False, "own", "send half of it", predicted="effects", effects={True: Effect(saves_bytes=lambda k: 50.0)}
    )


def test_effects_are_those_of_the_workloads_own_rows():
    own = model(
        catalogue=Catalogue(Sparse.own_stages),
        samples=SampleCosts(("augment",), np.arange(64), np.full((64, 1), 0.01)),
        batches={
            "pack": BatchStage("load", np.array([0.002])),
            "postprocess": BatchStage("collect", np.array([0.001])),
        },
        bytes_per_sample=100.0,
    )
    after = with_knobs(own, Sparse(), augment=False, half=True)
    costs = {stage: after.cost_per_sample(stage) for stage in ("augment", "pack", "postprocess")}
    assert costs == pytest.approx({"augment": 0.0, "pack": 0.001, "postprocess": 0.001})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: scale_stage(m, "decod", 0.5), "no stage named 'decod'.*Did you mean 'decode'"),
        (lambda m: scale_stage(m, "decode", 50), "more than 20 times"),
        (lambda m: set_knob(m, KNOBS, "num_workers", 99), "less than or equal"),
        (lambda m: set_knob(m, KNOBS, "num_workers", 40), "more than 8 times the workers"),
        (lambda m: set_knob(m, KNOBS, "batch_size", 64), "more than 4 times larger"),
        (lambda m: set_cores(m, 1000), "a whole number from 1 to 16"),
        (lambda m: set_cores(m, 1.5), "a whole number from 1 to 16"),
        (lambda m: set_knob(m, KNOBS, "num_wokers", 1), "no knob named 'num_wokers'.*'num_workers'"),
        (lambda m: set_knob(m, KNOBS, "encoder", "resnet50"), "cannot be predicted.*compare --variant"),
        (lambda m: set_knob(m, KNOBS, "targets", "fast"), "how long 'targets' would take is not known"),
        (lambda m: set_knob(m, KNOBS, "cache", "tensor"), "more than can be predicted"),
        (lambda m: set_knob(m, KNOBS, "slow_down", "decode:5"), "more than can be predicted"),
        (lambda m: move_to_device(m, KNOBS, "decode"), "how long the device takes for it is not known"),
        (lambda m: move_to_device(model(device_s=np.zeros(0)), KNOBS, "decode", 1e-4), "the run had no device"),
        (lambda m: set_knob(m, KNOBS, "persistent_workers", False), "was not seen in this run"),
    ],
)
def test_what_cannot_be_predicted_is_refused(change, message):
    with pytest.raises(BadInput, match=message):
        change(model())


def test_a_run_without_workers_does_not_tell_what_sending_costs():
    with pytest.raises(BadInput, match="what sending and receiving a batch costs is not known"):
        with_knobs(model(recorded_workers=0), num_workers=3)


def test_without_isolated_times_nothing_is_predicted_of_the_main_process_loading():
    with pytest.raises(BadInput, match="nothing was timed isolated"):
        with_knobs(model(batches={"collate": BatchStage("load", np.array([0.001]))}), num_workers=0)


def test_a_run_with_a_cache_does_not_tell_what_another_one_would_save():
    with pytest.raises(BadInput, match="has cache=decoded"):
        set_knob(model(), OcrKnobs(cache="decoded"), "cache", "prepared")
