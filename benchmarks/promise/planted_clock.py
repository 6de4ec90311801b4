"""A clock that is ahead, and is set back while processes run: planted between them and the system."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

#: Shifts the clock of the day, and no other, for a process that loads it: while a file is there.
_SOURCE = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long ahead(void) {
    const char *file = getenv("FAULT_AHEAD_WHILE");
    return file && !syscall(SYS_faccessat, AT_FDCWD, file, F_OK) ? atol(getenv("FAULT_AHEAD_S")) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int code = syscall(SYS_clock_gettime, clock, now);
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) now->tv_sec += ahead();
    return code;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *now) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (now) *now = exact.tv_sec;
    return exact.tv_sec;
}
"""


@dataclass(frozen=True)
class Clock:
    """A clock that is ahead of that of files until it is set.

    Attributes:
        variables: What each process has to have in its environment that is to have this clock. A trial is handed on no
            `LD_PRELOAD` but that of its knob `env`.
        ahead: The clock is ahead while this file is there.
    """

    variables: dict[str, str]
    ahead: Path

    @property
    def knob(self) -> str:
        """The knob that gives it to a trial."""
        return f"env={' '.join(f'{name}={value}' for name, value in self.variables.items())}"

    def set_back(self) -> None:
        """Set it to the time that files have."""
        self.ahead.unlink(missing_ok=True)


def clock_ahead(folder: Path, *, by_s: int = 3600) -> Clock | None:
    """A clock that is ahead.

    Args:
        folder: Where its library is made.
        by_s: How far it is ahead.

    Returns:
        The clock; None where there is no compiler.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    source, library, ahead = folder / "clock.c", folder / "clock.so", folder / "ahead"
    source.write_text(_SOURCE, encoding="utf-8")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source)], check=True)
    ahead.touch()
    variables = {"LD_PRELOAD": str(library), "FAULT_AHEAD_WHILE": str(ahead), "FAULT_AHEAD_S": str(by_s)}
    return Clock(variables, ahead)
