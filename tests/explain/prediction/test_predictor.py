"""Predictions for a pipeline made by hand: what bounds it gains, what hides behind it gains nothing."""

from __future__ import annotations

import pytest
from run_factory import Run

from workbench.errors import BadInput
from workbench.explain.prediction.gain_map import ceilings, gain_map
from workbench.explain.prediction.predictor import Predictor
from workbench.explain.prediction.variants import predict_variant, questions_of, trust, with_predictions
from workbench.records import Comparison, Prediction, Throughput, VariantResult


class QuietRun(Run):
    """One worker with a core of its own: 50 ms of loading a batch; 6 ms in the main process, 25 ms on the device."""

    loaded = preempted = 1.0


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor(QuietRun().record(), QuietRun().spans())


def test_nothing_changed_is_what_was_measured(predictor):
    same = predictor.predict(predictor.model, [], {})
    assert same.samples_per_s.estimate == pytest.approx(predictor.measured)
    assert (same.gain.estimate, same.gain.low, same.gain.high) == pytest.approx((0, 0, 0))
    assert same.samples_per_s.low < predictor.measured < same.samples_per_s.high


def test_half_of_what_bounds_the_run_gains_what_is_left_over(predictor):
    # Alone 40 of 50 ms a batch are decoding: with 20 ms less the worker is done after 30 ms, the others after 31.
    answer = predictor.ask(["decode x0.5"])
    assert 0.3 < answer.gain.estimate < 0.7
    assert answer.gain.low < answer.gain.estimate < answer.gain.high


def test_what_hides_gains_nothing(predictor):
    assert predictor.ask(["device x0.5"]).gain.estimate == pytest.approx(0.0, abs=0.02)
    assert predictor.ask(["remove postprocess"]).gain.estimate == pytest.approx(0.0, abs=0.03)


def test_a_device_that_is_slow_enough_bounds_the_run(predictor):
    answer = predictor.ask(["replay_ms_per_sample=40"])
    assert answer.samples_per_s.estimate == pytest.approx(25, rel=0.25)
    assert answer.limited_by == "the device"


def test_the_map_is_sorted_and_says_what_gains_nothing(predictor):
    gains = gain_map(predictor)
    assert [one.free.estimate for one in gains] == sorted((one.free.estimate for one in gains), reverse=True)
    assert gains[0].stage == "decode"
    shares = sum(one.share for one in gains if one.share is not None)
    assert shares == pytest.approx(1.0)
    idle = gains[-1]
    assert "hides behind" in idle.told or "next to nothing" in idle.told


def test_the_ceilings_are_those_of_the_parts(predictor):
    found = ceilings(predictor)
    assert found.device == pytest.approx(1 / 0.005, rel=0.3)
    assert found.main > found.loader
    assert found.loader >= found.measured * 0.9


def test_a_change_of_knobs_is_asked_as_what_it_does(predictor):
    knobs = predictor.record.knobs
    assert questions_of(predictor, knobs.changed(num_steps=7, checked_samples=0)) == []
    assert questions_of(predictor, knobs.changed(prefetch_factor=4, knock_out="decode")) == [
        "prefetch_factor=4",
        "decode x0",
    ]


def test_a_delay_is_asked_as_so_many_times_the_stage(predictor):
    record = predictor.record
    (decode,) = [row for row in record.isolated if row.name == "decode"]
    with_decode = record.model_copy(update={"stages": [*record.stages, decode.model_copy(update={"count": 100})]})
    own = Predictor(with_decode, QuietRun().spans())
    assert questions_of(own, record.knobs.changed(slow_down="decode:4")) == ["decode x1.5000"]


def test_what_cannot_be_foretold_is_named(predictor):
    with pytest.raises(BadInput, match=r"image_decoder=turbojpeg"):
        predict_variant(predictor, predictor.record.knobs.changed(image_decoder="turbojpeg"))


def compared(predictor: Predictor, measured: float, predicted: Prediction) -> Comparison:
    knobs = predictor.record.knobs
    rate = Throughput(median=measured, ci95=None)
    names = ("baseline", "a", "b")
    plain = {"knobs": knobs, "run_ids": [], "samples_per_s": rate, "speedup": None, "verdict": None}
    results = [VariantResult(name=name, **plain) for name in names]
    comparison = Comparison(created_at="", baseline="baseline", num_blocks=1, seed=0, order=[], variants=results)
    return with_predictions(comparison, [("a", predicted), ("b", "a reason")])


def test_predicted_stays_beside_measured_and_trust_is_earned(predictor):
    predicted = predictor.ask(["decode x0.5"])
    right = compared(predictor, predicted.samples_per_s.estimate * 1.02, predicted)
    wrong = compared(predictor, predicted.samples_per_s.estimate * 2.0, predicted)
    assert [one.not_predicted for one in right.variants] == [None, None, "a reason"]
    assert Comparison.model_validate_json(right.model_dump_json()) == right
    found = trust([right, wrong])
    assert (found.count, found.inside) == (2, 1)
    assert found.median_error == pytest.approx((0.02 / 1.02 + 0.5) / 2, rel=0.01)
    assert trust([]).median_error is None
