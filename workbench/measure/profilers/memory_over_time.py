"""Memory and CPU of every process of a trial over time, with /dev/shm and the device's memory."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from workbench.measure.profilers.profiler import BaseProfiler, Findings, ProfilerContext
from workbench.records.tables import write_table
from workbench.units import counted


def tree_pss_bytes(pid: int) -> int:
    """Proportional set size of a process and all its descendants, the pages of files apart.

    PSS divides every shared page among those that map it, so the sum over the tree counts it once. That holds for what
    the tree shares within itself; the pages of files, which others may have mapped as well, count as in the process
    that has most of them, if that is more. Reading it makes the kernel walk the page tables (milliseconds a process):
    not to be done while anything is timed.

    Returns:
        Bytes; processes that end meanwhile count nothing.
    """
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    own = files = most_files = 0
    for process in processes:
        place = Path("/proc", str(process.pid))
        with contextlib.suppress(OSError, KeyError):
            sizes = _sizes(place / "smaps_rollup")
            own += sizes["Pss"] - sizes.get("Pss_File", 0)
            files += sizes.get("Pss_File", 0)
            most_files = max(most_files, _sizes(place / "status")["RssFile"])
    return own + max(files, most_files)


def _sizes(path: Path) -> dict[str, int]:
    """The lines of a file of `/proc` that hold sizes, in bytes."""
    rows = (line.split() for line in path.read_text(encoding="utf-8").splitlines())
    return {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows if len(row) == 3 and row[2] == "kB"}


def beyond_now_bytes(status: Path = Path("/proc/self/status")) -> int:
    """What this process has held at most beyond what it holds now, as the kernel keeps account of it.

    Raises:
        OSError: Where the system doesn't say.
        ValueError: Likewise.
    """
    rows = dict(line.split(":", 1) for line in status.read_text(encoding="ascii").splitlines() if ":" in line)
    most, now = (int(rows[name].split()[0]) * 1024 for name in ("VmHWM", "VmRSS"))
    return max(0, most - now)


_INTERVAL_S = 0.25


@dataclass(frozen=True)
class Sample:
    """One process at one time.

    Attributes:
        at_ns: On the clock of all spans.
        phase: Of the trial.
        process: `main`, `worker 0`, ...
        pid: Its number.
        pss_bytes: Proportional set size: shared pages are divided among those that map them.
        cpu_s: Seconds on cores so far, of all threads.
        shm_bytes: In use at /dev/shm, by everybody.
        device_bytes: Held by torch on the device; None without one.
    """

    at_ns: int
    phase: str
    process: str
    pid: int
    pss_bytes: int
    cpu_s: float
    shm_bytes: int
    device_bytes: int | None


class MemoryOverTime(BaseProfiler):
    """See `Profiler`. A thread of the trial's process looks at the tree four times a second."""

    def __init__(self, context: ProfilerContext) -> None:
        self._file = context.folder / "memory.parquet"
        self._clock = context.clock
        self._phase = "imports"
        self._samples: list[Sample] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory", daemon=True)
        self._names: dict[int, str] = {os.getpid(): "main"}

    def start(self) -> None:
        """See `Profiler`."""
        self._thread.start()

    def phase(self, name: str) -> None:
        """See `Profiler`."""
        self._phase = name

    def stop(self) -> None:
        """See `Profiler`."""
        self._look()
        self._ended.set()

    def collect(self) -> Findings:
        """See `Profiler`."""
        import pandas as pd
        import pyarrow as pa

        self._ended.set()
        self._thread.join()
        table = pd.DataFrame([asdict(sample) for sample in self._samples])
        if table.empty:
            return Findings(notes=["memory: no sample was taken"])
        write_table(pa.Table.from_pandas(table), self._file)
        totals = table.groupby("at_ns").agg(pss=("pss_bytes", "sum"), phase=("phase", "first"))
        place = int(totals["pss"].to_numpy().argmax())
        peak_mb, phase = totals["pss"].to_numpy()[place] / 1e6, totals["phase"].to_numpy()[place]
        notes = [f"memory: peak of {peak_mb:.0f} MB in phase '{phase}' ({counted(len(totals), 'sample')})"]
        return Findings({"memory over time": self._file}, notes)

    def _run(self) -> None:
        while not self._ended.wait(_INTERVAL_S):
            self._look()

    def _look(self) -> None:
        at, phase = self._clock(), self._phase
        shm, device = _shm_bytes(), self._device_bytes()
        for process, name in self._processes():
            with contextlib.suppress(psutil.Error):
                times, pss = process.cpu_times(), process.memory_full_info().pss
                if pss == 0:  # it has just ended: its memory is gone, and only its parent still knows of it
                    continue
                self._samples.append(Sample(at, phase, name, process.pid, pss, times.user + times.system, shm, device))

    def _processes(self) -> list[tuple[psutil.Process, str]]:
        """The trial's process and its children that load pages, in the order in which they were started, with names."""
        root = psutil.Process()
        children = []
        for child in root.children():
            with contextlib.suppress(psutil.Error):
                if "python" in child.name().lower() or child.name().startswith("pt_"):
                    children.append(child)
        for child in sorted(children, key=lambda child: child.pid):
            if child.pid not in self._names:
                self._names[child.pid] = f"worker {sum(name != 'main' for name in self._names.values())}"
        return [(process, self._names[process.pid]) for process in (root, *children)]

    def _device_bytes(self) -> int | None:
        import torch

        return int(torch.cuda.memory_allocated()) if torch.cuda.is_available() else None


def _shm_bytes(folder: Path = Path("/dev/shm")) -> int:
    return shutil.disk_usage(folder).used if folder.is_dir() else 0
