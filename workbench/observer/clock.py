"""The clock of a trial: the machine's, less the time for which the trial was frozen.

A trial that takes turns with others is frozen while one of them runs (`measure.trial.freezing`). Whoever freezes it
keeps the time for which it was in a page that all of its processes map. So a stage that is in the middle of its work
when it is frozen has no longer span for that, and a device that is replayed does not go on meanwhile.

Where the environment names no page, this is `time.perf_counter_ns` itself.
"""

from __future__ import annotations

import mmap
import os
import time
from typing import Callable

#: Names the page of a trial that takes turns with others.
VARIABLE = "WORKBENCH_PAUSES"

_SIZE = 4096
_FROZEN_NS, _IS_OVER = 0, 1


class Pauses:
    """A page that two parties map: who freezes a trial writes it, the trial's processes read it.

    Args:
        path: A file; see `make`.
    """

    def __init__(self, path: str) -> None:
        self.map(path)

    def map(self, path: str) -> None:
        """Map another file.

        Raises:
            OSError: Where it cannot be opened.
        """
        if path == os.devnull:  # of a process that is no trial, but becomes one
            self._words = memoryview(bytearray(_SIZE)).cast("q")
            return
        with open(path, "r+b") as file:
            self._words = memoryview(mmap.mmap(file.fileno(), _SIZE)).cast("q")

    @classmethod
    def make(cls, path: str) -> Pauses:
        """A new page, in a file that must not be there.

        Raises:
            OSError: Where it cannot be made.
        """
        with open(path, "xb") as file:
            file.write(bytes(_SIZE))
        return cls(path)

    @property
    def frozen_ns(self) -> int:
        """For how long the trial has been frozen so far."""
        return self._words[_FROZEN_NS]

    @frozen_ns.setter
    def frozen_ns(self, value: int) -> None:
        self._words[_FROZEN_NS] = value

    @property
    def is_over(self) -> bool:
        """Whether the trial has counted enough: its current step is the last one."""
        return self._words[_IS_OVER] != 0

    def end(self) -> None:
        """Tell the trial that it has counted enough."""
        self._words[_IS_OVER] = 1

    def now_ns(self) -> int:
        """The trial's time. A freeze within this call is not read as if it had not been."""
        words = self._words
        while True:
            frozen_ns = words[_FROZEN_NS]
            now_ns = time.perf_counter_ns()
            if words[_FROZEN_NS] == frozen_ns:
                return now_ns - frozen_ns


class _Clock:
    """Reads the time of the trial that this process belongs to."""

    def __init__(self, own: Pauses) -> None:
        self.pauses = own

    def __call__(self) -> int:
        return self.pauses.now_ns()

    def __reduce__(self) -> str:
        """In another process, it is the clock that lies there under the same name."""
        return "now_ns"


def _pauses_here() -> Pauses | None:
    path = os.environ.get(VARIABLE)
    if not path:
        return None
    try:
        return Pauses(path)
    except OSError:  # the trial is over, and this process has outlived it
        return None


def begin_anew() -> None:
    """Take the page that the environment names now: a process has become a trial.

    It must have had a page before, be it none of a trial's (`os.devnull`): clocks are bound where they are imported.
    """
    assert pauses is not None
    pauses.map(os.environ[VARIABLE])


#: That of the trial that this process belongs to, where it takes turns with others.
pauses = _pauses_here()

#: The time in nanoseconds.
now_ns: Callable[[], int] = time.perf_counter_ns if pauses is None else _Clock(pauses)
