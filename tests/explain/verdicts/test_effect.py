"""Effects, their intervals and what may be said of them: by hand, and on many made-up comparisons."""

from __future__ import annotations

import numpy as np
import pytest
from record_factory import make_failed, make_record
from scipy import stats

from workbench.explain.verdicts.effect import (
    estimate,
    more_blocks,
    paired_log_ratios,
    smallest_effect,
    student_interval,
    verdict_of,
)
from workbench.explain.verdicts.error_budget import bound
from workbench.explain.verdicts.spread import Spread
from workbench.records import Interval, Policy

POLICY = Policy()


def test_an_interval_that_was_planned_is_students():
    log_ratios = np.log([1.1, 1.2, 1.3, 1.25])
    half = 3.182446305284263 * log_ratios.std(ddof=1) / 2  # t quantile of 3 degrees of freedom
    interval = student_interval(log_ratios, 0.95)
    assert interval.ci95 == pytest.approx((np.exp(log_ratios.mean() - half), np.exp(log_ratios.mean() + half)))
    assert student_interval(log_ratios[:1], 0.95).ci95 is None


def test_an_interval_that_may_be_looked_at_after_every_block_is_wider():
    log_ratios = np.log([1.1, 1.2, 1.3, 1.25])
    low, high = estimate(log_ratios, POLICY).ci95
    half = bound(4, error=0.05, first=3, planned=5, kept=0.2) * log_ratios.std(ddof=1) / 2
    assert np.log(high / low) == pytest.approx(2 * half)
    assert low < student_interval(log_ratios, 0.95).ci95[0]
    several = estimate(log_ratios, POLICY, num_compared=3)
    assert several.ci95[0] < low, "with several variants each interval is wider"


@pytest.mark.parametrize(
    ("estimate_", "ci95", "verdict"),
    [
        (1.5, (1.3, 1.7), "faster"),
        (0.7, (0.6, 0.8), "slower"),
        (1.001, (0.99, 1.012), "no_difference"),
        (1.01, (1.005, 1.015), "no_difference"),  # sure, and too small to matter
        (1.3, (0.9, 1.9), "inconclusive"),
        (1.015, (1.001, 1.03), "inconclusive"),  # clear of 1, but maybe too small to matter
        (1.5, None, "inconclusive"),
    ],
)
def test_a_verdict_needs_an_interval_and_an_effect(estimate_, ci95, verdict):
    assert verdict_of(Interval(estimate=estimate_, ci95=ci95), POLICY) == verdict


def sampled(effect: float, *, most: int, spread: float = 0.02, count: int = 2000, seed: int = 0):
    """Comparisons that are looked at after every block and stopped when they are clear."""
    policy = Policy(planned_blocks=most)
    draw = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        ratios = np.log(effect) + draw.normal(0, spread, most)
        for n in range(policy.min_blocks, most + 1):
            interval = estimate(ratios[:n], policy)
            verdict = verdict_of(interval, policy)
            if verdict != "inconclusive":
                break
        found.append((verdict, interval.ci95, n))
    return found


def test_identical_variants_are_rarely_called_different_though_one_looks_after_every_block():
    wrong = sum(verdict in ("faster", "slower") for verdict, _, _ in sampled(1.0, most=12))
    assert wrong / 2000 <= 0.05


@pytest.mark.parametrize("effect", [1.05, 1 / 1.05, 1.2])
def test_a_difference_is_found_and_the_interval_holds_it(effect):
    found = sampled(effect, most=12)
    right = "faster" if effect > 1 else "slower"
    assert sum(verdict == right for verdict, _, _ in found) / 2000 >= 0.9
    assert sum(low <= effect <= high for _, (low, high), _ in found) / 2000 >= 0.93


def test_a_large_difference_is_clear_early():
    assert np.median([n for _, _, n in sampled(1.5, most=12)]) < 8


def test_with_few_blocks_there_is_no_interval():
    assert estimate(np.log([1.5, 1.5]), POLICY).ci95 is None
    assert estimate(np.array([]), POLICY) is None


def test_how_many_more_blocks_are_needed():
    draw = np.random.default_rng(2)
    ratios = np.log(1.04) + draw.normal(0, 0.03, 5)
    ratios += np.log(1.04) - ratios.mean()
    more = more_blocks(ratios, POLICY)
    assert verdict_of(estimate(ratios, POLICY), POLICY) == "inconclusive"
    assert more is not None and more > 0
    calmer = np.log(1.04) + (ratios - ratios.mean()) / 2
    assert more_blocks(calmer, POLICY) < more
    assert more_blocks(np.log([1.5, 1.5, 1.5, 1.5, 1.51]), POLICY) == 0
    assert more_blocks(np.log([1.5]), POLICY) == 2, "as many as the first verdict takes"
    assert more_blocks(np.array([]), POLICY) == 3


def test_beyond_the_foreseen_blocks_a_rough_number_is_given():
    noisy = np.log([1.07, 0.98, 1.12, 0.9, 1.03, 0.95, 1.08])
    more = more_blocks(noisy, POLICY)
    assert more is not None and more > 100
    # An interval goes with one over the root of the blocks: with half the spread, a quarter of them.
    half = noisy.mean() + (noisy - noisy.mean()) / 2
    assert more_blocks(half, POLICY) == pytest.approx(more / 4, rel=0.25)
    hopeless = np.log([0.5, 2.0, 0.4, 2.2, 1.1])
    assert more_blocks(hopeless, POLICY) is None, "more than are counted"


@pytest.mark.parametrize("blocks", [5, 12])
def test_the_smallest_effect_is_found_in_nine_of_ten(blocks):
    policy = Policy(planned_blocks=blocks)
    effect = smallest_effect(Spread(0.03), blocks, policy)
    draw = np.random.default_rng(4)
    verdicts = [
        verdict_of(estimate(np.log1p(effect) + draw.normal(0, 0.03, blocks), policy), policy) for _ in range(3000)
    ]
    assert verdicts.count("faster") / 3000 == pytest.approx(0.9, abs=0.03)
    assert smallest_effect(Spread(0.03), 2, policy) is None
    assert smallest_effect(Spread(1e-6), blocks, policy) == pytest.approx(policy.min_effect, rel=0.01)


def test_blocks_are_paired_by_number():
    own = [make_record(200), make_failed(), make_record(300)]
    baseline = [make_record(100), make_record(1), make_record(100)]
    assert np.exp(paired_log_ratios(own, baseline)) == pytest.approx([2.0, 3.0])


def test_the_bound_is_never_below_students():
    for n in range(3, 13):
        assert bound(n, error=0.05, first=3, planned=12, kept=0.2) > stats.t.ppf(0.975, n - 1)
