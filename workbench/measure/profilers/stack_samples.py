"""py-spy on the whole process tree of a trial: where each process is, a hundred times a second.

Its samples carry no time. So it begins before the counted steps do and ends with them; what is left to be cut off is
told by the stack (see `profilers.speedscope`).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.measure.profilers.profiler import BaseProfiler, Findings, ProfilerContext
from workbench.measure.profilers.speedscope import PROFILERS_FRAME, STEADY_FRAME, readable
from workbench.observer.profilers import allow_tracing

_RATE_HZ = 100
_SECONDS_TO_BEGIN, _SECONDS_TO_WRITE = 10.0, 30.0
_POLL_S = 0.01

#: What py-spy says when it has looked into all processes and begins.
_BEGINS = b"Sampling process"

_REMEDY = (
    "sudo sysctl kernel.yama.ptrace_scope=0, or in a container: docker run --cap-add=SYS_PTRACE (workbench doctor says "
    "what this machine permits)"
)


class StackSamples(BaseProfiler):
    """See `Profiler`. Where py-spy is missing or not permitted, the trial goes on and a note says what to change."""

    def __init__(self, context: ProfilerContext) -> None:
        self._file = context.folder / "stacks.speedscope.json"
        self._log = context.folder / "py-spy.txt"
        self._workers = context.folder / "stacks"
        self._native = context.knobs.native_stacks
        self._process: subprocess.Popen[bytes] | None = None
        self._problem = ""

    def in_worker(self) -> Callable[[int], None]:
        """See `Profiler`."""
        self._workers.mkdir(parents=True, exist_ok=True)
        return _InWorker(self._workers)

    def steady(self) -> None:
        """See `Profiler`."""
        allow_tracing()
        command = _find_py_spy()
        if command is None:
            self._problem = "py-spy is not installed. pip install py-spy"
            return
        arguments = ["record", "--pid", str(self._main_pid()), "--subprocesses", "--rate", str(_RATE_HZ)]
        arguments += ["--format", "speedscope", "--output", str(self._file)]
        arguments += ["--native"] if self._native else []
        with self._log.open("wb") as log:
            self._process = subprocess.Popen([command, *arguments], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        waited_from = time.monotonic()
        while self._process.poll() is None and _BEGINS not in self._log.read_bytes():
            if time.monotonic() - waited_from > _SECONDS_TO_BEGIN:
                break
            time.sleep(_POLL_S)

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
        scope = _read(self._file)
        if self._process is not None and not self._problem and scope is None:
            lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            self._problem = f"py-spy has left no samples ({lines[-1] if lines else 'and says nothing'})"
            if any("permi" in line.lower() or "ptrace" in line.lower() for line in lines):
                self._problem += f". {_REMEDY}"
        if self._problem or scope is None:
            return Findings(notes=[f"stacks: {self._problem}"])
        self._file.write_text(json.dumps(self._readable(scope)), encoding="utf-8")
        return Findings({"stack samples": self._file})

    def _main_pid(self) -> int:
        """The process that is looked into, with all that it starts."""
        return os.getpid()

    def _readable(self, scope: dict[str, Any]) -> dict[str, Any]:
        names = (path.name.split("-") for path in self._workers.glob("*-*"))
        workers = {int(pid): int(number) for number, pid in names}
        return readable(scope, os.getpid(), workers, within=STEADY_FRAME, without=PROFILERS_FRAME)


@dataclass(frozen=True)
class _InWorker:
    """Lets py-spy look into a loader worker, and leaves its number by its process: a file ``NUMBER-PID``."""

    folder: Path

    def __call__(self, number: int) -> None:
        allow_tracing()
        with contextlib.suppress(OSError):  # then its samples are left out, and the trial goes on
            (self.folder / f"{number}-{os.getpid()}").touch()


def _find_py_spy() -> str | None:
    beside = Path(sys.executable).with_name("py-spy")
    return str(beside) if beside.is_file() else shutil.which("py-spy")


def _read(file: Path) -> dict[str, Any] | None:
    """py-spy's file; None where there is none, or no sample in it."""
    try:
        scope: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return scope if scope["profiles"] else None
    except (OSError, ValueError, KeyError):
        return None
