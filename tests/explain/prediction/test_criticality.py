"""A delay shows in the run as far as its stage is on the critical path."""

from __future__ import annotations

import pytest
from record_factory import make_record, make_stage

from workbench.explain.prediction.criticality import slopes
from workbench.explain.verdicts.comparison import compare

STAGES = [make_stage("worker", "decode", 1.0, per="page", count=100), make_stage("main", "wait", 0.5)]


def found(rates: list[float], **knobs):
    """Slopes of a variant that adds 2 ms to each page's decoding, beside a baseline of 10 ms a page."""
    own = [make_record(100.0, stages=STAGES, num_steps=10) for _ in rates]
    slow = [make_record(rate, stages=STAGES, num_steps=10, **{"slow_down": "decode:2", **knobs}) for rate in rates]
    comparison = compare({"baseline": own, "slow": slow}, baseline="baseline", order=[["baseline", "slow"]], seed=0)
    return slopes(comparison, own[0])


@pytest.mark.parametrize(
    ("page_ms", "slope", "told"),
    [
        ([12.0, 12.05, 11.95], 1.0, "on the critical path"),
        ([11.0, 11.05, 10.95], 0.5, "on the critical path"),
        ([10.0, 10.02, 9.98], 0.0, "hides behind something else"),
        ([10.0, 12.0, 10.5], 0.42, "cannot be told yet"),
    ],
)
def test_the_slope_is_what_the_run_shows_of_what_was_added(page_ms, slope, told):
    (one,) = found([1000.0 / ms for ms in page_ms])
    assert one.added_s == pytest.approx(0.002)
    assert one.slope == pytest.approx(slope, abs=0.02)
    assert told in one.told


def test_few_blocks_have_no_interval():
    (one,) = found([90.0])
    assert one.interval is None
    assert "too few blocks" in one.told


def test_a_variant_that_changes_more_has_no_slope():
    assert found([90.0, 91.0, 92.0], num_workers=4) == []
    assert found([90.0, 91.0, 92.0], slow_down="decode:1,wait:1") == []
