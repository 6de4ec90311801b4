"""A setting that a search has compared in its blocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.explain.prediction.pipeline import Seconds
from workbench.explain.tuning.forecast import Forecast
from workbench.explain.verdicts.effect import student_interval
from workbench.records import CheckStatus, Interval, Record


@dataclass
class Chosen:
    """A setting that was compared.

    Attributes:
        setting: Otherwise than the baseline.
        forecast: What was expected of it before; None: nothing.
        ratios: float64 [blocks]: logs of its throughput over the baseline's.
        records: Its trials.
        is_outside: Whether it was drawn from those that had not been kept.
        dropped: Whether it left the blocks as a loser.
        result: What the checks say of it; None: nothing was compared.
    """

    setting: dict[str, Any]
    forecast: Forecast | None
    ratios: Seconds = field(default_factory=lambda: np.zeros(0))
    records: list[Record] = field(default_factory=list)
    is_outside: bool = False
    dropped: bool = False
    result: CheckStatus | None = None

    @property
    def log_ratio(self) -> float:
        """The mean of its ratios."""
        return float(self.ratios.mean()) if len(self.ratios) else float("-inf")

    @property
    def speedup(self) -> Interval | None:
        """Throughput over the baseline's, with Student's interval; None: no block has ended well."""
        return student_interval(self.ratios, 0.95) if len(self.ratios) else None

    @property
    def memory_bytes(self) -> int | None:
        """The most that one of its trials took by itself; None: not known."""
        found = [record.memory.peak_pss_bytes for record in self.records if not record.forked]
        return max((size for size in found if size is not None), default=None)

    @property
    def startup_s(self) -> float | None:
        """Median of its start-ups by themselves, in seconds; None: not known."""
        found = [record.startup.total_s for record in self.records if record.startup and not record.forked]
        return float(np.median(found)) if found else None

    @property
    def failure(self) -> str:
        """Why one of its trials failed; empty where none did."""
        failures = (record.failure for record in self.records if record.failure is not None)
        first = next(failures, None)
        return "" if first is None else (first.message.splitlines() or [first.kind])[0]
