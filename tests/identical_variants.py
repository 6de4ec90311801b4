"""Comparisons of variants that do not differ, of which a verdict may be wrong as rarely as is promised."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.explain.verdicts.effect import estimate
from workbench.records import Policy


def count_wrong(draws: int, spreads: Sequence[float], policy: Policy, *, looks: Sequence[int] = (3, 4)) -> int:
    """In how many comparisons one of its variants is called different, at whichever look.

    Args:
        draws: How many comparisons.
        spreads: How far the rates of the baseline and of each variant scatter, in units of 2 %.
        policy: The rules.
        looks: After how many blocks one looks.
    """
    draw = np.random.default_rng(1)
    rates = draw.normal(size=(draws, max(looks), len(spreads))) * np.array(spreads) * 0.02
    return sum(_is_wrong((own[:, 1:] - own[:, :1]).T, policy, looks) for own in rates)


def _is_wrong(ratios: np.ndarray, policy: Policy, looks: Sequence[int]) -> bool:
    for blocks in looks:
        looked_at = [own[:blocks] for own in ratios]
        for number, own in enumerate(looked_at):
            others = looked_at[:number] + looked_at[number + 1 :]
            low, high = estimate(own, policy, num_compared=len(ratios), others=others).ci95
            if low > 1.0 or high < 1.0:
                return True
    return False
