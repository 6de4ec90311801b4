"""How far from zero is far enough, where one looks at the data again after every block?

Looking after each block and stopping when it is clear would find a difference between identical variants far more
often than promised, if each look took Student's bound. So the promised error is a budget that is spent over the looks
(Lan and DeMets 1983): after n of N planned blocks, (n/N)^2 of it (Kim and DeMets 1987), but for a share kept for blocks
that are added when N were not enough. The bound of a look is the |t| that as many comparisons of pure noise exceed
there, for the first time, as the budget allows; as Student's t knows no unit, one set of simulated comparisons serves
all. The intervals made with these bounds hold together, at whichever look one stops (Jennison and Turnbull 1989).

A look to which the budget gives less than one of the simulated comparisons gets the largest |t| of all for a bound.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

#: Comparisons of pure noise: a bound that one in a thousand exceeds rests on five hundred of them.
_COMPARISONS = 500_000
_SEED = 20_260_101

#: Blocks beyond the planned ones up to which it is foreseen how many are needed. There are bounds for more.
_MORE_BLOCKS = 24

#: Bounds are made for this many looks at a time.
_PIECE = 32


def spent_share(num_blocks: int, planned: int, kept: float) -> float:
    """Share of the error budget that is spent when this many blocks have been looked at."""
    if num_blocks <= planned:
        return float((1.0 - kept) * (num_blocks / planned) ** 2)
    added = num_blocks - planned
    return 1.0 - kept + kept * added / (added + planned)


def bound(num_blocks: int, *, error: float, first: int, planned: int, kept: float, worth: float = 1.0) -> float | None:
    """The |t| from which on a difference counts.

    Args:
        num_blocks: Blocks so far.
        error: How often, at most, identical variants may be called different over all looks together.
        first: Blocks at the first look.
        planned: Blocks over which the budget is laid out.
        kept: Share of the budget that is kept for more blocks.
        worth: How many times as much the spread has to go by as the ratio's own blocks (`spread.Spread`).

    Returns:
        The bound; None before the first look.
    """
    if num_blocks < first:
        return None
    last = max(last_look(first, planned), -(-num_blocks // _PIECE) * _PIECE)
    return _bounds(error, first, max(planned, first), kept, last, worth)[num_blocks - first]


def last_look(first: int, planned: int) -> int:
    """The largest number of blocks that is foreseen."""
    return max(planned, first) + _MORE_BLOCKS


@lru_cache(maxsize=32)
def _bounds(error: float, first: int, planned: int, kept: float, last: int, worth: float) -> tuple[float, ...]:
    """The bounds of all looks, from the first to the last: longer rows begin with the shorter ones.

    What other variants add to the spread is drawn as squares of noise that the ratio itself knows nothing of.
    """
    random = np.random.default_rng(_SEED)
    total = np.zeros(_COMPARISONS)
    squares = np.zeros(_COMPARISONS)
    others = np.zeros(_COMPARISONS)  # squares of other variants, around their means
    bounds: list[float] = []
    num_out = 0
    for n in range(1, last + 1):
        ratio = random.standard_normal(len(total))
        total += ratio
        squares += ratio * ratio
        if n > 1 and worth > 1.0:
            others += random.chisquare(worth - 1.0, len(others))
        if n < first:
            continue
        variance = (squares - total * total / n + others) / ((n - 1) * worth)
        t = np.abs(total) / np.sqrt(n * variance)
        num_to_go = round(error * spent_share(n, planned, kept) * _COMPARISONS) - num_out
        if num_to_go < 1:
            bounds.append(float(t.max()))
            continue
        limit = np.partition(t, len(t) - num_to_go)[len(t) - num_to_go]
        goes_on = t < limit
        total, squares, others = total[goes_on], squares[goes_on], others[goes_on]
        num_out += num_to_go
        bounds.append(float(limit))
    return tuple(bounds)
