"""How long a process was on a core, and how long it waited for one: what the scheduler itself has counted.

Linux counts both for every thread, in nanoseconds (`/proc/PID/task/TID/schedstat`, scheduler statistics). A stage's
wall time tells neither: a stage that was preempted looks slow.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path

from workbench.measure.timing.channel import Channel
from workbench.stages import Lane
from workbench.units import NS_PER_S


@dataclass(frozen=True)
class CoreTime:
    """Seconds since a process began, or between two points in time.

    Attributes:
        cpu_s: On a core, of the thread that the process began with.
        ready_s: Ready to run and waiting for a core, likewise.
        background_cpu_s: On a core, of all its other threads.
    """

    cpu_s: float
    ready_s: float
    background_cpu_s: float

    def __sub__(self, earlier: CoreTime) -> CoreTime:
        """What has come since an earlier reading; the time of threads that ended meanwhile is lost."""
        return CoreTime(
            self.cpu_s - earlier.cpu_s,
            self.ready_s - earlier.ready_s,
            max(0.0, self.background_cpu_s - earlier.background_cpu_s),
        )

    def __add__(self, other: CoreTime) -> CoreTime:
        """Both together."""
        return CoreTime(
            self.cpu_s + other.cpu_s, self.ready_s + other.ready_s, self.background_cpu_s + other.background_cpu_s
        )


def read_core_time(pid: int, proc: Path = Path("/proc")) -> CoreTime | None:
    """What the scheduler has counted for a process so far; None where it is gone, or the system doesn't count."""
    threads = proc / str(pid) / "task"
    own: tuple[int, int] | None = None
    helpers_ns = 0
    try:
        for thread in threads.iterdir():
            cpu_ns, ready_ns, *_ = map(int, (thread / "schedstat").read_text().split())
            if thread.name == str(pid):
                own = cpu_ns, ready_ns
            else:
                helpers_ns += cpu_ns
    except (OSError, ValueError):
        return None
    if own is None:
        return None
    return CoreTime(own[0] / NS_PER_S, own[1] / NS_PER_S, helpers_ns / NS_PER_S)


class CoreWatch:
    """Reads the scheduler's counters where the counted steps begin and where they end.

    Args:
        channel: Knows the processes of the workers; None: only the main process is watched.
        read: Reads the counters of a process.
    """

    def __init__(self, channel: Channel | None, read: Callable[[int], CoreTime | None] = read_core_time) -> None:
        self._channel = channel
        self._read = read
        self._began: dict[int, CoreTime | None] = {}
        self._used: dict[Lane, CoreTime | None] = {}

    def begin(self) -> None:
        """The counted steps begin."""
        self._began = {pid: self._read(pid) for pids in (*self._lanes().values(), self._helpers()) for pid in pids}

    def end(self) -> None:
        """They are over."""
        self._used = {lane: self._since_begin(pids) for lane, pids in self._lanes().items()}
        main, helpers = self._used.get("main"), self._since_begin(self._helpers())
        if main is not None and helpers is not None:  # they work beside the lane, as its other threads do
            self._used["main"] = main + CoreTime(0.0, 0.0, helpers.cpu_s + helpers.background_cpu_s)

    def used(self, lane: Lane) -> CoreTime | None:
        """What a lane's processes used together; None where it isn't known, as of a worker that was replaced."""
        return self._used.get(lane)

    def _lanes(self) -> dict[Lane, Sequence[int]]:
        own = os.getpid()
        workers = [] if self._channel is None else [track.pid for track in self._channel.workers]
        return {"main": [own], "worker": [pid for pid in workers if pid not in (0, own)]}

    def _helpers(self) -> Sequence[int]:
        return [] if self._channel is None else [track.pid for track in self._channel.helpers if track.pid]

    def _since_begin(self, pids: Sequence[int]) -> CoreTime | None:
        found = []
        for pid in pids:
            now, then = self._read(pid), self._began.get(pid)
            if now is None or then is None:
                return None
            found.append(now - then)
        return reduce(add, found) if found else None
