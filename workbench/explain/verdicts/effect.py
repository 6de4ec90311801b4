"""How much faster is one variant than another: the effect, its interval, and its verdict.

The effect is the throughput of one over that of the other, paired block by block: both ran within minutes of each
other, so what the machine did meanwhile hits both. Blocks are the independent observations; steps within a trial are
correlated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import scipy
from numpy.typing import ArrayLike

from workbench.explain.verdicts.error_budget import bound, last_look
from workbench.explain.verdicts.slices import sliced_rate
from workbench.explain.verdicts.spread import Samples as Samples
from workbench.explain.verdicts.spread import Spread, spread_of_blocks, spreads_to_go_by
from workbench.records import Interval, Policy, Record, Verdict

#: The verdicts that `verdicts_of` gives by number.
VERDICTS: tuple[Verdict, ...] = ("faster", "slower", "no_difference", "inconclusive")

#: More blocks than these are not counted: nobody would run them.
_MOST_BLOCKS = 10_000

#: How often a difference of the size that `smallest_effect` names is found.
POWER = 0.9


def paired_log_ratios(variant: Sequence[Record], baseline: Sequence[Record]) -> Samples:
    """float64 [blocks]: log of the variant's throughput over the baseline's, of each block that ended well."""
    pairs = zip(variant, baseline, strict=False)
    return np.log(np.array([rate(a) / rate(b) for a, b in pairs if ended_well(a, b)], np.float64))


def ended_well(*records: Record) -> bool:
    """Whether all of them came to their end, with counted steps."""
    return all(record.status == "ok" and record.steady is not None for record in records)


def rate(record: Record) -> float:
    """Samples per second of a trial that ended well."""
    assert record.steady is not None
    return sliced_rate(record) if record.slices else record.steady.samples_per_s


def student_interval(log_ratios: Samples, confidence: float) -> Interval:
    """The geometric mean of ratios with Student's interval: for a number of blocks that was fixed in advance."""
    centre, num_blocks = float(log_ratios.mean()), len(log_ratios)
    if num_blocks < 2:
        return Interval(estimate=float(np.exp(centre)), ci95=None)
    t = float(scipy.stats.t.ppf(0.5 + confidence / 2, num_blocks - 1))
    return _interval(centre, t * float(log_ratios.std(ddof=1)) / num_blocks**0.5)


def estimate(
    log_ratios: Samples, policy: Policy, *, num_compared: int = 1, others: Sequence[Samples] = ()
) -> Interval | None:
    """The geometric mean of ratios with an interval that holds however often one looks.

    Args:
        log_ratios: float64 [blocks].
        policy: The rules.
        num_compared: How many variants are compared with the baseline; together their intervals hold as promised
            (Bonferroni).
        others: Log ratios of the other variants, whose blocks tell of the machine's spread as well.

    Returns:
        The effect; without an interval where there are too few blocks for one. None without any block.
    """
    if len(log_ratios) == 0:
        return None
    if len(log_ratios) < policy.min_blocks:
        return Interval(estimate=float(np.exp(log_ratios.mean())), ci95=None)
    spreads = spreads_to_go_by(spread_of_blocks(log_ratios, others), policy.known_spread)
    half = _half_width(spreads, len(log_ratios), policy, num_compared)
    return _interval(float(log_ratios.mean()), half)


def verdict_of(speedup: Interval | None, policy: Policy) -> Verdict:
    """The verdict on a speed-up."""
    if speedup is None or speedup.ci95 is None:
        return "inconclusive"
    return VERDICTS[int(verdicts_of(speedup.estimate, *speedup.ci95, policy))]


def verdicts_of(estimates: ArrayLike, lows: ArrayLike, highs: ArrayLike, policy: Policy) -> npt.NDArray[np.intp]:
    """The verdicts on many speed-ups, as places in `VERDICTS`.

    Args:
        estimates: float64 [...]: ratios.
        lows: float64 [...]: lower ends of their intervals.
        highs: float64 [...]: upper ends.
        policy: The rules.
    """
    estimates, lows, highs = np.asarray(estimates), np.asarray(lows), np.asarray(highs)
    slower, faster = 1.0 / (1.0 + policy.min_effect), 1.0 + policy.min_effect
    rules = [
        (lows > 1.0) & (estimates >= faster),
        (highs < 1.0) & (estimates <= slower),
        (slower <= lows) & (highs <= faster),
    ]
    return np.select(rules, [0, 1, 2], 3).astype(np.intp)


def more_blocks(
    log_ratios: Samples,
    policy: Policy,
    *,
    num_compared: int = 1,
    others: Sequence[Samples] = (),
    is_decided: Callable[[Interval], bool] | None = None,
) -> int | None:
    """How many more blocks would decide, if they were like those so far.

    Args:
        log_ratios: float64 [blocks].
        policy: The rules.
        num_compared: As for `estimate`.
        others: Likewise.
        is_decided: What is to be decided; by default, whether it is faster, slower or no different.

    Returns:
        0 where it is decided; with fewer than two blocks, as many as the first verdict takes; None where ten thousand
        would not do. Beyond those that are foreseen, bounds are as good as constant, and it is a rough number.
    """
    if len(log_ratios) < 2:
        return policy.min_blocks - len(log_ratios)
    decided = is_decided or (lambda interval: verdict_of(interval, policy) != "inconclusive")
    centre = float(log_ratios.mean())
    spreads = spreads_to_go_by(spread_of_blocks(log_ratios, others), policy.known_spread)
    last = max(last_look(policy.min_blocks, policy.planned_blocks), len(log_ratios))
    for n in _looks(max(len(log_ratios), policy.min_blocks), last):
        foreseen = min(n, last)
        half = _half_width(spreads, foreseen, policy, num_compared) * float(foreseen / n) ** 0.5
        if decided(_interval(centre, half)):
            return n - len(log_ratios)
    return None


def _looks(first: int, last: int) -> Iterator[int]:
    """Numbers of blocks: each from the first to the last, then in steps of a tenth."""
    yield from range(first, last + 1)
    n = last
    while n < _MOST_BLOCKS:
        n += max(1, n // 10)
        yield n


def bounds_of(num_blocks: int, policy: Policy) -> Samples:
    """float64 [blocks]: the |t| that bounds an interval after 1, 2, ... blocks of two variants; NaN: no interval."""
    bounds = [_bound(n, policy, 1) for n in range(1, num_blocks + 1)]
    return np.array([np.nan if t is None else t for t in bounds])


def smallest_effect(spread: Spread, num_blocks: int, policy: Policy, *, num_compared: int = 1) -> float | None:
    """The smallest difference that nine of ten comparisons of this many blocks find, as a share.

    Args:
        spread: Of a block's log ratio.
        num_blocks: Blocks of the comparison.
        policy: The rules.
        num_compared: As for `estimate`.

    Returns:
        0.05 for 5 %, and at least the policy's smallest effect; None where this many blocks give no verdict at all.
    """
    t = _bound(num_blocks, policy, num_compared, spread.worth)
    if t is None:
        return None
    freedom = spread.freedom(num_blocks)
    shift = scipy.optimize.brentq(lambda nc: scipy.stats.nct.sf(t, freedom, nc) - POWER, 0.0, t + 40.0)
    found = float(np.expm1(shift * spread.value / num_blocks**0.5))
    # An estimate is as often below the true effect as above it: to lie above the least that matters nine times in ten,
    # the effect has to be larger by this margin.
    margin = float(scipy.stats.norm.ppf(POWER)) * spread.value / num_blocks**0.5
    return max(found, float(np.expm1(np.log1p(policy.min_effect) + margin)))


def _bound(num_blocks: int, policy: Policy, num_compared: int, worth: float = 1.0) -> float | None:
    return bound(
        num_blocks,
        error=(1.0 - policy.confidence) / max(1, num_compared),
        first=policy.min_blocks,
        planned=policy.planned_blocks,
        kept=policy.kept_error,
        worth=worth,
    )


def _half_width(spreads: Sequence[Spread], num_blocks: int, policy: Policy, num_compared: int) -> float:
    """Half of the narrowest interval of a log ratio after this many blocks, which are enough for one."""
    found: list[float] = []
    for spread in spreads:
        t = _bound(num_blocks, policy, num_compared, spread.worth)
        assert t is not None, "fewer blocks than the first verdict takes"
        found.append(t * spread.value / float(num_blocks) ** 0.5)
    return min(found)


def _interval(centre: float, half: float) -> Interval:
    return Interval(estimate=float(np.exp(centre)), ci95=(float(np.exp(centre - half)), float(np.exp(centre + half))))
