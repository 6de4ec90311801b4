"""The spread of blocks: shared by variants that scatter alike, and by none that would make verdicts wrong."""

from __future__ import annotations

import numpy as np
import pytest
from identical_variants import count_wrong
from scipy import stats

from workbench.explain.verdicts.error_budget import bound
from workbench.explain.verdicts.spread import spread_of_blocks, worth_of
from workbench.records import Policy

ALIKE = [np.array([0.01, 0.03, 0.02]), np.array([0.00, 0.02, 0.01]), np.array([-0.02, 0.01, -0.01])]


def test_one_variant_has_its_own_spread():
    spread = spread_of_blocks(ALIKE[0])
    assert (spread.value, spread.worth) == (pytest.approx(ALIKE[0].std(ddof=1)), 1.0)


def test_variants_that_scatter_alike_share_theirs():
    spread = spread_of_blocks(ALIKE[0], ALIKE[1:])
    assert spread.value == pytest.approx(np.mean([own.var(ddof=1) for own in ALIKE]) ** 0.5)
    assert spread.worth == pytest.approx(2.0)
    assert spread.freedom(3) == pytest.approx(4.0)


def test_a_variant_that_scatters_more_keeps_its_own():
    wild = np.array([0.5, -0.4, 0.1])
    assert spread_of_blocks(wild, ALIKE).worth == 1.0


def test_one_that_is_out_of_line_is_none_to_go_by():
    wild = np.array([5.0, -4.0, 1.0])
    assert spread_of_blocks(ALIKE[0], [*ALIKE[1:], wild]) == spread_of_blocks(ALIKE[0], ALIKE[1:])


def test_one_with_fewer_blocks_is_left_out():
    assert spread_of_blocks(ALIKE[0], [np.array([0.0, 0.1])]).worth == 1.0


def test_ratios_to_one_baseline_are_worth_less_than_their_number():
    """By simulation: the variance of a mean of variances is 2 / freedom of its square."""
    draw = np.random.default_rng(0)
    for count in (2, 3, 5):
        rates = draw.normal(size=(40_000, 6, count + 1))
        together = (rates[:, :, 1:] - rates[:, :, :1]).var(axis=1, ddof=1).mean(axis=1)
        freedom = 2 * together.mean() ** 2 / together.var()
        assert freedom == pytest.approx(5 * worth_of(count), rel=0.05)
    assert worth_of(1) == 1.0


def test_the_bound_for_a_shared_spread_is_students_for_its_freedom():
    """One look at six blocks; the squares of the others are simulated."""
    found = bound(6, error=0.05, first=6, planned=6, kept=0.0, worth=2.0)
    assert found == pytest.approx(stats.t.ppf(0.975, 10), rel=0.02)


@pytest.mark.parametrize(
    "spreads", [(1, 1, 1, 1), (3, 1, 1, 1), (1, 1, 1, 3), (1, 1, 2), (1, 1, 4), (0.3, 0.3, 0.3, 5)]
)
def test_identical_variants_are_called_different_as_rarely_as_is_promised(spreads):
    """All verdicts of a comparison together, at whichever look; the baseline's spread comes first."""
    wrong = count_wrong(600, spreads, Policy(planned_blocks=4))
    assert stats.binomtest(wrong, 600, 0.05, alternative="greater").pvalue > 1e-3


def test_a_spread_that_were_always_shared_would_break_the_promise():
    """Planted: without the two guards, a variant of five times the others' spread is called different too often."""
    draw = np.random.default_rng(1)
    rates = draw.normal(size=(600, 4, 4)) * np.array((0.3, 0.3, 0.3, 5)) * 0.02
    limit, wrong = bound(4, error=0.05 / 3, first=3, planned=4, kept=0.2, worth=2.0), 0
    for own in rates:
        ratios = (own[:, 1:] - own[:, :1]).T
        half = limit * (ratios.var(axis=1, ddof=1).mean() / 4) ** 0.5
        wrong += bool((np.abs(ratios.mean(axis=1)) > half).any())
    assert stats.binomtest(wrong, len(rates), 0.05, alternative="greater").pvalue < 1e-3
