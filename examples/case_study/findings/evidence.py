"""What the claims of a case study are held against: the comparison, the study of the transforms, and what was planted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from examples.case_study.findings.variants import BASELINE
from examples.case_study.record import ClaimVerdict
from workbench.explain.verdicts.effect import ended_well, paired_log_ratios, student_interval, verdict_of
from workbench.records import Comparison, Interval, Parity, Record, VariantResult, Verdict
from workbench.units import format_ratio, format_share
from workbench.workloads.ocr.transform_study import TransformStudy

#: Of each claim by itself. The blocks were counted out before the comparison, and nobody looks before it is over.
CONFIDENCE = 0.95

SAME_RESULT = ("same", "within_tolerance")


@dataclass(frozen=True)
class Answer:
    """What is to be said of a claim (see `records.case_study.Finding`)."""

    measured: str
    verdict: ClaimVerdict
    reason: str
    origin: Literal["measured", "simulated", "counted"] = "measured"


@dataclass(frozen=True)
class Evidence:
    """All that was measured.

    Attributes:
        comparison: The comparison, judged.
        records: Its records by variant, in the order of the blocks.
        transforms: The study of the transforms.
        file_bytes: Mean size of a page's file.
        planted: The baseline's pages with their colour channels exchanged, held against the baseline's pages.
        left_out: Why variants were not compared, by name.
    """

    comparison: Comparison
    records: Mapping[str, Sequence[Record]]
    transforms: TransformStudy
    file_bytes: float
    planted: Parity | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)

    def missing(self, *names: str) -> str:
        """Why nothing can be said of variants, in words; empty where all of them ended well."""
        for name in names:
            own = self.records.get(name, ())
            if name in self.left_out or not own:
                return f"'{name}' was not compared: {self.left_out.get(name, 'it did not run')}"
            failed = next((record for record in own if not ended_well(record)), None)
            if failed is not None:
                lines = failed.failure.message.splitlines() if failed.failure else []
                return f"'{name}' failed: {lines[0] if lines else 'it left no steady part'}"
        return ""

    def result(self, name: str) -> VariantResult:
        """The variant in the comparison."""
        return next(one for one in self.comparison.variants if one.name == name)

    def ratio(self, name: str, over: str = BASELINE) -> Interval:
        """Throughput of a variant over that of another; without an interval where there are too few blocks."""
        ratios = paired_log_ratios(self.records[name], self.records[over])
        if len(ratios) < self.comparison.policy.min_blocks:
            return Interval(estimate=float(np.exp(ratios.mean())), ci95=None)
        return student_interval(ratios, CONFIDENCE)

    def verdict(self, ratio: Interval) -> Verdict:
        """The verdict on a ratio, by the rules of the comparison."""
        return verdict_of(ratio, self.comparison.policy)

    def is_simulated(self, *names: str) -> bool:
        """Whether the throughput of any of these rests on a simulated device."""
        return any(record.simulated for name in names for record in self.records.get(name, ()))

    def over_blocks(self, name: str, value: Callable[[Record], float | None]) -> list[float]:
        """A figure of every trial of a variant that has it."""
        return [found for record in self.records.get(name, ()) if (found := value(record)) is not None]


def told_ratio(ratio: Interval) -> str:
    """``"1.12x [1.05, 1.20]"``."""
    if ratio.ci95 is None:
        return f"{format_ratio(ratio.estimate)} (too few blocks for an interval)"
    return f"{format_ratio(ratio.estimate)} [{ratio.ci95[0]:.2f}, {ratio.ci95[1]:.2f}]"


def told_gain(gain: Interval) -> str:
    """``"12.0 % [5.0 %, 20.0 %]"``."""
    told = format_share(gain.estimate)
    return told if gain.ci95 is None else f"{told} [{format_share(gain.ci95[0])}, {format_share(gain.ci95[1])}]"


def told_range(values: Sequence[float], write: Callable[[float], str]) -> str:
    """``"31.0 % (30.1 % to 32.4 %)"``: the median, with the least and the most."""
    if len(values) == 1:
        return write(values[0])
    return f"{write(float(np.median(values)))} ({write(min(values))} to {write(max(values))})"
