"""A span is one piece of work: what, from when to when, for which sample and batch. A thread writes its own to a track.

Writing a span costs well under a microsecond: five integers into memory that is there already. No lock (a track has
one writer), no allocation, no formatting. The memory is shared, so that the main process reads the tracks of its
workers without a message being sent, also of a worker that died.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.memory import SharedMemory
from workbench.records import Origin
from workbench.stages import Lane

#: Reads the time in nanoseconds. Clocks are handed in, so that a test can use one of its own.
Clock = Callable[[], int]

monotonic_ns: Clock = time.perf_counter_ns


#: What stands in a span for "no sample" or "no batch".
NONE = -1

_COLUMNS = 5  # stage, begin_ns, end_ns, sample, batch
_HEADER = 8  # int64 fields before the names
_SPANS, _DROPPED, _STAGES, _IDLE_SINCE, _STARTED, _PID = range(6)
_NAME_BYTES = 96
_MAX_STAGES = 64
_BYTES_BEFORE_SPANS = _HEADER * 8 + _MAX_STAGES * _NAME_BYTES


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


def fitting_name(stage: str) -> str:
    """A stage's name as a track holds it: cut where it is longer than 96 bytes, with a mark that keeps it unique."""
    encoded = stage.encode()
    if len(encoded) <= _NAME_BYTES:
        return stage
    mark = f"~{zlib.crc32(encoded):08x}"
    return encoded[: _NAME_BYTES - len(mark)].decode(errors="ignore") + mark


class Track:
    """The spans of one thread of one process, in memory that other processes read.

    A full track drops further spans and counts them in `dropped`.

    Args:
        capacity: How many spans it holds; memory is only taken as it fills (40 bytes a span).
    """

    def __init__(self, capacity: int) -> None:
        self._memory = SharedMemory(_BYTES_BEFORE_SPANS + capacity * _COLUMNS * 8, name="workbench-spans")
        self._capacity = capacity
        self._map()

    def _map(self) -> None:
        view = self._memory.view
        self._header = view[: _HEADER * 8].cast("q")
        self._names = view[_HEADER * 8 : _BYTES_BEFORE_SPANS]
        self._rows = view[_BYTES_BEFORE_SPANS : _BYTES_BEFORE_SPANS + self._capacity * _COLUMNS * 8].cast("q")

    def __getstate__(self) -> tuple[SharedMemory, int]:
        """Hand the same memory to a child process."""
        return self._memory, self._capacity

    def __setstate__(self, state: tuple[SharedMemory, int]) -> None:
        """Map the memory in a child process."""
        self._memory, self._capacity = state
        self._map()

    def number_of(self, stage: str) -> int:
        """The number of a stage in this track, given on first use."""
        names = self.stage_names()
        name = fitting_name(stage)
        if name in names:
            return names.index(name)
        if len(names) == _MAX_STAGES:
            raise ValueError(f"more than {_MAX_STAGES} stages in one track (the last: {stage!r})")
        text = name.encode()
        offset = len(names) * _NAME_BYTES
        self._names[offset : offset + len(text)] = text
        self._header[_STAGES] = len(names) + 1
        return len(names)

    def add(self, stage: int, begin_ns: int, end_ns: int, sample: int = NONE, batch: int = NONE) -> None:
        """Write one span."""
        header = self._header
        count = header[_SPANS]
        if count >= self._capacity:
            header[_DROPPED] += 1
            return
        rows = self._rows
        row = count * _COLUMNS
        rows[row] = stage
        rows[row + 1] = begin_ns
        rows[row + 2] = end_ns
        rows[row + 3] = sample
        rows[row + 4] = batch
        header[_SPANS] = count + 1  # last: whoever reads meanwhile sees whole spans only

    def stage_names(self) -> tuple[str, ...]:
        """The stages seen so far, by number."""
        raw = bytes(self._names[: self._header[_STAGES] * _NAME_BYTES])
        starts = range(0, len(raw), _NAME_BYTES)
        return tuple(raw[start : start + _NAME_BYTES].rstrip(b"\0").decode(errors="replace") for start in starts)

    def read(self, start: int = 0) -> Spans:
        """A copy of the spans written so far, from number `start` on."""
        count = self._header[_SPANS]
        rows = np.frombuffer(self._rows, dtype=np.int64, count=count * _COLUMNS).reshape(count, _COLUMNS)[start:].copy()
        return Spans(self.stage_names(), rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3], rows[:, 4])

    @property
    def dropped(self) -> int:
        """Spans that found no room."""
        return self._header[_DROPPED]

    @property
    def idle_since_ns(self) -> int:
        """Since when the thread has been waiting for an order; 0 while it works on one."""
        return self._header[_IDLE_SINCE]

    @idle_since_ns.setter
    def idle_since_ns(self, value: int) -> None:
        self._header[_IDLE_SINCE] = value

    @property
    def started_ns(self) -> int:
        """When the process of this track was last asked to start; 0 once it has reported."""
        return self._header[_STARTED]

    @started_ns.setter
    def started_ns(self, value: int) -> None:
        self._header[_STARTED] = value

    @property
    def pid(self) -> int:
        """The process that writes here; 0 before there is one."""
        return self._header[_PID]

    @pid.setter
    def pid(self, value: int) -> None:
        self._header[_PID] = value
