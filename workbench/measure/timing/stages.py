"""Timing stages: ``with stage("decode"): ...`` writes one span into the track of the thread that does the work."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Protocol

from workbench.measure.timing.clock import Clock, monotonic_ns
from workbench.measure.timing.spans import NONE, Track


class Timed(Protocol):
    """A ``with`` block that is being timed, or not."""

    def __enter__(self) -> object:
        """Begin the block."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """End the block."""


class Stages:
    """Writes the spans of one thread.

    Attributes:
        page: Page that the following spans belong to, or `NONE`.
        batch: Batch that the following spans belong to, or `NONE`.
        track: Where the spans go.
        clock: Where the times come from.

    Args:
        track: See above.
        clock: See above.
        delays_ns: By stage: what each of its blocks is made to take longer, on purpose.
        work_clock: Tells how long this thread has been on a core, by which a delay is measured: like work, it takes
            longer where the core is shared.
    """

    def __init__(
        self,
        track: Track,
        clock: Clock = monotonic_ns,
        delays_ns: Mapping[str, int] | None = None,
        work_clock: Clock = time.thread_time_ns,
    ) -> None:
        self.track = track
        self.clock = clock
        self.work_clock = work_clock
        self._delays_ns = delays_ns or {}
        self.page = NONE
        self.batch = NONE
        self._known: dict[str, _Stage] = {}

    def __call__(self, name: str) -> Timed:
        """The ``with`` block that times stage `name`. Blocks of one name don't nest in each other."""
        known = self._known.get(name)
        if known is None:
            number = self.track.number_of(name)
            delay_ns = self._delays_ns.get(name)
            known = _Stage(self, number) if delay_ns is None else _SlowStage(self, number, delay_ns)
            self._known[name] = known
        return known

    def add(self, name: str, begin_ns: int, end_ns: int) -> None:
        """Write a span whose times are known already."""
        self.track.add(self.track.number_of(name), begin_ns, end_ns, self.page, self.batch)

    def begin_batch(self, batch: int) -> None:
        """An order has come in: what went before was idle."""
        self.batch = NONE
        self.page = NONE
        since = self.track.idle_since_ns
        if since:
            self.add("idle", since, self.clock())
            self.track.idle_since_ns = 0
        self.batch = batch

    def end_batch(self) -> None:
        """The order is done: from here on the thread is idle."""
        self.page = NONE
        self.batch = NONE
        self.track.idle_since_ns = self.clock()


class _Stage:
    __slots__ = ("_add", "_begin", "_clock", "_number", "_stages")

    def __init__(self, stages: Stages, number: int) -> None:
        self._stages = stages
        self._number = number
        self._clock = stages.clock
        self._add = stages.track.add
        self._begin = 0

    def __enter__(self) -> None:
        self._begin = self._clock()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        end = self._clock()
        stages = self._stages
        self._add(self._number, self._begin, end, stages.page, stages.batch)


class _SlowStage(_Stage):
    """Takes longer than its work by a known time on a core."""

    __slots__ = ("_delay_ns",)

    def __init__(self, stages: Stages, number: int, delay_ns: int) -> None:
        super().__init__(stages, number)
        self._delay_ns = delay_ns

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        work_clock = self._stages.work_clock
        until = work_clock() + self._delay_ns
        while work_clock() < until:
            pass
        super().__exit__(kind, error, tb)


class _Untimed:
    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        pass


_UNTIMED = _Untimed()
_worker: Stages | None = None


def stage(name: str) -> Timed:
    """Time a stage of the worker lane, wherever that lane's work is done in this process.

    In a loader worker, or in the main process where it loads the pages itself. Anywhere else (filling a cache, looking
    at a page in a notebook) nothing is timed.
    """
    return _UNTIMED if _worker is None else _worker(name)


def untimed(name: str) -> Timed:
    """Stands in for `stage` where nothing is to be timed."""
    return _UNTIMED


def worker_stages() -> Stages | None:
    """The worker lane of this process, where it has one."""
    return _worker


def become_worker(stages: Stages | None) -> None:
    """From here on `stage` in this process writes to `stages` (None: nowhere)."""
    global _worker
    _worker = stages
