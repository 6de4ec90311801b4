"""Ending a process with everything that it started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time

import psutil

#: How long processes get to end by themselves before they are killed.
_GRACE_S = 0.5

#: Killed processes are gone when the kernel has freed their memory, which may take a moment.
_GONE_WITHIN_S = 5.0


def end_process_tree(process: subprocess.Popen[str]) -> None:
    """End a process that leads a session of its own, its children and theirs; returns when they are gone.

    The tree is found by the process group as well as by descent: a child whose parent has died is no descendant any
    more.
    """
    members = _members(process.pid)
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        for member in members:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.send_signal(how)
        if _gone(members, _GRACE_S if how == signal.SIGTERM else _GONE_WITHIN_S):
            break
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GONE_WITHIN_S)  # reaps it


def _members(group: int) -> list[psutil.Process]:
    members = []
    for member in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getpgid(member.pid) == group:
                members.append(member)
    with contextlib.suppress(psutil.NoSuchProcess):
        members += [child for child in psutil.Process(group).children(recursive=True) if child not in members]
    return members


def _gone(members: list[psutil.Process], within_s: float) -> bool:
    until = time.monotonic() + within_s
    while True:
        if not any(_is_alive(member) for member in members):
            return True
        if time.monotonic() > until:
            return False
        time.sleep(0.01)


def _is_alive(member: psutil.Process) -> bool:
    try:
        return member.is_running() and member.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
