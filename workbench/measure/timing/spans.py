"""A span is one piece of work: what, from when to when, for which sample and batch. A thread writes its own to a track.

The rows of a track (`observer.rows`) are written in memory that is shared, so that the main process reads the tracks of
its workers without a message being sent, also of a worker that died.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.memory import SharedMemory
from workbench.observer.clock import now_ns
from workbench.observer.rows import COLUMNS, Rows, size_of
from workbench.observer.rows import NONE as NONE
from workbench.observer.rows import fitting_name as fitting_name
from workbench.records import Origin
from workbench.stages import Lane

#: Reads the time in nanoseconds. Clocks are handed in, so that a test can use one of its own.
Clock = Callable[[], int]

#: Goes on evenly; of a trial that takes turns with others, without the time for which it was frozen.
monotonic_ns: Clock = now_ns


@dataclass(frozen=True)
class Spans:
    """The spans of one track, as columns of equal length N.

    Attributes:
        names: Stage names; `stage` indexes them.
        stage: int64 [N].
        begin_ns: int64 [N], on the clock of `clock.monotonic_ns`.
        end_ns: int64 [N].
        sample: int64 [N], `NONE` where the span covers no single sample.
        batch: int64 [N], `NONE` where the span belongs to no batch.
    """

    names: tuple[str, ...]
    stage: npt.NDArray[np.int64]
    begin_ns: npt.NDArray[np.int64]
    end_ns: npt.NDArray[np.int64]
    sample: npt.NDArray[np.int64]
    batch: npt.NDArray[np.int64]


@dataclass(frozen=True)
class TrackSpans:
    """The spans of one track, with whose they are.

    Attributes:
        lane: The lane.
        process: The worker's number; 0 in the other lanes.
        background: Of a background thread, beside the lane's own.
        origin: Whether the times were measured or simulated.
        spans: The spans.
    """

    lane: Lane
    process: int
    background: bool
    origin: Origin
    spans: Spans


class Track(Rows):
    """The spans of one thread of one process, in memory that other processes read.

    Args:
        capacity: How many spans it holds; memory is only taken as it fills (40 bytes a span).
    """

    def __init__(self, capacity: int) -> None:
        self._memory = SharedMemory(size_of(capacity), name="workbench-spans")
        super().__init__(self._memory.view, capacity)

    def __getstate__(self) -> tuple[SharedMemory, int]:
        """Hand the same memory to a child process."""
        return self._memory, self._capacity

    def __setstate__(self, state: tuple[SharedMemory, int]) -> None:
        """Map the memory in a child process."""
        self._memory, capacity = state
        self._map(self._memory.view, capacity)

    def read(self, start: int = 0) -> Spans:
        """A copy of the spans written so far, from number `start` on."""
        return spans_of(self, start)


def spans_of(rows: Rows, start: int = 0) -> Spans:
    """A copy of rows as columns, from number `start` on."""
    table = np.frombuffer(rows.written(), dtype=np.int64).reshape(-1, COLUMNS)[start:].copy()
    return Spans(rows.stage_names(), table[:, 0], table[:, 1], table[:, 2], table[:, 3], table[:, 4])
