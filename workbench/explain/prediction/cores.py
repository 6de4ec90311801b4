"""Cores that processes share, in simulated time.

As under Linux, every core has its own queue: who wakes goes to the core with the fewest, and shares it fairly with
those who are there; a core that falls idle takes one from the fullest. (Three at work on two cores do not get two
thirds each: one has a core, the others half of one.) And work is slower the more cores are at work, because they share
caches and memory. Where a quota allows less time than the cores have, all together get no more than that.

All work on one core advances at one rate, so a single clock of work done serves everybody there: a piece of work is
through when the clock of its core shows what it showed at the beginning plus the cost. That makes a step cheap.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator

#: A process in simulated time. It yields how many seconds on a core it needs, or, negative, for how long it sleeps; or
#: None: until somebody wakes it.
Process = Generator[float | None, None, None]

_NEVER = float("inf")


class _Core:
    """One core: its clock of work done, and what it works on, by when that is through."""

    __slots__ = ("at", "next_at", "rate", "running", "work")

    def __init__(self) -> None:
        self.running: list[tuple[float, int, Process]] = []
        self.work = 0.0  # what the clock of work done shows ...
        self.at = 0.0  # ... at this time
        self.rate = 0.0
        self.next_at = _NEVER


class Cores:
    """Runs processes.

    Args:
        cores: How many there are.
        slowdown: See `pipeline.PipelineConfig`.
        quota: Likewise.

    Attributes:
        now: Seconds since the beginning.
        busy_s: Core seconds that were at work.
    """

    def __init__(self, cores: int, slowdown: float, quota: float | None = None) -> None:
        self.now = 0.0
        self.busy_s = 0.0
        self._cores = [_Core() for _ in range(cores)]
        self._timers: list[tuple[float, int, Process]] = []
        self._ready: list[Process] = []
        self._number = 0
        self._busy = 0
        speed = [1.0 / (1.0 + slowdown * max(n - 1, 0) / max(cores - 1, 1)) for n in range(cores + 1)]
        self._speed = [min(own, (quota or cores) / max(n, 1)) for n, own in enumerate(speed)]

    @property
    def at_work(self) -> int:
        """Processes that have a core, or wait for one."""
        return sum(len(core.running) for core in self._cores)

    def start(self, process: Process) -> None:
        """Let a process begin, now."""
        self._ready.append(process)

    #: A process that waits goes on.
    wake = start

    def run(self, is_over: Callable[[], bool]) -> None:
        """Go on until it is over.

        Raises:
            RuntimeError: Where everybody waits for somebody else.
        """
        timers, ready, cores = self._timers, self._ready, self._cores
        while True:
            while ready:
                self._go_on(ready.pop())
            if is_over():
                return
            self._fill_idle()
            core = min(cores, key=_next_at)
            timer_at = timers[0][0] if timers else _NEVER
            until = min(core.next_at, timer_at)
            if until == _NEVER:
                raise RuntimeError("the simulated pipeline is stuck")
            passed = until - self.now
            self.busy_s += passed * self._busy
            self.now = until
            if timer_at <= core.next_at:
                ready.append(heapq.heappop(timers)[2])
            else:
                ready.append(heapq.heappop(core.running)[2])
                self._changed(core, -1)

    def _go_on(self, process: Process) -> None:
        """Let a process take its next step, up to where it needs a core or time."""
        need = next(process, None)
        if need is None:
            return
        self._number += 1
        if need < 0.0:
            heapq.heappush(self._timers, (self.now - need, self._number, process))
            return
        core = min(self._cores, key=_length)
        self._advance(core)
        heapq.heappush(core.running, (core.work + need, self._number, process))
        self._changed(core, 1)

    def _fill_idle(self) -> None:
        """A core without work takes some from the fullest."""
        if self._busy == len(self._cores):
            return
        fullest = max(self._cores, key=_length)
        while len(fullest.running) > 1 and self._busy < len(self._cores):
            idle = min(self._cores, key=_length)
            self._advance(fullest)
            moved = max(fullest.running)  # the one with the most left to do
            fullest.running.remove(moved)
            heapq.heapify(fullest.running)
            self._advance(idle)
            idle.running.append((idle.work + moved[0] - fullest.work, moved[1], moved[2]))
            self._changed(fullest, -1)
            self._changed(idle, 1)
            fullest = max(self._cores, key=_length)

    def _advance(self, core: _Core) -> None:
        core.work += (self.now - core.at) * core.rate
        core.at = self.now

    def _changed(self, core: _Core, by: int) -> None:
        """A core has more work or less: its rate is another one; and that of all, where one has begun or ended."""
        length = len(core.running)
        began, ended = by > 0 and length == 1, by < 0 and length == 0
        if began or ended:
            self._busy += by
            if self._speed[self._busy] != self._speed[self._busy - by]:
                for each in self._cores:
                    self._set_rate(each)
                return
        self._set_rate(core)

    def _set_rate(self, core: _Core) -> None:
        core.work += (self.now - core.at) * core.rate
        core.at = self.now
        if core.running:
            core.rate = self._speed[self._busy] / len(core.running)
            core.next_at = core.at + (core.running[0][0] - core.work) / core.rate
        else:
            core.rate, core.next_at = 0.0, _NEVER


def _next_at(core: _Core) -> float:
    return core.next_at


def _length(core: _Core) -> int:
    return len(core.running)
