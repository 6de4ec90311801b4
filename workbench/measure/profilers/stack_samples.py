"""py-spy on the whole process tree of a trial: where each process is, a hundred times a second.

What it leaves is cut to what is asked: the counted steps of the main process and of the workers, under the names that
they have everywhere, without the workbench's own threads and profilers.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.measure.profilers.profiler import BaseProfiler, Findings, ProfilerContext
from workbench.units import counted

_RATE_HZ = 100
_SECONDS_TO_WRITE = 30.0

#: prctl(2): who may look into this process; any process of the user.
_PR_SET_PTRACER, _ANY = 0x59616D61, ctypes.c_ulong(-1).value

#: How py-spy names a thread.
_THREAD = re.compile(r'Process (\d+) Thread \S+ "(.*)"')

#: Threads of the workbench and of multiprocessing, which do nothing that a reader could change.
_OWN_THREADS = re.compile(r"leash|memory|progress|QueueFeederThread|.*\(_serve\)")
_MAIN_THREAD = "MainThread"

#: A folder of the workbench whose code runs only because of profilers.
_PROFILERS = "workbench/measure/profilers/"

_REMEDY = (
    "sudo sysctl kernel.yama.ptrace_scope=0, or in a container: docker run --cap-add=SYS_PTRACE (workbench doctor says "
    "what this machine permits)"
)


class StackSamples(BaseProfiler):
    """See `Profiler`. Where py-spy is missing or not permitted, the trial goes on and a note says what to change."""

    def __init__(self, context: ProfilerContext) -> None:
        self._folder = context.folder
        self._file = context.folder / "stacks.speedscope.json"
        self._log = context.folder / "py-spy.txt"
        self._native = context.knobs.native_stacks
        self._process: subprocess.Popen[bytes] | None = None
        self._problem = ""

    def in_worker(self) -> Callable[[int], None]:
        """See `Profiler`."""
        return _InWorker(self._folder)

    def steady(self) -> None:
        """See `Profiler`."""
        allow_tracing()
        command = _find_py_spy()
        if command is None:
            self._problem = "py-spy is not installed. pip install py-spy"
            return
        arguments = ["record", "--pid", str(os.getpid()), "--subprocesses", "--rate", str(_RATE_HZ)]
        arguments += ["--format", "speedscope", "--output", str(self._file)]
        arguments += ["--native"] if self._native else []
        with self._log.open("wb") as log:
            self._process = subprocess.Popen([command, *arguments], stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def stop(self) -> None:
        """See `Profiler`."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)  # then it writes what it has
        try:
            self._process.wait(_SECONDS_TO_WRITE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            self._problem = f"py-spy had not written its samples after {_SECONDS_TO_WRITE:g} s"

    def collect(self) -> Findings:
        """See `Profiler`."""
        if self._process is not None and not self._problem and not _is_whole(self._file):
            lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            self._problem = f"py-spy has left no samples ({lines[-1] if lines else 'and says nothing'})"
            if any("permi" in line.lower() or "ptrace" in line.lower() for line in lines):
                self._problem += f". {_REMEDY}"
        if self._problem:
            return Findings(notes=[f"stacks: {self._problem}"])
        scope, left_out = cut_samples(json.loads(self._file.read_text(encoding="utf-8")), self._processes())
        self._file.write_text(json.dumps(scope), encoding="utf-8")
        notes = []
        if left_out:
            notes.append(f"stacks: left out {counted(left_out, 'sample')} of the workbench's own threads and profilers")
        return Findings({"stack samples": self._file}, notes)

    def _processes(self) -> dict[int, str]:
        """What the processes of the trial are called, by their number."""
        names = {os.getpid(): "main process"}
        for file in self._folder.glob(f"{_PID}*"):
            names[int(file.read_text(encoding="utf-8"))] = f"worker {file.name.removeprefix(_PID)}"
            file.unlink()
        return names


#: A worker leaves its process number in a file of this name, with its own number behind it.
_PID = "worker-pid-"


@dataclass(frozen=True)
class _InWorker:
    """What a loader worker does when it starts: it lets itself be looked into, and says which process it is."""

    folder: Path

    def __call__(self, number: int) -> None:
        allow_tracing()
        (self.folder / f"{_PID}{number}").write_text(str(os.getpid()), encoding="utf-8")


def cut_samples(scope: dict[str, Any], processes: Mapping[int, str]) -> tuple[dict[str, Any], int]:
    """A speedscope profile with what belongs to a run, and how many samples were left out.

    Args:
        scope: As py-spy writes it, of samples that were taken while steps were counted.
        processes: What processes are called, by their number; others are left out.
    """
    frames = scope["shared"]["frames"]
    is_root = [str(frame["name"]).startswith("process ") for frame in frames]
    is_profiler = [_PROFILERS in str(frame.get("file") or "") for frame in frames]
    kept, left_out = [], 0
    for profile in scope["profiles"]:
        match = _THREAD.match(str(profile["name"]))
        process = processes.get(int(match[1])) if match else None
        if match is None or process is None or _OWN_THREADS.fullmatch(match[2]):
            left_out += len(profile["samples"])
            continue
        samples, weights = [], []
        for stack, weight in zip(profile["samples"], profile["weights"], strict=True):
            if any(is_profiler[frame] for frame in stack):
                left_out += 1
                continue
            samples.append([frame for frame in stack if not is_root[frame]])
            weights.append(weight)
        name = process if match[2] == _MAIN_THREAD else f"{process}, {match[2]}"
        kept.append({**profile, "name": name, "samples": samples, "weights": weights, "endValue": sum(weights)})
    kept.sort(key=lambda profile: str(profile["name"]))
    return {**scope, "profiles": kept}, left_out


def allow_tracing(number: int = 0) -> None:
    """Let other processes of the user look into this one, where the kernel asks for consent."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PTRACER, ctypes.c_ulong(_ANY), 0, 0, 0)


def _find_py_spy() -> str | None:
    beside = Path(sys.executable).with_name("py-spy")
    return str(beside) if beside.is_file() else shutil.which("py-spy")


def _is_whole(file: Path) -> bool:
    try:
        return bool(json.loads(file.read_text(encoding="utf-8"))["profiles"])
    except (OSError, ValueError, KeyError):
        return False
