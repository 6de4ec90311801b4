"""Self times of one thread: whoever enters a stage closes the segment of the stage around it, and opens it again.

So the segments of a thread never overlap and leave no gap, however the stages nest: what a stage's own rows add up to
is the time that it spent outside of those within it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from .clock import now_ns
from .rows import NONE, Rows

#: What is done with a fault of ours; the session of the process sets it.
on_fault: list[Callable[[Exception], None]] = []


def report(error: Exception) -> None:
    """Something of ours has gone wrong within the script's own code."""
    for call in on_fault:
        call(error)


class Lane:
    """Writes the segments of one thread.

    Attributes:
        rows: Where they go.
        sample: The sample that the following segments belong to, or `NONE`.
        batch: The batch likewise.
        kept: What keeps the samples that are made in this thread; None: nothing does.
        watchers: Are called where a stage begins (`entered`) and ends (`left`), within the stage.

    Args:
        rows: See above.
        clock: Reads the time in nanoseconds.
    """

    __slots__ = ("_clock", "_numbers", "_since", "_stack", "batch", "kept", "rows", "sample", "watchers")

    def __init__(self, rows: Rows, clock: Callable[[], int] = now_ns) -> None:
        self.rows = rows
        self.sample = NONE
        self.batch = NONE
        self.kept: Any = None
        self.watchers: list[Any] = []
        self._clock = clock
        self._numbers: dict[str, int] = {}
        self._stack: list[int] = []
        self._since = 0

    @property
    def depth(self) -> int:
        """How many stages are open."""
        return len(self._stack)

    def enter(self, name: str) -> None:
        """A stage begins. Never raises: it is called within the script's own code."""
        try:
            now = self._clock()
            stack = self._stack
            if stack and now > self._since:
                self.rows.add(stack[-1], self._since, now, self.sample, self.batch)
            number = self._numbers.get(name)
            if number is None:
                number = self._numbers[name] = self.rows.number_of(name)
            stack.append(number)
            self._since = now
            if self.watchers:
                for watcher in self.watchers:
                    watcher.entered(name)
        except Exception as error:
            report(error)

    def leave(self) -> None:
        """The stage that was entered last is over. Never raises."""
        try:
            if self.watchers:
                for watcher in reversed(self.watchers):
                    watcher.left()
            now = self._clock()
            if self._stack:
                self.rows.add(self._stack.pop(), self._since, now, self.sample, self.batch)
            self._since = now
        except Exception as error:
            report(error)

    def leave_to(self, depth: int) -> None:
        """All stages beyond a depth are over, also those that an exception has left open."""
        while len(self._stack) > depth:
            self.leave()

    def restart(self, name: str) -> None:
        """All open stages are over, and another one begins in the same instant."""
        was_open = bool(self._stack)
        self.leave_to(0)
        since = self._since
        self.enter(name)
        if was_open:
            self._since = since

    def add(self, name: str, begin_ns: int, end_ns: int) -> None:
        """Write a segment whose times are known already; it must not overlap with others."""
        self.rows.add(self.rows.number_of(name), begin_ns, end_ns, self.sample, self.batch)


class _Current(threading.local):
    """The lane that the work of a thread is written to at the moment; None: it is not looked at."""

    lane: Lane | None = None


current = _Current()
