"""How far the blocks of comparisons scatter on a machine, by the comparisons that it has seen.

A comparison of two variants over three blocks knows its own spread from two degrees of freedom, and its interval is as
wide for that as for the spread itself. What differs from process to process on a machine differs much the same from one
comparison to the next, if their trials take turns in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from workbench.records import Comparison, KnownSpread, VariantResult

#: What so few comparisons, or ratios of blocks around their means, say is too little to go by.
_LEAST_COMPARISONS, _LEAST_FREEDOM = 3, 10


def known_spread(comparisons: Iterable[Comparison]) -> KnownSpread | None:
    """The spread of a block's log ratio, of all comparisons together.

    Args:
        comparisons: Earlier ones on the same machine, of trials that took turns in the same way.

    Returns:
        None where they are too few, or have not scattered at all.
    """
    squares, freedom, num_blocks, num_comparisons = 0.0, 0, 0, 0
    for comparison in comparisons:
        # Ratios to one baseline scatter together: a comparison counts as one ratio, whose square is their mean.
        around = [ratios - ratios.mean() for ratios in _ratios(comparison)]
        if around:
            squares += float(np.mean([(part**2).sum() / (len(part) - 1) for part in around])) * (len(around[0]) - 1)
            freedom += len(around[0]) - 1
            num_blocks += len(around[0])
            num_comparisons += 1
    if num_comparisons < _LEAST_COMPARISONS or freedom < _LEAST_FREEDOM or squares == 0.0:
        return None
    return KnownSpread(value=(squares / freedom) ** 0.5, num_comparisons=num_comparisons, num_blocks=num_blocks)


def _ratios(comparison: Comparison) -> list[np.ndarray]:
    """float64 [blocks] for each variant that ran in all blocks, of two blocks at least."""
    base = _rates(comparison.base)
    rates = [_rates(variant) for variant in comparison.others]
    return [np.log(own / base) for own in rates if len(own) == len(base) >= 2]


def _rates(variant: VariantResult | None) -> np.ndarray:
    """float64 [blocks]: samples per second; empty where a trial has failed."""
    rates = variant.samples_per_s.per_block if variant is not None and variant.samples_per_s is not None else []
    return np.array([] if None in rates else rates, np.float64)
