"""Counting wrong verdicts, on blocks whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.analysis.error_rates import (
    drawn_comparisons,
    false_verdicts,
    planted,
    real_comparisons,
    sample,
    share,
    spread_of,
    tellable,
)
from workbench.records import Policy

POLICY = Policy(planned_blocks=12)


def noise(count: int, spread: float = 0.02, seed: int = 0):
    return np.random.default_rng(seed).normal(0.0, spread, count)


def test_a_comparison_is_sampled_until_it_is_clear():
    found = sample(np.log(1.3) + noise(12, 0.005), POLICY)
    assert found.verdict == "faster"
    assert found.num_blocks < 12
    assert sample(noise(12, 0.2), POLICY).num_blocks == 12


def test_real_comparisons_follow_one_another_and_share_no_block():
    ratios = noise(60)
    found = real_comparisons(ratios, POLICY, 12)
    assert sum(one.num_blocks for one in found) <= 60
    assert found[0] == sample(ratios[:12], POLICY)
    begin = found[0].num_blocks
    assert found[1] == sample(ratios[begin : begin + 12], POLICY)


def test_identical_variants_are_rarely_told_apart():
    rates = false_verdicts([noise(50, seed=1), noise(50, seed=2)], POLICY, 12, seed=0)
    assert rates.resampled.of == 2000
    assert rates.resampled.share <= 0.05
    assert rates.real.of >= 8


def test_variants_that_are_not_identical_are_caught():
    """The planted fault: a pair whose second trial is always slower, as where one variant has a slot of its own."""
    rates = false_verdicts([noise(50) - 0.05], POLICY, 12, seed=0)
    assert rates.resampled.share > 0.5
    assert rates.real.share > 0.5


def test_a_planted_slow_down_is_found_and_held_by_the_interval():
    rates = planted(
        np.log(1 / 1.05) + noise(400, 0.015), POLICY, 12, stage="decode", asked=0.05, size=0.05, seed=0
    )
    assert rates.found.share >= 0.9
    assert rates.covered.share >= 0.93
    assert rates.estimate == pytest.approx(0.05, abs=0.005)


def test_an_interval_that_misses_the_planted_size_is_counted_as_such():
    rates = planted(np.log(1 / 1.05) + noise(400, 0.015), POLICY, 12, stage="decode", asked=0.1, size=0.1, seed=0)
    assert rates.covered.share < 0.5


def test_the_same_seed_draws_the_same_comparisons():
    ratios = noise(30)
    first, again = (drawn_comparisons(ratios, POLICY, 8, seed=3, count=20) for _ in range(2))
    assert first == again


def test_more_time_tells_smaller_differences():
    short, long, none = tellable(0.03, 5.0, [1.0, 4.0, 0.2], POLICY)
    assert (short.num_blocks, long.num_blocks) == (6, 24)
    assert long.effect < short.effect
    assert none.effect is None


def test_shares_have_their_exact_interval():
    assert share([False] * 20).ci95 == pytest.approx((0.0, 0.1684), abs=1e-4)
    assert share([]).share is None


def test_the_spread_is_around_no_difference():
    assert spread_of([np.array([0.01, -0.01]), np.array([0.01])]) == pytest.approx(0.01)
