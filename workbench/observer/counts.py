"""Rows that are no segments: the steps of a main process, and how long a thread was on a core so far.

Each has a name and four numbers, the first of which is the time. What the others are:

==========  =============================  ==================================  ===================
name        first                          second                              third
==========  =============================  ==================================  ===================
`asked`     number of the loader           number of the iterator              0
`given`     key of the batch               its samples                         its bytes
`backward`  number of the loader           0                                   0
`ended`     number of the loader           number of the iterator              0
`cores`     ns on a core (this thread)     ns ready, waiting for a core        ns on a core (process)
==========  =============================  ==================================  ===================
"""

from __future__ import annotations

import os
import time

from .rows import Rows

#: Between two readings of what the scheduler has counted, where only their sum is asked for: each takes a system call.
SELDOM_NS = 20_000_000

#: Likewise, where they are asked for by step.
OFTEN_NS = 5_000_000


class Counts:
    """Writes the counts of one thread of this process.

    Args:
        rows: Where they go.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._numbers = {name: rows.number_of(name) for name in ("asked", "given", "backward", "ended", "cores")}
        self._last_ns = -SELDOM_NS
        try:
            self._schedstat = os.open("/proc/thread-self/schedstat", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:  # this system does not count
            self._schedstat = -1

    def add(self, name: str, at_ns: int, first: int, second: int = 0, third: int = 0) -> None:
        """Write one row."""
        self._rows.add(self._numbers[name], at_ns, first, second, third)

    def cores(self, at_ns: int, every_ns: int = 0) -> bool:
        """Write down what the scheduler has counted so far; false where the last time is less than so long ago."""
        if self._schedstat < 0 or at_ns - self._last_ns < every_ns:
            return False
        self._last_ns = at_ns
        on_core, ready, _ = os.pread(self._schedstat, 80, 0).split()
        self.add("cores", at_ns, int(on_core), int(ready), time.process_time_ns())
        return True
