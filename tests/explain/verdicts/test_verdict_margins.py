"""What would change a verdict is what `judge` would really say otherwise; nothing is said of what was not measured."""

from __future__ import annotations

import math
import re

import pytest
from record_factory import make_failed, make_record

from workbench.explain.verdicts.comparison import compare
from workbench.explain.verdicts.effect import judge
from workbench.explain.words.margins import Margins, what_it_rests_on, what_would_change
from workbench.records import Comparison, Interval, PageParity, Parity, Policy

BASE = (100, 101, 99)


def run_comparison(*rates: float, parity: Parity | None = None, **knobs) -> Comparison:
    records = {
        "baseline": [make_record(rate) for rate in BASE[: len(rates)]],
        "a": [make_record(rate, **knobs) for rate in rates],
    }
    found = {"a": parity} if parity else None
    return compare(records, baseline="baseline", order=[list(records)] * len(rates), seed=0, parity=found)


def only(comparison: Comparison) -> Margins:
    (margins,) = what_would_change(comparison)
    return margins


def told(comparison: Comparison) -> str:
    return " ".join(only(comparison).points)


def scaled(interval: Interval, factor: float) -> Interval:
    """The interval so many times as wide around the same estimate, as ratios go."""
    assert interval.ci95 is not None
    centre = math.log(interval.estimate)
    low, high = (centre + (math.log(end) - centre) * factor for end in interval.ci95)
    return Interval(estimate=interval.estimate, ci95=(math.exp(low), math.exp(high)))


@pytest.mark.parametrize(
    ("rates", "verdict"),
    [((150, 152, 149), "faster"), ((70, 71, 69), "slower"), ((100.1, 101.3, 99.0), "no_difference")],
)
def test_an_interval_so_many_times_as_wide_is_judged_otherwise(rates, verdict):
    comparison = run_comparison(*rates)
    one = comparison.variants[1]
    assert one.verdict == verdict
    factor = float(re.search(r"([\d.]+) times as wide", told(comparison))[1])
    assert factor >= 1.0
    assert judge(scaled(one.speedup, factor * 0.9), comparison.policy) == verdict
    assert judge(scaled(one.speedup, factor * 1.1), comparison.policy) != verdict


@pytest.mark.parametrize(
    ("rates", "settled"), [((190, 150, 240), "faster"), ((50, 80, 60), "slower"), ((100, 103, 98), "no_difference")]
)
def test_an_undecided_one_is_decided_by_an_interval_so_narrow(rates, settled):
    comparison = run_comparison(*rates)
    one = comparison.variants[1]
    assert one.verdict == "inconclusive"
    text = told(comparison)
    assert "leaves open whether it is" in text
    assert f"to say '{settled.replace('_', ' ')}'" in text
    factor = float(re.search(r"([\d.]+) times as wide", text)[1])
    assert factor < 1.0
    assert judge(scaled(one.speedup, factor * 0.9), comparison.policy) == settled
    assert judge(scaled(one.speedup, factor * 1.1), comparison.policy) == "inconclusive"
    assert "more block" in text


@pytest.mark.parametrize("rates", [(150, 152, 149), (70, 71, 69), (100.1, 101.3, 99.0), (103, 107, 100)])
def test_the_smallest_difference_at_which_the_verdict_turns_is_that_of_the_judge(rates):
    comparison = run_comparison(*rates)
    one = comparison.variants[1]
    turns_at = float(re.search(r"counts is 2 %: (?:from|below) ([\d.]+) %", told(comparison))[1]) / 100
    verdicts = {judge(one.speedup, Policy(min_effect=turns_at + step)) for step in (-0.001, 0.001)}
    assert len(verdicts) == 2
    assert one.verdict in verdicts


def test_blocks_that_disagree_are_counted():
    assert "ahead of the baseline in each of 3 (1.50x to 1.51x)" in told(run_comparison(150, 152, 149))
    assert "in none of 3" in told(run_comparison(70, 71, 69))
    assert "in 2 of 3" in told(run_comparison(100.1, 101.3, 98.9))


def test_too_few_blocks_have_no_interval():
    text = told(run_comparison(150, 152))
    assert "fewer than 3 complete blocks" in text
    assert "times as wide" not in text
    assert "smallest difference" not in text


def test_the_result_and_the_price_are_among_what_counts():
    pages = PageParity(
        max_levels=0.4, mean_levels=0.02, tolerance_levels=1.0, tolerance_reason="rounding", num_pages=4,
        status="within_tolerance",
    )  # fmt: skip
    within = told(run_comparison(150, 152, 149, parity=Parity(pages=pages, status="within_tolerance"), startup_s=6.0))
    assert "0.40 levels of 255, and may by 1.00 (rounding)" in within
    assert "It starts 1.00 s later, which has paid after 3 epochs" in within
    assert "was not checked" in told(run_comparison(150, 152, 149))
    assert "no speed makes up" in told(run_comparison(150, 152, 149, parity=Parity(status="different")))
    assert "is the baseline's" in told(run_comparison(150, 152, 149, parity=Parity(status="same")))


def test_what_failed_has_no_margins():
    records = {"baseline": [make_record(rate) for rate in BASE], "a": [make_failed()]}
    failed = compare(records, baseline="baseline", order=[list(records)] * 3, seed=0)
    assert only(failed).points == [
        "It failed in phase 'steady'. It gets a verdict when all of its trials run to their end."
    ]
    records = {"baseline": [make_failed()], "a": [make_record(rate) for rate in BASE]}
    without = compare(records, baseline="baseline", order=[list(records)] * 3, seed=0)
    assert only(without).points == ["Nothing can be said of it until the baseline runs to its end."]


def test_intervals_without_any_width_are_no_division_by_zero():
    records = {"baseline": [make_record(100)] * 3, "a": [make_record(150)] * 3, "b": [make_record(100)] * 3}
    comparison = compare(records, baseline="baseline", order=[list(records)] * 3, seed=0)
    for margins in what_would_change(comparison):
        assert any("many times as wide" in point for point in margins.points)


def test_what_all_verdicts_rest_on_names_pages_settings_and_the_simulated_device():
    rests = " ".join(what_it_rests_on(run_comparison(150, 152, 149, cache="decoded")))
    assert "all pages of 'data_samples'" in rests
    assert "num_workers=2 and batch_size=16" in rests
    assert "simulated" in rests
    real = run_comparison(150, 152, 149)
    measured = real.model_copy(
        update={"variants": [one.model_copy(update={"simulated": False}) for one in real.variants]}
    )
    assert "simulated" not in " ".join(what_it_rests_on(measured))
