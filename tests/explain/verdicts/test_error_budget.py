"""The bounds keep the promise: over all looks together, noise is called different as rarely as was said."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from workbench.explain.verdicts.error_budget import bound, last_look, spent_share

RULES = {"error": 0.05, "first": 3, "planned": 8, "kept": 0.2}


def called_different(bounds: dict[int, float], comparisons: int = 40_000, seed: int = 7) -> float:
    """Share of comparisons of pure noise that exceed a bound at any look."""
    ratios = np.random.default_rng(seed).standard_normal((comparisons, max(bounds)))
    out = np.zeros(comparisons, bool)
    for n, limit in bounds.items():
        seen = ratios[:, :n]
        out |= np.abs(seen.mean(1)) > limit * seen.std(1, ddof=1) / n**0.5
    return float(out.mean())


def test_over_the_planned_blocks_four_fifths_of_the_budget_are_spent():
    bounds = {n: bound(n, **RULES) for n in range(3, 9)}
    assert called_different(bounds) == pytest.approx(0.04, abs=0.004)


def test_with_the_blocks_that_are_added_it_is_still_kept():
    bounds = {n: bound(n, **RULES) for n in range(3, last_look(3, 8) + 1)}
    assert 0.04 < called_different(bounds) < 0.052


def test_students_bound_at_every_look_would_break_the_promise():
    bounds = {n: float(stats.t.ppf(0.975, n - 1)) for n in range(3, 13)}
    assert called_different(bounds) > 0.10


def test_one_look_with_the_whole_budget_is_students_test():
    assert bound(6, error=0.05, first=6, planned=6, kept=0.0) == pytest.approx(stats.t.ppf(0.975, 5), rel=0.02)


def test_before_the_first_look_there_is_no_bound_and_after_the_last_foreseen_one_there_is():
    assert bound(2, **RULES) is None
    far = last_look(3, 8) + 40
    assert bound(far, **RULES) > bound(8, **RULES), "little is left to spend"


def test_asking_for_more_looks_changes_none_of_those_before():
    before = [bound(n, **RULES) for n in range(3, 12)]
    bound(200, **RULES)
    assert [bound(n, **RULES) for n in range(3, 12)] == before


def test_a_look_with_nothing_to_spend_has_a_bound_that_noise_does_not_reach():
    rules = {**RULES, "planned": 400}
    assert called_different({3: bound(3, **rules)}) < 1e-4


@pytest.mark.parametrize("planned", [1, 2, 3, 5, 12, 40])
def test_the_budget_is_spent_bit_by_bit_and_never_overdrawn(planned):
    shares = [spent_share(n, planned, 0.2) for n in range(1, planned + 100)]
    assert shares == sorted(shares)
    assert shares[planned - 1] == pytest.approx(0.8)
    assert shares[-1] < 1.0
