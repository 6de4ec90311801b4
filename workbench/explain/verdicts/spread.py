"""How far the blocks of a comparison scatter: by one variant's own blocks, or by those of all variants together.

Few blocks say little of their own spread, and an interval that rests on it is wide for that reason alone. Where several
variants are compared, the machine scatters all of their ratios: together they say more. A variant whose own blocks
scatter more than that explains keeps its own spread, and one that scatters far more than all others is none to go by.

The ratios of all variants have the baseline in common, so that k of them are not k times as much to go by. With equal
variances the covariance of their ratios is that of I + 11', with eigenvalues 1 and k + 1, and a mean of their variances
is worth 4 k^2 / (k - 1 + (k + 1)^2) of one (Satterthwaite 1946): 1.6 for two, 2 for three, at most 4.

Earlier comparisons on the machine (`known_spread`) say more yet, of a machine as it was then. What they say stands
beside what the blocks say, and the narrower interval is taken, but only where the blocks scatter less than that: the
machine may be busier now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

from workbench.records import KnownSpread

Samples = npt.NDArray[np.float64]

#: A variant's own variance is taken where alike variants would have a larger one in no more than 1 - this share of
#: comparisons; and others do not go by it where they would in no more than 1 - that share. Simulated over two to five
#: variants of 0.3 to 5 times each other's spread, all verdicts together stay within the error that is promised
#: (`tests/explain/verdicts/test_spread.py`); with 0.9, or 0.95, they do not.
_ALIKE, _FAR = 0.7, 0.998

#: What earlier comparisons add to what the spread is worth: as much as a second variant. Simulated over machines that
#: are 0.3 to 5 times as restless as they were, 5.1 % are wrong at the most where 5 % may be; with 1.0 it is 6.4 %.
_KNOWN_WORTH = 0.6

#: Of fewer variants nobody can say which one is out of line.
_LEAST_VARIANTS = 3


@dataclass(frozen=True)
class Spread:
    """The spread of a block's log ratio.

    Attributes:
        value: Standard deviation.
        worth: How many times as much it is to go by as a variant's own blocks are.
    """

    value: float
    worth: float = 1.0

    def freedom(self, num_blocks: int) -> float:
        """Its degrees of freedom after some blocks."""
        return (num_blocks - 1) * self.worth


def spread_of_blocks(own: Samples, others: Sequence[Samples] = ()) -> Spread:
    """The spread of a variant's blocks.

    Args:
        own: float64 [blocks]: log ratios; two at least.
        others: Those of the other variants; one with another number of blocks, of which some failed, is left out.
    """
    freedom, variance = len(own) - 1, float(own.var(ddof=1))
    variances = np.array([variance, *(float(ratios.var(ddof=1)) for ratios in others if len(ratios) == len(own))])
    alike = np.append(True, ~_are_far(variances, freedom)[1:])
    together, worth = float(variances[alike].mean()), worth_of(int(alike.sum()))
    if alike.sum() == 1 or variance > scipy.stats.f.ppf(_ALIKE, freedom, freedom * worth) * together:
        return Spread(variance**0.5)
    return Spread(together**0.5, worth)


def spreads_to_go_by(found: Spread, known: KnownSpread | None) -> list[Spread]:
    """The spreads that an interval may rest on; the one that makes it narrowest is as good as any.

    Args:
        found: That of the blocks.
        known: What earlier comparisons say.
    """
    if known is None or found.value >= known.value:
        return [found]
    return [found, Spread(known.value, found.worth + _KNOWN_WORTH)]


def _are_far(variances: Samples, freedom: int) -> npt.NDArray[np.bool_]:
    """Which of them are far above the mean of the others: bool [variants]."""
    count = len(variances)
    if count < _LEAST_VARIANTS:
        return np.zeros(count, np.bool_)
    rest = (variances.sum() - variances) / (count - 1)
    return np.asarray(variances > scipy.stats.f.ppf(_FAR, freedom, freedom * worth_of(count - 1)) * rest)


def worth_of(num_variants: int) -> float:
    """How many times as much the ratios of several variants are to go by as those of one."""
    k = num_variants
    return 4.0 * k * k / (k - 1 + (k + 1) ** 2)
