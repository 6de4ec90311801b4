"""How much of the counted steps each lane's processes spent on a core, and how much waiting for one."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import reduce
from operator import add

from workbench.measure.timing.channel import Channel
from workbench.measure.timing.core_time import CoreTime, read_core_time
from workbench.records import Lane


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
        self._began = {pid: self._read(pid) for pids in self._lanes().values() for pid in pids}

    def end(self) -> None:
        """They are over."""
        self._used = {lane: self._since_begin(pids) for lane, pids in self._lanes().items()}

    def used(self, lane: Lane) -> CoreTime | None:
        """What a lane's processes used together; None where it isn't known, as of a worker that was replaced."""
        return self._used.get(lane)

    def _lanes(self) -> dict[Lane, Sequence[int]]:
        own = os.getpid()
        workers = [] if self._channel is None else [track.pid for track in self._channel.workers]
        return {"main": [own], "worker": [pid for pid in workers if pid not in (0, own)]}

    def _since_begin(self, pids: Sequence[int]) -> CoreTime | None:
        found = []
        for pid in pids:
            now, then = self._read(pid), self._began.get(pid)
            if now is None or then is None:
                return None
            found.append(now - then)
        return reduce(add, found) if found else None
