"""What a diagnosis is made of: causes that cost a run its time, each with its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Name = Literal[
    "loader-bound",
    "device-bound",
    "transfer-bound",
    "main-thread-bound",
    "start-up-bound",
    "slow worker start",
    "one slow worker",
    "rare slow pages",
    "heavy send and receive",
    "cores oversubscribed",
    "lock contention",
    "slow files",
    "memory-bound cache",
    "epochs end dry",
    "breakdown does not close",
    "healthy",
]


@dataclass(frozen=True)
class Cause:
    """One reason why a run is no faster.

    Attributes:
        name: What it is.
        stage: The stage that it is about, where it is about one.
        evidence: A sentence with the figures that show it.
        severity: Share of the run's time that it costs, 0..1: what would be saved without it, all else as it is.
    """

    name: Name
    stage: str | None
    evidence: str
    severity: float

    @property
    def title(self) -> str:
        """Name and stage: ``"loader-bound by 'decode'"``."""
        return self.name if self.stage is None else f"{self.name} by '{self.stage}'"
