"""What would change a verdict is what `verdict_of` would really say; nothing is said of what was not measured."""

from __future__ import annotations

import math
import re

import pytest
from record_factory import make_failed, make_record

from workbench.explain.verdicts.comparison import compare
from workbench.explain.verdicts.effect import verdict_of
from workbench.explain.words.margins import Margins, what_it_rests_on, what_would_change
from workbench.records import Check, Checks, Comparison, Interval, Policy

BASE = (100, 101, 99)


def compared(*rates: float, checks: Checks | None = None, **knobs) -> Comparison:
    records = {
        "baseline": [make_record(rate) for rate in BASE[: len(rates)]],
        "a": [make_record(rate, **knobs) for rate in rates],
    }
    found = {"a": checks} if checks else None
    return compare(records, baseline="baseline", order=[list(records)] * len(rates), seed=0, checks=found)


def only(comparison: Comparison) -> Margins:
    (margins,) = what_would_change(comparison)
    return margins


def sentences(comparison: Comparison) -> str:
    return " ".join(only(comparison).points)


def scaled(interval: Interval, factor: float) -> Interval:
    """The interval a number of times as wide around the same estimate, as ratios go."""
    assert interval.ci95 is not None
    centre = math.log(interval.estimate)
    low, high = (centre + (math.log(end) - centre) * factor for end in interval.ci95)
    return Interval(estimate=interval.estimate, ci95=(math.exp(low), math.exp(high)))


@pytest.mark.parametrize(
    ("rates", "verdict"),
    [((150, 152, 149), "faster"), ((70, 71, 69), "slower"), ((100.1, 101.3, 99.0), "no_difference")],
)
def test_a_wider_interval_as_it_is_named_changes_the_verdict(rates, verdict):
    comparison = compared(*rates)
    variant = comparison.variants[1]
    assert variant.verdict == verdict
    factor = float(re.search(r"([\d.]+) times as wide", sentences(comparison))[1])
    assert factor >= 1.0
    assert verdict_of(scaled(variant.speedup, factor * 0.9), comparison.policy) == verdict
    assert verdict_of(scaled(variant.speedup, factor * 1.1), comparison.policy) != verdict


@pytest.mark.parametrize(
    ("rates", "decided"), [((190, 150, 240), "faster"), ((50, 80, 60), "slower"), ((100, 103, 98), "no_difference")]
)
def test_an_undecided_one_is_decided_by_an_interval_as_narrow_as_is_named(rates, decided):
    comparison = compared(*rates)
    variant = comparison.variants[1]
    assert variant.verdict == "inconclusive"
    text = sentences(comparison)
    assert "leaves open whether it is" in text
    assert f"to say '{decided.replace('_', ' ')}'" in text
    factor = float(re.search(r"([\d.]+) times as wide", text)[1])
    assert factor < 1.0
    assert verdict_of(scaled(variant.speedup, factor * 0.9), comparison.policy) == decided
    assert verdict_of(scaled(variant.speedup, factor * 1.1), comparison.policy) == "inconclusive"
    assert "more block" in text


@pytest.mark.parametrize("rates", [(150, 152, 149), (70, 71, 69), (100.1, 101.3, 99.0), (103, 107, 100)])
def test_the_smallest_difference_at_which_the_verdict_turns_is_that_of_the_verdict(rates):
    comparison = compared(*rates)
    variant = comparison.variants[1]
    turns_at = float(re.search(r"counts is 2 %: (?:from|below) ([\d.]+) %", sentences(comparison))[1]) / 100
    verdicts = {verdict_of(variant.speedup, Policy(min_effect=turns_at + step)) for step in (-0.001, 0.001)}
    assert len(verdicts) == 2
    assert variant.verdict in verdicts


def test_blocks_that_disagree_are_counted():
    assert "faster than the baseline in each of 3 (1.50x to 1.51x)" in sentences(compared(150, 152, 149))
    assert "in none of 3" in sentences(compared(70, 71, 69))
    assert "in 2 of 3" in sentences(compared(100.1, 101.3, 98.9))


def test_too_few_blocks_have_no_interval():
    text = sentences(compared(150, 152))
    assert "that takes 3 complete blocks" in text
    assert "times as wide" not in text
    assert "smallest difference" not in text


def test_the_result_and_the_cost_are_among_what_counts():
    def result(**check) -> str:
        return sentences(compared(150, 152, 149, checks=Checks(checks=[Check(name="pixels", **check)], num_samples=4)))

    within = Check(
        name="pixels", status="within_tolerance", measured="0.4 levels", allowed="1 at most", reason="rounding"
    )
    text = sentences(compared(150, 152, 149, checks=Checks(checks=[within], num_samples=4), startup_s=6.0))
    assert "pixels by 0.4 levels (allowed: 1 at most, rounding)" in text
    assert "It starts 1.00 s later, which has paid after 3 epochs" in text
    assert "was not checked" in sentences(compared(150, 152, 149))
    assert "was not checked" in result(status="not_comparable", measured="")
    assert "not the baseline's (pixels): no speed makes up" in result(status="different", measured="9 levels")
    assert "is the baseline's, over 4 pages" in result(status="same", measured="0 levels")


def test_what_failed_has_no_margins():
    records = {"baseline": [make_record(rate) for rate in BASE], "a": [make_failed()]}
    failed = compare(records, baseline="baseline", order=[list(records)] * 3, seed=0)
    assert only(failed).points == [
        "It failed in phase 'steady'. It gets a verdict when all of its trials run to their end."
    ]
    records = {"baseline": [make_failed()], "a": [make_record(rate) for rate in BASE]}
    without = compare(records, baseline="baseline", order=[list(records)] * 3, seed=0)
    assert only(without).points == ["It has no verdict until the baseline runs to its end."]


def test_intervals_without_any_width_do_not_divide_by_zero():
    records = {"baseline": [make_record(100)] * 3, "a": [make_record(150)] * 3, "b": [make_record(100)] * 3}
    comparison = compare(records, baseline="baseline", order=[list(records)] * 3, seed=0)
    for margins in what_would_change(comparison):
        assert any("many times as wide" in point for point in margins.points)


def test_what_all_verdicts_rest_on_names_settings_and_the_simulated_device():
    rates = {"baseline": BASE, "a": (150, 152, 149)}
    records = {name: [make_record(rate, num_pages=7, seed=3) for rate in rates[name]] for name in rates}
    comparison = compare(records, baseline="baseline", order=[list(records)] * 3, seed=0)
    text = " ".join(what_it_rests_on(comparison))
    assert "num_workers=2 batch_size=16" in text
    assert "num_pages=7" in text and "seed=3" in text
    assert "simulated" in text
    variants = [variant.model_copy(update={"simulated": False}) for variant in comparison.variants]
    assert "simulated" not in " ".join(what_it_rests_on(comparison.model_copy(update={"variants": variants})))
