"""A clock that is ahead, and is set back while processes run: planted between them and the system."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

#: Shifts the clock of the day, and no other, for a process that loads it.
_SOURCE = r"""
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/time.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long ahead(void) {
    const char *until = getenv("FAULT_AHEAD_UNTIL_S");
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return until && now.tv_sec < atol(until) ? atol(getenv("FAULT_AHEAD_S")) : 0;
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


def stepping_back(folder: Path, *, after_s: float, by_s: int = 3600) -> dict[str, str] | None:
    """What processes have to be started with, whose clock is ahead of that of files and is set right.

    Args:
        folder: Where the library is made.
        after_s: When it is set, from now.
        by_s: How far it is ahead before.

    Returns:
        Variables; None where there is no compiler.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    source, library = folder / "clock.c", folder / "clock.so"
    source.write_text(_SOURCE, encoding="utf-8")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source)], check=True)
    until_s = int(time.monotonic() + after_s)
    return {"LD_PRELOAD": str(library), "FAULT_AHEAD_UNTIL_S": str(until_s), "FAULT_AHEAD_S": str(by_s)}
