"""What a machine holds for the workbench, sampled now and then in hours of use."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from workbench.files import cache_dir, child_environment
from workbench.report.results_on_disk import num_bytes

_SHARED_MEMORY = Path("/dev/shm")


@dataclass
class Samples:
    """Values by name, each with the work that had been done when it was taken.

    Attributes:
        reports: The folder of results.
        kernel: Number of the process of the lab's kernel; None: there is none.
        work: By name: work done.
        values: By name: what was found.
    """

    reports: Path
    kernel: int | None = None
    work: dict[str, list[float]] = field(default_factory=dict)
    values: dict[str, list[float]] = field(default_factory=dict)

    def take(self, work: float) -> None:
        """Take all that is quickly taken."""
        gc.collect()
        # What a process holds scatters by tens of MB with how the system deals out pages; its objects don't scatter.
        self.add("caller objects", work, len(gc.get_objects()))
        for name, pid in (("caller", os.getpid()), ("kernel", self.kernel)):
            if pid is not None:
                self._of_process(name, psutil.Process(pid), work)
        shared = _entries(_SHARED_MEMORY)
        self.add("/dev/shm entries", work, len(shared))
        self.add("/dev/shm bytes", work, sum(map(_size, shared)))
        temporary = _entries(Path(tempfile.gettempdir()))
        self.add("temporary entries", work, len(temporary))
        self.add("cache bytes", work, num_bytes(cache_dir()))

    def take_cleaned(self, work: float) -> None:
        """When old results have been removed: what is left of them, and what `workbench history` takes for that."""
        self.add("results bytes", work, num_bytes(self.reports))
        took_s, of_none_s = (_history_s(folder) for folder in (self.reports, self.reports / "none"))
        self.add("history, times that of nothing", work, took_s / of_none_s)

    def _of_process(self, name: str, process: psutil.Process, work: float) -> None:
        # Not USS or PSS: pages of libraries count more in them as soon as another process ends that has them, too.
        self.add(f"{name} own bytes", work, sum(part.anonymous for part in process.memory_maps()))
        self.add(f"{name} descriptors", work, process.num_fds())
        self.add(f"{name} threads", work, process.num_threads())
        self.add(f"{name} processes", work, len(process.children(recursive=True)))

    def add(self, name: str, work: float, value: float) -> None:
        """Keep a value."""
        self.work.setdefault(name, []).append(work)
        self.values.setdefault(name, []).append(float(value))


def _history_s(folder: Path) -> float:
    command = [sys.executable, "-m", "workbench", "history", "--out", str(folder)]
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=child_environment())
    return time.perf_counter() - begin


def repeatedly(count: int, *steps: tuple[int, Callable[[], None]], after: Callable[[], None]) -> None:
    """Use it: rounds of steps, each so many times, spread over its round.

    Args:
        count: Rounds.
        steps: How many times in a round, and what.
        after: Done after each.
    """
    for _ in range(count):
        places = [((number + 0.5) / times, step) for times, step in steps for number in range(times)]
        for _, step in sorted(places, key=lambda place: place[0]):
            step()
            after()


def _entries(folder: Path) -> list[Path]:
    """Those of the workbench and of torch: what others do on the machine is no growth of ours."""
    return [path for path in folder.iterdir() if path.name.startswith(("workbench", "torch", "sem.", "psm_", "pymp"))]


def _size(path: Path) -> int:
    try:
        return num_bytes(path)
    except OSError:
        return 0
