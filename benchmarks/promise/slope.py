"""How fast something grows: a line through samples, with an interval that knows that neighbours are alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

#: With fewer samples than that a line says nothing.
LEAST = 8


@dataclass(frozen=True)
class Slope:
    """Growth per unit of work.

    Attributes:
        value: The slope of the line of least squares.
        interval: Its 95 % interval.
        num_samples: Samples that it rests on.
    """

    value: float
    interval: tuple[float, float]
    num_samples: int

    def is_within(self, most: float) -> bool:
        """Whether it surely grows by less than this: the whole interval does."""
        return self.interval[1] <= most

    def surely_grows(self) -> bool:
        """Whether it surely grows at all."""
        return self.interval[0] > 0.0


def slope(work: Sequence[float], values: Sequence[float], *, warm_up: float) -> Slope | None:
    """The slope of what was sampled after the warm-up.

    What is left of a value beside the line is much like that of the sample before (memory that the allocator has not
    given back yet): such samples count for as many independent ones as their correlation leaves (Bartlett 1946).

    Args:
        work: What had been done by then, rising.
        values: What was found then.
        warm_up: Samples up to this much work don't count: all that is loaded once is loaded in it.

    Returns:
        None where too few samples are left.
    """
    x, y = np.asarray(work, np.float64), np.asarray(values, np.float64)
    x, y = x[x > warm_up], y[np.asarray(work) > warm_up]
    if len(x) < LEAST or np.ptp(x) == 0.0:
        return None
    if np.ptp(y) == 0.0:
        return Slope(0.0, (0.0, 0.0), len(x))
    line = stats.linregress(x, y)
    left = y - (line.intercept + line.slope * x)
    alike = _correlation(left)
    independent = max(3.0, len(x) * (1.0 - alike) / (1.0 + alike))
    widened = line.stderr * np.sqrt((len(x) - 2.0) / max(independent - 2.0, 1.0))
    half = float(stats.t.ppf(0.975, max(independent - 2.0, 1.0)) * widened)
    return Slope(float(line.slope), (float(line.slope) - half, float(line.slope) + half), len(x))


def _correlation(left: np.ndarray) -> float:
    """Of each value with the one before it, 0..0.95; what alternates counts as independent."""
    total = float((left**2).sum())
    if total == 0.0:
        return 0.0
    return float(np.clip((left[1:] * left[:-1]).sum() / total, 0.0, 0.95))
