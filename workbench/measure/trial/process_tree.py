"""A trial's process with everything that it starts: who belongs to it, and its end."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import psutil

from workbench.measure.loaders.shared_memory import remove_segments
from workbench.measure.timing.moment import Moment

if TYPE_CHECKING:
    from workbench.measure.trial.template import Forked

#: How long processes get to end by themselves before they are killed.
_GRACE_S = 0.5

#: Killed processes are gone when the kernel has freed their memory, which may take a moment.
_GONE_WITHIN_S = 5.0


#: prctl(2): orphaned descendants get this process as their parent.
_PR_SET_CHILD_SUBREAPER = 36


class ProcessTree:
    """A process that leads a session of its own, with its children and theirs.

    Members are found by their session, as well as by descent: a child whose parent has died is no descendant any more.

    Args:
        process: The leader, started with `start_new_session`.

    Attributes:
        pids: All members that were ever seen, also those that are gone.
    """

    def __init__(self, process: subprocess.Popen[str] | Forked) -> None:
        self._process = process
        self._started = Moment()
        self.pids = {process.pid}

    def look(self) -> None:
        """Take down who belongs to it now. Takes a system call a process of the machine, and reads no file."""
        self.pids.update(in_session(self._process.pid))

    def end(self) -> None:
        """End all of it; returns when they are gone, with what they left in /dev/shm."""
        leader = self._process.pid
        members = _members(leader)
        self.pids.update(member.pid for member in members)
        for how in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(leader, how)
            _send(members, how)
            _send(members, signal.SIGCONT)  # one that is frozen hears nothing else before
            if _are_gone(members, _GRACE_S if how == signal.SIGTERM else _GONE_WITHIN_S):
                break
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GONE_WITHIN_S)  # reaps it
        remove_segments(self.pids, since_s=self._started.earliest_s)


def adopt_orphans() -> None:
    """Become the parent of all descendants whose own parent ends, so that what they took is known when they end."""
    with contextlib.suppress(OSError, AttributeError):  # no Linux
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def collect_orphans() -> None:
    """Wait for the children of this process that have ended, or are about to: then their time on cores is counted."""
    until = time.monotonic() + _GONE_WITHIN_S
    with contextlib.suppress(ChildProcessError):  # there are none left
        while time.monotonic() < until:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if not pid:
                time.sleep(0.01)


def end_own_session(began: Moment, before_the_end: Callable[[], None] = lambda: None) -> None:
    """End this process with all that it has started, and remove what they left in /dev/shm.

    Args:
        began: When this process began.
        before_the_end: Called when the others are gone, who would make anew what it removes.
    """
    try:
        end_others(began)
        before_the_end()
    finally:
        os.killpg(0, signal.SIGKILL)


def end_others(began: Moment, also: Iterable[int] = ()) -> None:
    """End all that this process has started, where it leads a session, and remove what they left in /dev/shm.

    Args:
        began: When the first of them began.
        also: Processes that are known to have been among them, and may be gone.
    """
    own = os.getpid()
    if os.getsid(0) == own:
        others = [member for member in _members(own) if member.pid != own]
        trackers = [member for member in others if _is_tracker(member)]
        _send([member for member in others if member not in trackers], signal.SIGKILL)
        # Left alone, a tracker removes the semaphores of those that are gone, and ends.
        _are_gone(trackers, _GONE_WITHIN_S)
        _send(trackers, signal.SIGKILL)
        _are_gone(others, _GONE_WITHIN_S)
        remove_segments({*also, *(member.pid for member in others)}, since_s=began.earliest_s)


def in_session(leader: int) -> set[int]:
    """The processes of the session that a process leads."""
    found = set()
    for name in os.listdir("/proc"):  # noqa: PTH208  (names alone, as often as a trial is polled)
        if name.isdigit():
            with contextlib.suppress(OSError):
                if os.getsid(int(name)) == leader:
                    found.add(int(name))
    return found


def _members(leader: int) -> list[psutil.Process]:
    members = []
    for pid in in_session(leader):
        with contextlib.suppress(psutil.NoSuchProcess):
            members.append(psutil.Process(pid))
    with contextlib.suppress(psutil.NoSuchProcess):
        members += [child for child in psutil.Process(leader).children(recursive=True) if child not in members]
    return members


def _is_tracker(member: psutil.Process) -> bool:
    """Whether a process keeps account of what others of multiprocessing hold by name (under spawn and forkserver)."""
    try:
        return any("multiprocessing.resource_tracker" in word for word in member.cmdline())
    except psutil.Error:
        return False


def _send(members: list[psutil.Process], how: signal.Signals) -> None:
    for member in members:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.send_signal(how)


def _are_gone(members: list[psutil.Process], within_s: float) -> bool:
    """Wait for their end.

    `psutil.wait_procs` would do but for zombies, which it takes for alive: in a container whose first process collects
    no orphans, each trial would end with waiting for the whole of the time.
    """
    until = time.monotonic() + within_s
    while any(_is_alive(member) for member in members):
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def _is_alive(member: psutil.Process) -> bool:
    try:
        return bool(member.is_running() and member.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
