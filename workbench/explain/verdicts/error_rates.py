"""How often are verdicts wrong? From blocks with identical variants in them, and with some that were slowed down.

Real comparisons are runs of blocks as they came, one after the other: each goes on until its verdict is clear or its
blocks are used up, and the next one begins with the block after. No two of them share a trial, so they count as
independent, and their share has its exact interval.

Many more are made of the same blocks, drawn with replacement. In each block that is drawn, one pair of trials is taken,
both of that block: what two trials have in common by running side by side stays. A trial is in many such pairs, which
leaves the expected share as it is, but makes the comparisons dependent. So the interval of that share comes from the
blocks, which are what is independent: what leaving out each of them in turn does to it (the jackknife, Tukey 1958).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import scipy

from workbench.explain.verdicts.effect import VERDICTS, Samples, bounds_of, smallest_effect, verdicts_of
from workbench.explain.verdicts.spread import Spread
from workbench.records import Detectable, FalseVerdicts, Planted, Policy, Share, Verdict

#: Comparisons that are made by drawing blocks: enough that what the drawing adds to the interval is small.
DRAWN = 20_000

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Sampled:
    """Comparisons, each sampled block by block until it was clear.

    Attributes:
        verdicts: intp [comparisons]: places in `effect.VERDICTS`.
        estimates: float64 [comparisons]: ratios, variant over baseline.
        lows: float64 [comparisons]: lower ends of their intervals at the end; NaN where there was none.
        highs: float64 [comparisons]: upper ends.
        num_blocks: intp [comparisons]: blocks that they took.
    """

    verdicts: npt.NDArray[np.intp]
    estimates: Samples
    lows: Samples
    highs: Samples
    num_blocks: npt.NDArray[np.intp]

    def are(self, *verdicts: Verdict) -> npt.NDArray[np.bool_]:
        """Which of them came to one of these verdicts: bool [comparisons]."""
        return np.isin(self.verdicts, [VERDICTS.index(verdict) for verdict in verdicts])

    def hold(self, ratio: float) -> npt.NDArray[np.bool_]:
        """Whose interval holds a ratio: bool [comparisons]."""
        return (self.lows <= ratio) & (ratio <= self.highs)


def sample(log_ratios: Samples, policy: Policy) -> Sampled:
    """Look at the ratios block by block, as a comparison does, and stop where the verdict is clear.

    Args:
        log_ratios: float64 [comparisons, blocks].
        policy: The rules.
    """
    most = log_ratios.shape[1]
    n = np.arange(1, most + 1)
    centre = np.cumsum(log_ratios, axis=1) / n
    around = log_ratios - log_ratios.mean(axis=1, keepdims=True)  # or squares of large means would swallow the spread
    squares = np.cumsum(around**2, axis=1) - np.cumsum(around, axis=1) ** 2 / n
    with np.errstate(invalid="ignore", divide="ignore"):
        half = bounds_of(most, policy) * np.sqrt(np.maximum(squares, 0.0) / (n - 1) / n)
    estimates, lows, highs = np.exp(centre), np.exp(centre - half), np.exp(centre + half)
    verdicts = verdicts_of(estimates, lows, highs, policy)
    is_clear = verdicts != VERDICTS.index("inconclusive")
    stop = np.where(is_clear.any(axis=1), is_clear.argmax(axis=1), most - 1)
    at = (np.arange(len(stop)), stop)
    return Sampled(verdicts[at], estimates[at], lows[at], highs[at], stop + 1)


def real_comparisons(log_ratios: Samples, policy: Policy, most_blocks: int) -> Sampled:
    """The comparisons that blocks make as they came. Blocks at the end that are too few for one are left out.

    Args:
        log_ratios: float64 [blocks].
        policy: The rules.
        most_blocks: Blocks of a comparison, at most.
    """
    found: list[Samples] = []
    begin = 0
    while begin + most_blocks <= len(log_ratios):
        found.append(log_ratios[begin : begin + most_blocks])
        begin += int(sample(found[-1][np.newaxis], policy).num_blocks[0])
    return sample(np.array(found).reshape(-1, most_blocks), policy)


def false_verdicts(log_rates: Samples, policy: Policy, most_blocks: int, *, seed: int) -> FalseVerdicts:
    """How often identical variants are called different.

    Args:
        log_rates: float64 [blocks, identical variants], in the order of the blocks.
        policy: The rules.
        most_blocks: Blocks of a comparison, at most.
        seed: Seed of the drawing.
    """
    firsts, seconds = np.array(list(combinations(range(log_rates.shape[1]), 2))).T
    disjoint = np.concatenate(
        [_called_different(real_comparisons(ratios, policy, most_blocks)) for ratios in _disjoint_pairs(log_rates)]
    )

    def draw(rates: Samples) -> Sampled:
        return _drawn(rates[:, seconds] - rates[:, firsts], policy, most_blocks, seed=seed)

    return FalseVerdicts(
        most_blocks=most_blocks,
        real=share(disjoint),
        resampled=_resampled(log_rates, lambda rates: _called_different(draw(rates))),
        median_blocks=float(np.median(draw(log_rates).num_blocks)),
    )


def planted(
    slowed: Samples,
    identical: Samples,
    policy: Policy,
    most_blocks: int,
    *,
    stage: str,
    asked: float,
    size: float,
    seed: int,
) -> Planted:
    """How often a slow-down of known size is found, and how often the interval holds it.

    Args:
        slowed: float64 [blocks]: log rates of the slowed variant.
        identical: float64 [blocks, identical variants]: log rates of those that were not slowed.
        policy: The rules.
        most_blocks: Blocks of a comparison, at most.
        stage: Where the time was added.
        asked: The slow-down that was asked for, as a share.
        size: The one that was planted.
        seed: Seed of the drawing.
    """
    both = np.column_stack([slowed, identical])
    true = 1.0 / (1.0 + size)

    def draw(rates: Samples) -> Sampled:
        return _drawn(rates[:, :1] - rates[:, 1:], policy, most_blocks, seed=seed)

    drawn = draw(both)
    # The slowed trials of a block are one each: only the comparisons with one of the identical variants are real.
    disjoint = real_comparisons(slowed - identical[:, 0], policy, most_blocks)
    return Planted(
        stage=stage,
        asked=asked,
        planted=size,
        num_blocks=len(slowed),
        real=share(disjoint.are("slower")),
        found=_resampled(both, lambda rates: draw(rates).are("slower")),
        covered=_resampled(both, lambda rates: draw(rates).hold(true)),
        estimate=float(np.median(1.0 / drawn.estimates - 1.0)),
        median_blocks=float(np.median(drawn.num_blocks)),
    )


def detectable(spread: float, trial_s: float, minutes: Sequence[float], rules: Policy) -> list[Detectable]:
    """Which difference between two variants can be detected within a time.

    Args:
        spread: Standard deviation of a block's log ratio.
        trial_s: What a trial takes.
        minutes: The times.
        rules: The rules, but that the error budget is laid out over the blocks that there is time for.
    """
    found = []
    for time in minutes:
        num_blocks = int(time * 60.0 / (2.0 * trial_s))
        policy = rules.model_copy(update={"planned_blocks": max(num_blocks, 1)})
        effect = smallest_effect(Spread(spread), num_blocks, policy)
        found.append(Detectable(minutes=time, num_blocks=num_blocks, effect=effect))
    return found


def share(hits: npt.NDArray[np.bool_]) -> Share:
    """The share of hits among independent trials, with its exact interval (Clopper and Pearson 1934)."""
    count, of = int(hits.sum()), len(hits)
    if of == 0:
        return Share(count=0, of=0, share=None, ci95=(0.0, 1.0))
    interval = scipy.stats.binomtest(count, of).proportion_ci(_CONFIDENCE, method="exact")
    return Share(count=count, of=of, share=count / of, ci95=(float(interval.low), float(interval.high)))


def spread_of(log_rates: Samples) -> float:
    """Standard deviation of the log ratio of two identical variants in a block: float64 [blocks, variants]."""
    return float(np.sqrt(2.0 * log_rates.var(axis=1, ddof=1).mean()))


def _disjoint_pairs(log_rates: Samples) -> Iterator[Samples]:
    """float64 [blocks] each: the log ratios of variants two by two, so that no trial is in two pairs."""
    for first in range(0, log_rates.shape[1] - 1, 2):
        yield log_rates[:, first + 1] - log_rates[:, first]


def _drawn(log_ratios: Samples, policy: Policy, most_blocks: int, *, seed: int) -> Sampled:
    """Comparisons of blocks drawn with replacement, in each of which one of its pairs is drawn: [blocks, pairs]."""
    return sample(np.random.default_rng(seed).choice(log_ratios.ravel(), (DRAWN, most_blocks)), policy)


def _resampled(blocks: Samples, hits_of: Callable[[Samples], npt.NDArray[np.bool_]]) -> Share:
    """A share with its interval by the jackknife over the blocks, and at least as wide as the drawing makes it."""
    hits = hits_of(blocks)
    drawn = share(hits)
    count = len(blocks)
    without = np.array([hits_of(np.delete(blocks, left_out, axis=0)).mean() for left_out in range(count)])
    error = float(np.sqrt((count - 1) / count * ((without - without.mean()) ** 2).sum()))
    half = float(scipy.stats.t.ppf(0.5 + _CONFIDENCE / 2.0, count - 1)) * error
    found = float(hits.mean())
    low, high = drawn.ci95
    return drawn.model_copy(update={"ci95": (max(0.0, min(low, found - half)), min(1.0, max(high, found + half)))})


def _called_different(comparisons: Sampled) -> npt.NDArray[np.bool_]:
    return comparisons.are("faster", "slower")
