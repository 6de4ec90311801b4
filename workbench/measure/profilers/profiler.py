"""What a profiler is: an optional look into a trial, deeper than the stages, that costs time and says how much."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from workbench.knobs.knobs import Knobs
from workbench.measure.timing.spans import Clock
from workbench.workload import Timed


@dataclass(frozen=True)
class ProfilerContext:
    """What a profiler is pointed at.

    Attributes:
        knobs: The trial's knobs.
        folder: Where its files go: `profiles/` of the run folder.
        clock: The clock of all spans.
        functions: Dotted paths of the functions that are worth a look line by line, unless the knobs name others.
    """

    knobs: Knobs
    folder: Path
    clock: Clock
    functions: Sequence[str] = ()


@dataclass
class Findings:
    """What a profiler has left.

    Attributes:
        files: Files by what they hold.
        notes: What a reader should know: what was cut, what could not be done and why.
    """

    files: dict[str, Path] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class Profiler(Protocol):
    """One profiler in the trial's process. The engine calls the methods in this order."""

    def start(self) -> None:
        """The trial has begun; no worker has been started yet.

        Raises:
            BadInput: For what a user can put right.
        """

    def in_worker(self) -> Callable[[int], None] | None:
        """What every loader worker is to call when it starts, with its number; picklable."""

    def phase(self, name: str) -> None:
        """The trial is in another phase."""

    def mark(self, stage: str) -> Timed | None:
        """A block that marks a stage of the main process for this profiler; None where it has no use for one."""

    def steady(self) -> None:
        """The counted steps begin; the workers are running."""

    def step(self) -> None:
        """A counted step is done."""

    def stop(self) -> None:
        """The counted steps are done; the workers are still running."""

    def collect(self) -> Findings:
        """The workers are gone: write what is left to be written."""


class BaseProfiler:
    """A profiler that does nothing, to be built upon."""

    def start(self) -> None:
        """See `Profiler`."""

    def in_worker(self) -> Callable[[int], None] | None:
        """See `Profiler`."""
        return None

    def phase(self, name: str) -> None:
        """See `Profiler`."""

    def mark(self, stage: str) -> Timed | None:
        """See `Profiler`."""
        return None

    def steady(self) -> None:
        """See `Profiler`."""

    def step(self) -> None:
        """See `Profiler`."""

    def stop(self) -> None:
        """See `Profiler`."""

    def collect(self) -> Findings:
        """See `Profiler`."""
        return Findings()
