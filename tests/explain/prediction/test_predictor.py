"""Predictions for a pipeline made by hand: what bounds it gains, what hides behind it gains nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from planted_run import Pipeline
from record_factory import make_record
from run_factory import Run

from workbench.errors import BadInput
from workbench.explain.prediction import predictor as predictor_module
from workbench.explain.prediction.changes import remove_stage, scale_stage, set_knob
from workbench.explain.prediction.gain_map import ceilings, gain_map
from workbench.explain.prediction.predictor import Predictor
from workbench.explain.prediction.variants import (
    can_take,
    changes_of,
    predict_variant,
    suggestions,
    trust,
    with_predictions,
)
from workbench.records import Comparison, Interval, Prediction, Throughput, VariantResult


class QuietRun(Run):
    """One worker with a core of its own: 50 ms of loading a batch; 6 ms in the main process, 25 ms on the device."""

    loaded = preempted = 1.0


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor(QuietRun().record(), QuietRun().spans())


def test_nothing_changed_is_what_was_measured(predictor):
    same = predictor.predict()
    assert same.samples_per_s.estimate == pytest.approx(predictor.measured)
    assert (same.gain.estimate, same.gain.low, same.gain.high) == pytest.approx((0, 0, 0))
    assert same.samples_per_s.low < predictor.measured < same.samples_per_s.high


def test_beside_neighbours_intervals_are_wider_and_estimates_stay(predictor):
    record, spans = QuietRun().record(), QuietRun().spans()
    quiet = predictor.predict().samples_per_s
    busy = Predictor(record, spans, others=[make_record(rate) for rate in (100.0, 120.0, 80.0)])
    wide = busy.predict().samples_per_s
    assert wide.estimate == quiet.estimate
    assert wide.low < quiet.low < quiet.high < wide.high
    assert np.log(wide.high / wide.low) > 5 * np.log(quiet.high / quiet.low)


def test_what_rests_on_the_isolated_times_is_as_uncertain_as_these(predictor, monkeypatch):
    monkeypatch.setattr(predictor_module, "noise_of_isolated", lambda record: 0.2)
    uneven = Predictor(QuietRun().record(), QuietRun().spans())

    def widths(setting: str, value: int) -> list[float]:
        found = [
            each.predict([set_knob(each.model, each.record.knobs, setting, value)]) for each in (predictor, uneven)
        ]
        return [float(np.log(one.samples_per_s.high / one.samples_per_s.low)) for one in found]

    quiet, wide = widths("num_workers", 0)
    assert wide > 1.5 * quiet
    quiet, wide = widths("replay_ms_per_sample", 40)
    assert wide == quiet


def test_half_of_what_bounds_the_run_gains_what_is_left_over(predictor):
    # By itself, 40 of 50 ms a batch are decoding: with 20 ms less the worker is done after 30 ms, the others after 31.
    answer = predictor.predict([scale_stage(predictor.model, "decode", 0.5)])
    assert answer.changes == ["decode x0.5"]
    assert 0.3 < answer.gain.estimate < 0.7
    assert answer.gain.low < answer.gain.estimate < answer.gain.high


def test_what_hides_gains_nothing(predictor):
    assert predictor.predict([scale_stage(predictor.model, "device", 0.5)]).gain.estimate == pytest.approx(
        0.0, abs=0.02
    )
    assert predictor.predict([remove_stage(predictor.model, "postprocess")]).gain.estimate == pytest.approx(
        0.0, abs=0.03
    )


def test_a_device_that_is_slow_enough_bounds_the_run(predictor):
    answer = predictor.predict([set_knob(predictor.model, predictor.record.knobs, "replay_ms_per_sample", 40)])
    assert answer.settings == {"replay_ms_per_sample": 40.0}
    assert answer.samples_per_s.estimate == pytest.approx(25, rel=0.25)
    assert answer.limited_by == "the device"


def test_the_map_is_sorted_and_says_what_gains_nothing(predictor):
    gains = gain_map(predictor)
    estimates = [gain.free.estimate for gain in gains]
    assert estimates == sorted(estimates, reverse=True)
    assert {"image_decoder": "turbojpeg"} in gains[0].suggestions
    assert gains[0].stage == "decode"
    shares = sum(gain.share for gain in gains if gain.share is not None)
    assert shares == pytest.approx(1.0)
    least = gains[-1].sentence
    assert "hides behind" in least or "next to nothing" in least


def test_the_ceilings_are_those_of_the_parts(predictor):
    found = ceilings(predictor)
    assert found.device == pytest.approx(1 / 0.005, rel=0.3)
    assert found.main > found.loader
    assert found.loader >= found.measured * 0.9
    assert found.background is None


def test_a_change_of_knobs_is_asked_as_what_it_does(predictor):
    knobs = predictor.record.knobs
    assert changes_of(predictor, knobs.changed(num_steps=7, checked_samples=0, encoder="resnet50")) == []
    changes = changes_of(predictor, knobs.changed(prefetch_factor=4, knock_out="decode"))
    assert [change.text for change in changes] == ["prefetch_factor=4", "knock_out=decode"]
    assert predictor.predict(changes).gain == predictor.predict([remove_stage(predictor.model, "decode")]).gain


def test_a_delay_is_a_multiple_of_the_stage(predictor):
    record = predictor.record
    (decode,) = [row for row in record.isolated.stages if row.name == "decode"]
    with_decode = record.model_copy(update={"stages": [*record.stages, decode.model_copy(update={"count": 100})]})
    own = Predictor(with_decode, QuietRun().spans())
    (change,) = changes_of(own, record.knobs.changed(slow_down="decode:4"))
    assert change.text == "decode x1.5"


def test_what_cannot_be_predicted_is_named(predictor):
    with pytest.raises(BadInput, match=r"image_decoder=turbojpeg"):
        predict_variant(predictor, predictor.record.knobs.changed(image_decoder="turbojpeg"))


def compared(predictor: Predictor, measured: float, predicted: Prediction) -> Comparison:
    knobs = predictor.record.knobs
    rate = Throughput(median=measured, geometric_mean=Interval(estimate=measured, ci95=None))
    names = ("baseline", "a", "b")
    plain = {"knobs": knobs, "run_ids": [], "samples_per_s": rate, "speedup": None, "verdict": None}
    results = [VariantResult(name=name, **plain) for name in names]
    comparison = Comparison(created_at="", baseline="baseline", num_blocks=1, seed=0, order=[], variants=results)
    return with_predictions(comparison, [("a", predicted), ("b", "a reason")])


def test_predicted_stays_beside_measured_and_trust_is_earned(predictor):
    predicted = predictor.predict([scale_stage(predictor.model, "decode", 0.5)])
    right = compared(predictor, predicted.samples_per_s.estimate * 1.02, predicted)
    wrong = compared(predictor, predicted.samples_per_s.estimate * 2.0, predicted)
    assert [variant.not_predicted for variant in right.variants] == [None, None, "a reason"]
    assert Comparison.model_validate_json(right.model_dump_json()) == right
    found = trust([right, wrong])
    assert (found.count, found.inside) == (2, 1)
    assert found.median_error == pytest.approx((0.02 / 1.02 + 0.5) / 2, rel=0.01)
    assert trust([]).median_error is None


def test_a_run_that_was_slowed_down_does_not_tell_what_it_was_before(predictor):
    slow = predictor.record.model_copy(update={"knobs": predictor.record.knobs.changed(slow_down="decode:4")})
    with pytest.raises(BadInput, match="slowed down itself"):
        changes_of(Predictor(slow, QuietRun().spans()), predictor.record.knobs)


def test_what_is_set_already_is_not_suggested():
    assert {"image_decoder": "turbojpeg"} in suggestions(make_record(), stage="decode")
    assert {"image_decoder": "turbojpeg"} not in suggestions(make_record(image_decoder="turbojpeg"), stage="decode")


def test_what_cannot_be_had_is_not_suggested():
    found = suggestions(make_record(mode="train"), stage="decode")
    assert {"cache": "decoded"} in found
    assert {"cache": "prepared"} not in found, "impossible after random transforms"
    assert not can_take(make_record(mode="train"), {"cache": "prepared", "targets": "cached"})


def test_what_changes_nothing_there_is_not_suggested():
    assert {"channels_last": True} not in suggestions(make_record(), stage="forward"), "the device is replayed"
    on_gpu = make_record(device="cuda").model_copy(update={"simulated": False})
    assert {"channels_last": True} in suggestions(on_gpu, stage="forward")


def test_what_leaves_something_out_is_not_suggested():
    on_gpu = make_record(device="cuda").model_copy(update={"simulated": False})
    assert can_take(on_gpu, {"targets": "none"})
    assert suggestions(on_gpu, stage="targets") == [{"targets": "fast"}, {"targets": "cached"}]


def test_a_cause_has_the_knobs_that_say_so():
    assert {"in_order": False} in suggestions(make_record(), cause="one slow worker")
    assert suggestions(make_record(), cause="lock contention") == []


def test_less_work_never_predicts_less():
    """Of a few steps, which batch is where when counting begins may make a simulated run slower: that is no answer."""
    record, spans = Pipeline(per_epoch=1, epochs=1, knobs={"epoch_overlap": True}).run()
    short = record.steady.model_copy(update={"warmup_steps": 6})
    predictor = Predictor(record.model_copy(update={"steady": short}), spans)
    models = predictor.model.scaled(0.0, "postprocess"), predictor.model
    faster, own = ([run.samples_per_s for run in predictor.outcomes(model)] for model in models)
    assert max(faster) < min(own), "as the simulation alone would have it"
    for stage in predictor.model.stages:
        for factor in (0.0, 0.5, 0.9):
            changed = predictor.model.scaled(factor, stage)
            assert changed.costs_no_more_than(predictor.model)
            assert predictor.gain(changed).estimate >= 0.0
    assert not predictor.model.scaled(1.1, "decode").costs_no_more_than(predictor.model)
    more = replace(predictor.model, config=replace(predictor.model.config, num_workers=5))
    assert not more.costs_no_more_than(predictor.model)


def test_a_run_that_the_simulation_does_not_come_to_is_predicted_with_that_said_and_wide_intervals(predictor):
    """The same spans, of a run that is said to have been three times as slow as they add up to."""
    record = predictor.record
    slow = record.steady.model_copy(update={"samples_per_s": predictor.measured / 3})
    off = Predictor(record.model_copy(update={"steady": slow}), QuietRun().spans())
    assert any("Simulated as it is, the run makes" in sentence for sentence in off.model.assumptions)
    assert not any("Simulated as it is" in sentence for sentence in predictor.model.assumptions)
    changed = scale_stage(predictor.model, "decode", 0.5)
    near, far = (each.predict([changed]).gain for each in (predictor, off))
    assert far.high - far.low > 3 * (near.high - near.low)
