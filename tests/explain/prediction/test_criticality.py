"""A delay shows in the run as far as its stage is on the critical path."""

from __future__ import annotations

import pytest
from record_factory import make_record, make_stage

from workbench.explain.prediction.criticality import slopes
from workbench.records import Comparison, Interval, Throughput, VariantResult

STAGES = [make_stage("worker", "decode", 1.0, per="sample", count=100), make_stage("main", "wait", 0.5)]


def found(rates: list[float], **knobs):
    """Slopes of a variant that adds 2 ms to the decoding of each image, beside a baseline of 10 ms an image."""
    own = make_record(100.0, stages=STAGES, num_steps=10)
    slow = make_record(100.0, stages=STAGES, num_steps=10, **{"slow_down": "decode:2", "checked_samples": 0, **knobs})
    results = [
        result("baseline", own.knobs, [100.0] * len(rates)),
        result("slow", slow.knobs, rates),
    ]
    comparison = Comparison(
        created_at="", item="image", baseline="baseline", num_blocks=len(rates), seed=0, order=[], variants=results
    )
    return slopes(comparison, own)


def result(name, knobs, rates):
    rate = Throughput(median=rates[0], geometric_mean=Interval(estimate=rates[0], ci95=None), per_block=rates)
    return VariantResult(name=name, knobs=knobs, run_ids=[], samples_per_s=rate, speedup=None, verdict=None)


@pytest.mark.parametrize(
    ("sample_ms", "slope", "sentence"),
    [
        ([12.0, 12.05, 11.95], 1.0, "on the critical path"),
        ([11.0, 11.05, 10.95], 0.5, "on the critical path"),
        ([10.0, 10.02, 9.98], 0.0, "hides behind something else"),
        ([10.0, 12.0, 10.5], 0.42, "is not decided yet"),
    ],
)
def test_the_slope_is_what_the_run_shows_of_what_was_added(sample_ms, slope, sentence):
    (shown,) = found([1000.0 / ms for ms in sample_ms])
    assert shown.sentence.startswith("'decode' was made 2.00 ms an image slower; ")
    assert shown.added_s == pytest.approx(0.002)
    assert shown.slope == pytest.approx(slope, abs=0.02)
    assert sentence in shown.sentence


def test_few_blocks_have_no_interval():
    (shown,) = found([90.0])
    assert shown.interval is None
    assert "too few blocks" in shown.sentence


def test_a_variant_that_changes_more_has_no_slope():
    assert found([90.0, 91.0, 92.0], num_workers=4) == []
    assert found([90.0, 91.0, 92.0], slow_down="decode:1,wait:1") == []
