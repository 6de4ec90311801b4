"""Timing stages: ``with stage("decode"): ...`` writes one span into the track of the thread that does the work."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from workbench.errors import BadInput, Problem
from workbench.measure.timing.spans import NONE, Clock, Track, monotonic_ns
from workbench.workload import Timed

Output = TypeVar("Output")


class Stages:
    """Writes the spans of one thread.

    Attributes:
        sample: Sample that the following spans belong to, or `NONE`.
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
        self.sample = NONE
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
        self.track.add(self.track.number_of(name), begin_ns, end_ns, self.sample, self.batch)

    def begin_batch(self, batch: int) -> None:
        """A batch is to be made: the time before was idle."""
        self.batch = NONE
        self.sample = NONE
        since = self.track.idle_since_ns
        if since:
            self.add("idle", since, self.clock())
            self.track.idle_since_ns = 0
        self.batch = batch

    def end_batch(self) -> None:
        """The batch is made: from here on the thread is idle."""
        self.sample = NONE
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
        self._add(self._number, self._begin, end, stages.sample, stages.batch)


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

    In a loader worker, or in the main process where it loads the samples itself. Anywhere else (filling a cache,
    looking at a sample in a notebook) nothing is timed.

    Raises:
        BadInput: For a stage that is to be knocked out: only what `run` does can be replayed.
    """
    if name in _knocked_out:
        remedy = f"Write run('{name}', work) in place of the with block (workbench.measure.timing.stages)"
        problem = Problem("is only timed, so there is no output to be replayed", f"stage '{name}'", remedy)
        raise BadInput("knock_out", [problem])
    return _in_worker_lane(name)


def _in_worker_lane(name: str) -> Timed:
    return _UNTIMED if _worker is None else _worker(name)


#: Outputs of stages that are replayed from memory, by stage and kind; None: nothing is.
_replayed: dict[tuple[str, Hashable], object] = {}
_knocked_out: frozenset[str] = frozenset()


def knock_out(stages: Iterable[str]) -> None:
    """From here on these stages are replayed from memory in this process, so that their cost is gone.

    That is the measured answer to "what if it were free?". The first output of such a stage is kept and given again
    for everything of the same kind. It has the right shape and the wrong content: the samples of such a trial are not
    valid.
    """
    global _knocked_out
    _knocked_out = frozenset(stages)
    _replayed.clear()


def is_knocked_out(name: str) -> bool:
    """Whether a stage is replayed from memory in this process."""
    return name in _knocked_out


def run(
    name: str, work: Callable[[], Output], *, like: Hashable = None, timer: Callable[[str], Timed] | None = None
) -> Output:
    """Do the work of a stage, timed, or replay it where the stage is knocked out.

    Args:
        name: The stage.
        work: Does the work.
        like: Outputs of the same kind may stand in for each other (the same shape of image, for one).
        timer: Times it; by default `stage`.
    """
    with (timer or _in_worker_lane)(name):
        if name not in _knocked_out:
            return work()
        place = (name, like)
        if place not in _replayed:
            _replayed[place] = work()
        return _replayed[place]  # type: ignore[return-value]


def run_into(
    name: str, work: Callable[[npt.NDArray[Any]], object], into: npt.NDArray[Any], *, like: Hashable = None
) -> None:
    """Do the work of a stage that writes its output where that is wanted; a replayed one is copied there.

    Args:
        name: The stage.
        work: Writes its output into the array that it is given.
        into: Where the output is wanted.
        like: As of `run`.
    """
    with _in_worker_lane(name):
        if name not in _knocked_out:
            work(into)
            return
        place = (name, like)
        if place not in _replayed:
            kept = np.empty_like(into)
            work(kept)
            _replayed[place] = kept
        np.copyto(into, _replayed[place])  # type: ignore[arg-type]


def untimed(name: str) -> Timed:
    """Stands in for `stage` where nothing is to be timed."""
    return _UNTIMED


def worker_stages() -> Stages | None:
    """The worker lane of this process, where it has one."""
    return _worker


def at_sample(number: int) -> None:
    """For a data set that makes a batch as a whole: what is timed from here on belongs to this sample, or `NONE`."""
    if _worker is not None:
        _worker.sample = number


def become_worker(stages: Stages | None) -> None:
    """From here on `stage` in this process writes to `stages` (None: nowhere)."""
    global _worker
    _worker = stages
