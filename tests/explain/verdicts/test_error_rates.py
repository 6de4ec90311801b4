"""Counting wrong verdicts, on blocks whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.explain.verdicts import error_rates
from workbench.explain.verdicts.effect import VERDICTS, estimate, verdict_of
from workbench.explain.verdicts.error_rates import (
    detectable,
    false_verdicts,
    planted,
    real_comparisons,
    sample,
    share,
    spread_of,
)
from workbench.records import Policy

POLICY = Policy(planned_blocks=12)


@pytest.fixture(autouse=True)
def _few_are_drawn(monkeypatch):
    monkeypatch.setattr(error_rates, "DRAWN", 2000)


def noise(count: int, spread: float = 0.02, seed: int = 0):
    return np.random.default_rng(seed).normal(0.0, spread, count)


def rates(blocks: int, variants: int, spread: float = 0.02, seed: int = 0):
    """Log rates of identical variants, whose blocks differ more than they do."""
    draw = np.random.default_rng(seed)
    return draw.normal(4.0, 0.2, (blocks, 1)) + draw.normal(0.0, spread, (blocks, variants))


@pytest.mark.parametrize("ratio", [1.0, 1.04, 1.3, 1 / 1.1])
def test_many_comparisons_are_judged_as_one_comparison_is(ratio):
    ratios = np.log(ratio) + noise(12 * 40, 0.03).reshape(40, 12)
    found = sample(ratios, POLICY)
    for number, own in enumerate(ratios):
        for n in range(POLICY.min_blocks, 13):
            effect = estimate(own[:n], POLICY)
            verdict = verdict_of(effect, POLICY)
            if verdict != "inconclusive":
                break
        assert (VERDICTS[found.verdicts[number]], found.num_blocks[number]) == (verdict, n)
        assert (found.lows[number], found.highs[number]) == pytest.approx(effect.ci95)


def test_real_comparisons_follow_one_another_and_share_no_block():
    ratios = noise(60)
    found = real_comparisons(ratios, POLICY, 12)
    assert found.num_blocks.sum() <= 60
    begin = found.num_blocks[0]
    second = sample(ratios[np.newaxis, begin : begin + 12], POLICY)
    assert (found.verdicts[1], found.estimates[1]) == (second.verdicts[0], second.estimates[0])
    assert len(real_comparisons(ratios[:11], POLICY, 12).verdicts) == 0


def test_identical_variants_are_rarely_called_different():
    found = false_verdicts(rates(40, 8), POLICY, 12, seed=0)
    assert found.resampled.of == 2000
    assert found.resampled.share <= 0.05
    assert found.real.of >= 4 * 3


def test_variants_that_are_not_identical_are_caught():
    """The planted fault: the second of a pair is always slower, as where one variant has a slot of its own."""
    found = false_verdicts(rates(50, 2) - [0.0, 0.05], POLICY, 12, seed=0)
    assert found.resampled.share > 0.5
    assert found.real.share > 0.5


def test_the_interval_of_resampled_comparisons_knows_how_few_blocks_there_were():
    few = false_verdicts(rates(14, 2), POLICY, 12, seed=0).resampled
    exact = share(np.arange(few.of) < few.count).ci95
    assert few.ci95[1] - few.ci95[0] > 2 * (exact[1] - exact[0]), "as if 2000 comparisons had been run"


def slowed(blocks: int, size: float, spread: float = 0.015):
    both = rates(blocks, 4, spread)
    return both[:, 0] - np.log1p(size), both[:, 1:]


def test_a_planted_slow_down_is_found_and_held_by_the_interval():
    found = planted(*slowed(60, 0.05), POLICY, 12, stage="read", asked=0.05, size=0.05, seed=0)
    assert found.found.share >= 0.9
    assert found.covered.share >= 0.93
    assert found.real.share >= 0.9
    assert found.estimate == pytest.approx(0.05, abs=0.006)


def test_an_interval_that_misses_the_planted_size_is_counted_as_such():
    found = planted(*slowed(60, 0.05), POLICY, 12, stage="read", asked=0.1, size=0.1, seed=0)
    assert found.covered.share < 0.5


def test_the_same_seed_draws_the_same_comparisons():
    first, again = (false_verdicts(rates(20, 4), POLICY, 8, seed=3) for _ in range(2))
    assert first == again


def test_more_time_tells_smaller_differences():
    short, long, none = detectable(0.03, 5.0, [1.0, 4.0, 0.2], POLICY)
    assert (short.num_blocks, long.num_blocks) == (6, 24)
    assert long.effect < short.effect
    assert none.effect is None


def test_shares_have_their_exact_interval():
    assert share(np.zeros(20, bool)).ci95 == pytest.approx((0.0, 0.1684), abs=1e-4)
    assert share(np.zeros(0, bool)).share is None


def test_the_spread_is_that_of_the_ratio_of_two():
    both = rates(4000, 2, 0.02)
    assert spread_of(both) == pytest.approx((both[:, 1] - both[:, 0]).std(), rel=0.05)
    assert spread_of(rates(2000, 8, 0.02)) == pytest.approx(0.02 * 2**0.5, rel=0.05)
