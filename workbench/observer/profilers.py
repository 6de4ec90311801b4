"""The profilers that a script was asked to be run with: what they do within it (`measure.attach.profilers` beside it).

Before the first counted step and after the last, the script waits until whoever looks on has begun and ended as well:
what is outside, py-spy, must see the counted steps and nothing else.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from typing import Any

from . import line_times
from .session import Session
from .torch_trace import TorchRecorder

#: Whoever looks on has so much time to begin or to end; then the script goes on without an answer.
_MOST_WAIT_S = 45.0

_POLL_S = 0.01

#: prctl(2): who may look into this process.
_PR_SET_PTRACER = 0x59616D61


class Profilers:
    """Those of this process.

    Args:
        session: The session of this process, whose settings may name profilers.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._names = session.profilers
        self._folder: str = session.settings.get("profiles") or ""
        self._lines_file = ""
        self.recorder: TorchRecorder | None = None
        self._has_begun = self._has_ended = False
        if "stacks" in self._names:
            allow_tracing()

    def begin(self) -> None:
        """The counted steps of this process are about to begin."""
        if self._has_begun or not self._names:
            return
        self._has_begun = True
        wait_for_workbench(self._session, "profilers begin")
        if "torch" in self._names:
            self.recorder = TorchRecorder(self._folder)
            self.recorder.start()

    def step(self) -> None:
        """A counted step is done."""
        if self.recorder is not None:
            self.recorder.step()

    def end(self) -> None:
        """The counted steps are done, or there will be no more."""
        if self._has_ended or not self._names:
            return
        self._has_ended = True
        if self.recorder is not None:
            self.recorder.stop()
        if self._has_begun:
            wait_for_workbench(self._session, "profilers end")
        self.write_lines()
        line_times.end()
        if self.recorder is not None:
            self.recorder.write()
            self._session.tell("traced", steps=self.recorder.num_recorded)

    def time_lines(self, datasets: list[Any], collate: Any, process: str) -> None:
        """Time the lines of the functions that make samples and batches, or of those that were named, in this thread.

        Args:
            datasets: A data set and those within it.
            collate: Its collate function.
            process: What this process is called: ``main``, ``worker-0``.
        """
        if "lines" not in self._names:
            return
        paths: list[str] = self._session.settings.get("line_functions") or []
        functions, missing = line_times.named(paths) if paths else (line_times.chosen(datasets, collate), [])
        for path in missing:
            text = f"lines: '{path}' names no Python function in the script"
            self._session.tell("note", text=f"{text}: name it as package.module.Class.method")
        if self._lines_file:
            line_times.add(functions)
            return
        profiler = self._line_profiler()
        if profiler is None:
            self._names = [name for name in self._names if name != "lines"]
            return
        os.makedirs(os.path.join(self._folder, "lines"), exist_ok=True)
        self._lines_file = os.path.join(self._folder, "lines", f"{process}-{os.getpid()}.json")
        line_times.begin(functions, profiler)

    def write_lines(self) -> None:
        """Write down what lines took until now: a worker may be ended at any time."""
        if self._lines_file:
            line_times.write(self._lines_file)

    def _line_profiler(self) -> Any:
        """A new ``LineProfiler()``, of the script's environment or of the workbench's; None, with a note, without."""
        beside = self._session.settings.get("line_profiler")
        try:
            module = importlib.import_module("line_profiler")
        except ImportError:
            sys.path.append(str(beside))
            try:
                module = importlib.import_module("line_profiler")
            except Exception:  # it is of another Python
                text = "lines: line_profiler is not installed where the script runs: pip install line_profiler there"
                self._session.tell("note", text=text)
                return None
            finally:
                sys.path.remove(str(beside))
        return module.LineProfiler()


_profilers: tuple[int, Profilers] | None = None


def of(session: Session) -> Profilers:
    """Those of this process; under fork a worker has its own."""
    global _profilers
    if _profilers is None or _profilers[0] != os.getpid():
        _profilers = os.getpid(), Profilers(session)
    return _profilers[1]


def allow_tracing() -> None:
    """Let other processes of the user look into this one, where the kernel asks for consent."""
    import ctypes

    any_process = ctypes.c_ulong(-1)
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PTRACER, any_process, 0, 0, 0)
    except (OSError, AttributeError):
        pass


def wait_for_workbench(session: Session, what: str) -> None:
    """Tell whoever looks on, and wait until it has answered."""
    session.tell("waits", what=what)
    until = time.monotonic() + _MOST_WAIT_S
    answer = answer_to(session.folder, what)
    while not os.path.exists(answer) and time.monotonic() < until:
        time.sleep(_POLL_S)


def answer_to(folder: str, what: str) -> str:
    """The file that answers, by being there."""
    return os.path.join(folder, f"{what.replace(' ', '-')}.answer")
