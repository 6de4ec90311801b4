"""Freezes a trial with all its processes, and lets it go on: so trials that live at once take turns.

A frozen process (SIGSTOP) is given no core, and sees nothing of it: its queues stay as they are. The trial's clock
stands still meanwhile (`observer.clock`). Whoever freezes keeps no trial frozen beyond its own life: see
`go_on_without_parent`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from pathlib import Path

from workbench.measure.attach.seen import shared_folder
from workbench.measure.trial.process_tree import in_session
from workbench.observer.clock import Pauses
from workbench.records import Slice

#: Processes stop within a fraction of a millisecond, but for one in the midst of a system call that nothing interrupts.
_STOPPED_WITHIN_S = 1.0
_LOOK_S = 0.0005

#: States of a process that does nothing (proc(5)): stopped, traced, a zombie, dead.
_STILL = "TtZX"

#: prctl(2): the signal that this process gets when the thread that has started it ends.
_PR_SET_PDEATHSIG = 1


def pauses_file(run_folder: Path) -> Path:
    """Where the page of a trial lies."""
    folder = shared_folder(run_folder)
    return folder.with_name(f"{folder.name}.pauses")


class Freezer:
    """Freezes one trial.

    Args:
        leader: The process that leads the trial's session.
        pauses: The page that its clock is kept in.

    Attributes:
        slices: The times in which it ran since it was frozen first, on its own clock.
    """

    def __init__(self, leader: int, pauses: Pauses) -> None:
        self._leader = leader
        self._pauses = pauses
        self._since_ns: int | None = None
        self._thawed_ns: int | None = None
        self.slices: list[Slice] = []

    @property
    def frozen_ns(self) -> int:
        """For how long the trial has been frozen, until now where it still is."""
        now_ns = time.perf_counter_ns()
        return self._pauses.frozen_ns + (0 if self._since_ns is None else now_ns - self._since_ns)

    def freeze(self) -> None:
        """Stop all of its processes; returns when they are still."""
        if self._since_ns is not None:
            return
        stopped: set[int] = set()
        until = time.monotonic() + _STOPPED_WITHIN_S
        while time.monotonic() < until:
            members = in_session(self._leader)
            for pid in members - stopped:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
            is_new = bool(members - stopped)
            stopped |= members
            if not is_new and all(map(_is_still, members)):
                break
            time.sleep(_LOOK_S)
        # Taken when all are still, and not before: no clock of theirs is set back.
        self._since_ns = time.perf_counter_ns()
        if self._thawed_ns is not None:
            self.slices.append(Slice(begin_ns=self._thawed_ns, end_ns=self._pauses.now_ns()))

    def thaw(self) -> None:
        """Let them go on."""
        if self._since_ns is None:
            return
        self._pauses.frozen_ns = self.frozen_ns
        self._since_ns = None
        self._thawed_ns = self._pauses.now_ns()
        for pid in in_session(self._leader):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _is_still(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:  # gone
        return True
    return text[text.rindex(")") + 2] in _STILL


def go_on_without_parent() -> None:
    """Let the kernel wake this process when the one that may have frozen it is gone.

    Then it finds its leash gone as well, and ends with all that it has started.
    """
    with contextlib.suppress(OSError, AttributeError):  # no Linux
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGCONT, 0, 0, 0)
