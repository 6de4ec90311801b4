"""How long a process was on a core, and how long it waited for one: what the scheduler itself has counted.

Linux counts both for every thread, in nanoseconds (`/proc/PID/task/TID/schedstat`, scheduler statistics). A stage's
wall time tells neither: a stage that was preempted looks slow.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from workbench.units import NS_PER_S


@dataclass(frozen=True)
class CoreTime:
    """Seconds since a process began, or between two points in time.

    Attributes:
        cpu_s: On a core, of the thread that the process began with.
        ready_s: Ready to run and waiting for a core, likewise.
        background_cpu_s: On a core, of all its other threads.
    """

    cpu_s: float
    ready_s: float
    background_cpu_s: float

    def __sub__(self, earlier: CoreTime) -> CoreTime:
        """What has come since an earlier reading; the time of threads that ended meanwhile is lost."""
        return CoreTime(
            self.cpu_s - earlier.cpu_s,
            self.ready_s - earlier.ready_s,
            max(0.0, self.background_cpu_s - earlier.background_cpu_s),
        )

    def __add__(self, other: CoreTime) -> CoreTime:
        """Both together."""
        return CoreTime(
            self.cpu_s + other.cpu_s, self.ready_s + other.ready_s, self.background_cpu_s + other.background_cpu_s
        )


def read_core_time(pid: int, proc: Path = Path("/proc")) -> CoreTime | None:
    """What the scheduler has counted for a process so far; None where it is gone, or the system doesn't count."""
    threads = proc / str(pid) / "task"
    own: tuple[int, int] | None = None
    helpers_ns = 0
    try:
        for thread in threads.iterdir():
            cpu_ns, ready_ns, *_ = map(int, (thread / "schedstat").read_text().split())
            if thread.name == str(pid):
                own = cpu_ns, ready_ns
            else:
                helpers_ns += cpu_ns
    except (OSError, ValueError):
        return None
    if own is None:
        return None
    return CoreTime(own[0] / NS_PER_S, own[1] / NS_PER_S, helpers_ns / NS_PER_S)
