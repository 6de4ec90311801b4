"""How often are verdicts wrong? From blocks with identical variants in them, and with some that were slowed down.

Real comparisons are runs of blocks as they came, one after the other: each goes on until its verdict is clear or its
blocks are used up, and the next one begins with the block after. Many more are made of the same blocks, drawn with
replacement; within a block nothing is mixed, so what two trials have in common by running side by side stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from workbench.analysis.effect import Samples, estimate, judge, smallest_effect
from workbench.records import FalseVerdicts, Planted, Policy, Share, Tellable, Verdict

#: Comparisons that are made by drawing blocks.
DRAWN = 2000


@dataclass(frozen=True)
class Sampled:
    """One comparison, sampled block by block until it was clear.

    Attributes:
        verdict: What it came to.
        estimate: The ratio, variant over baseline.
        ci95: Its interval at the end; None where there was none.
        num_blocks: Blocks that it took.
    """

    verdict: Verdict
    estimate: float
    ci95: tuple[float, float] | None
    num_blocks: int


def sample(log_ratios: Samples, policy: Policy) -> Sampled:
    """Look at the ratios block by block, as a race does, and stop where the verdict is clear."""
    for n in range(min(policy.min_blocks, len(log_ratios)), len(log_ratios) + 1):
        effect = estimate(log_ratios[:n], policy)
        assert effect is not None
        verdict = judge(effect, policy)
        if verdict != "inconclusive" or n == len(log_ratios):
            return Sampled(verdict, effect.estimate, effect.ci95, n)
    raise ValueError("a comparison needs a block")


def real_comparisons(log_ratios: Samples, policy: Policy, most_blocks: int) -> list[Sampled]:
    """The comparisons that blocks make as they came. Blocks at the end that are too few for one are left out."""
    found: list[Sampled] = []
    begin = 0
    while begin + most_blocks <= len(log_ratios):
        found.append(sample(log_ratios[begin : begin + most_blocks], policy))
        begin += found[-1].num_blocks
    return found


def drawn_comparisons(
    log_ratios: Samples, policy: Policy, most_blocks: int, *, seed: int, count: int = DRAWN
) -> list[Sampled]:
    """Comparisons of blocks drawn with replacement."""
    random = np.random.default_rng(seed)
    return [sample(random.choice(log_ratios, most_blocks), policy) for _ in range(count)]


def false_verdicts(pairs: Sequence[Samples], policy: Policy, most_blocks: int, *, seed: int) -> FalseVerdicts:
    """How often identical variants are told apart.

    Args:
        pairs: float64 [blocks] each: log ratios of two identical variants, in the order of the blocks. No trial is in
            two of them.
        policy: The rules.
        most_blocks: Blocks of a comparison, at most.
        seed: Seed of the drawing, in which either of two identical variants may be the first.
    """
    real = [one for ratios in pairs for one in real_comparisons(ratios, policy, most_blocks)]
    drawn = drawn_comparisons(np.concatenate(pairs), policy, most_blocks, seed=seed)
    return FalseVerdicts(
        real=share([_is_difference(one) for one in real]),
        resampled=share([_is_difference(one) for one in drawn]),
        median_blocks=float(np.median([one.num_blocks for one in drawn])),
    )


def planted(
    log_ratios: Samples, policy: Policy, most_blocks: int, *, stage: str, asked: float, size: float, seed: int
) -> Planted:
    """How often a slow-down of known size is found, and how often the interval holds it.

    Args:
        log_ratios: float64 [blocks]: the slowed variant over the plain one.
        policy: The rules.
        most_blocks: Blocks of a comparison, at most.
        stage: Where the time was added.
        asked: The slow-down that was asked for, as a share.
        size: The one that was planted.
        seed: Seed of the drawing.
    """
    drawn = drawn_comparisons(log_ratios, policy, most_blocks, seed=seed)
    true = 1.0 / (1.0 + size)
    return Planted(
        stage=stage,
        asked=asked,
        planted=size,
        num_blocks=len(log_ratios),
        found=share([one.verdict == "slower" for one in drawn]),
        covered=share([one.ci95 is not None and one.ci95[0] <= true <= one.ci95[1] for one in drawn]),
        estimate=float(np.median([1.0 / one.estimate - 1.0 for one in drawn])),
        median_blocks=float(np.median([one.num_blocks for one in drawn])),
    )


def tellable(spread: float, trial_s: float, minutes: Sequence[float], confidence_policy: Policy) -> list[Tellable]:
    """Which difference between two variants can be told in so many minutes.

    Args:
        spread: Standard deviation of a block's log ratio.
        trial_s: What a trial takes.
        minutes: For which times.
        confidence_policy: The rules; the error budget is laid out over the blocks that there is time for.
    """
    found = []
    for time in minutes:
        num_blocks = int(time * 60.0 / (2.0 * trial_s))
        policy = confidence_policy.model_copy(update={"planned_blocks": max(num_blocks, 1)})
        effect = smallest_effect(spread, num_blocks, policy) if num_blocks >= policy.min_blocks else None
        found.append(Tellable(minutes=time, num_blocks=num_blocks, effect=effect))
    return found


def share(hits: Sequence[bool]) -> Share:
    """The share of hits, with its exact interval."""
    count, of = sum(hits), len(hits)
    if of == 0:
        return Share(count=0, of=0, share=None, ci95=(0.0, 1.0))
    interval = stats.binomtest(count, of).proportion_ci(0.95, method="exact")
    return Share(count=count, of=of, share=count / of, ci95=(float(interval.low), float(interval.high)))


def spread_of(pairs: Sequence[npt.NDArray[np.float64]]) -> float:
    """Standard deviation of the log ratios around zero, which is where identical variants belong."""
    return float(np.sqrt(np.mean(np.concatenate(pairs) ** 2)))


def _is_difference(one: Sampled) -> bool:
    return one.verdict in ("faster", "slower")
