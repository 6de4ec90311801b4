"""How much memory a batch takes by its size, how large it may be, and from where on a larger one is no faster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.records import VariantResult
from workbench.units import format_bytes, format_ratio

#: A forecast may take this share of the memory that is free: the rest is for what the line doesn't see, such as a
#: library that sets up once more. Nothing that would take more is ever tried.
_MOST_OF_FREE = 0.8


@dataclass(frozen=True)
class MemoryLine:
    """Memory by the size of a batch: a fixed part, and a part for every sample of a batch.

    Attributes:
        fixed_bytes: Without any sample.
        sample_bytes: For each sample of a batch: by all sizes, or by the largest two where these say more.
        off_bytes: The most that a measured size lies above the line.
        sizes: Sizes that were measured.
    """

    fixed_bytes: float
    sample_bytes: float
    off_bytes: float
    sizes: tuple[int, ...]

    def largest(self, free_bytes: float) -> int | None:
        """The largest size whose forecast leaves some of the free memory; None: no sample costs anything."""
        if self.sample_bytes <= 0.0:
            return None
        left = _MOST_OF_FREE * free_bytes - self.fixed_bytes - self.off_bytes
        return max(0, int(left / self.sample_bytes + 1e-6))

    def sentence(self, free_bytes: float) -> str:
        """The line in words, with the size that it allows."""
        sizes = ", ".join(map(str, self.sizes))
        line = f"{format_bytes(self.fixed_bytes)} and {format_bytes(max(self.sample_bytes, 0.0))} a sample"
        largest = self.largest(free_bytes)
        allows = "any size" if largest is None else f"at most {largest}"
        share = f"{_MOST_OF_FREE:.0%} of the {format_bytes(free_bytes)} that are free"
        off = f"(a size lies up to {format_bytes(self.off_bytes)} above)"
        return f"Memory, measured at {sizes}: {line} {off}; {share} allow {allows}."


def memory_line(measured: Mapping[int, int]) -> MemoryLine:
    """The line through what was measured, by least squares; where it bends upwards, through the largest two sizes.

    Args:
        measured: Bytes by size of a batch; at least two sizes.
    """
    sizes, taken = (np.array(values, np.float64) for values in zip(*sorted(measured.items()), strict=True))
    slope, fixed = (float(value) for value in np.polyfit(sizes, taken, 1))
    last = float((taken[-1] - taken[-2]) / (sizes[-1] - sizes[-2]))
    if last > slope:
        slope, fixed = last, float(taken[-1] - last * sizes[-1])
    off = float((taken - (fixed + slope * sizes)).max())
    return MemoryLine(fixed, slope, max(off, 0.0), tuple(sorted(measured)))


@dataclass(frozen=True)
class Doubling:
    """One size against half of it.

    Attributes:
        size: The larger one.
        half: The smaller one.
        result: Of the comparison; None: the size was not tried.
        why_not: Why it was not; empty where it was.
    """

    size: int
    half: int
    result: VariantResult | None
    why_not: str = ""

    @property
    def gains(self) -> bool:
        """Whether the larger one is faster."""
        return self.result is not None and self.result.verdict == "faster"

    @property
    def sentence(self) -> str:
        """What came of it."""
        if self.result is None:
            return f"{self.size} was not tried: {self.why_not}"
        if self.result.failure is not None:
            return f"{self.size} failed: {self.result.failure.message}"
        speedup = self.result.speedup
        assert speedup is not None
        interval = (
            "" if speedup.ci95 is None else f" [{format_ratio(speedup.ci95[0])}, {format_ratio(speedup.ci95[1])}]"
        )
        words = {"faster": "is faster than", "slower": "is slower than", "inconclusive": "cannot be told from"}
        says = words.get(self.result.verdict or "", "is no faster than")
        return f"{self.size} {says} {self.half}: {format_ratio(speedup.estimate)}{interval}"


def answer(doublings: Sequence[Doubling], smallest: int) -> str:
    """The size to take, and what it rests on.

    Args:
        doublings: In the order in which they were compared.
        smallest: The size that the first one was compared with.
    """
    size = max((step.size for step in doublings if step.gains), default=smallest)
    last = doublings[-1]
    if last.result is not None and last.result.verdict == "inconclusive":
        return f"Take batch_size={size} until more is known: {last.sentence}. More blocks may tell."
    return f"Take batch_size={size}: {last.sentence}."
