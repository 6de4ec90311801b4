"""The profilers of an observed script, seen from beside it; what they do within it is `observer.profilers`.

torch.profiler and the times of lines run in the script, and leave their files in the run folder. py-spy and the memory
over time look on from here.
"""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from workbench.measure.attach.command import INJECTED
from workbench.measure.attach.seen import Seen, rank_of
from workbench.measure.profilers.choose import Profilers
from workbench.measure.profilers.line_times import line_findings
from workbench.measure.profilers.memory_over_time import MemoryOverTime
from workbench.measure.profilers.profiler import BaseProfiler, Findings, Profiler, ProfilerContext
from workbench.measure.profilers.speedscope import readable
from workbench.measure.profilers.stack_samples import StackSamples
from workbench.measure.profilers.torch_trace import torch_findings
from workbench.observer.profilers import answer_to, wait_for_workbench


class ScriptProfilers(Profilers):
    """Those that a trial's knobs ask for; they answer a script that waits for them.

    Args:
        context: The knobs of the trial, and where the profilers' files go.
    """

    def __init__(self, context: ProfilerContext) -> None:
        self._script = _Script()
        kinds: dict[str, Callable[[], Profiler]] = {
            "torch": lambda: _LeftTrace(context, self._script),
            "lines": lambda: _LeftLines(context),
            "memory": lambda: _ScriptMemory(context, self._script),
            "stacks": lambda: _ScriptStacks(context, self._script),
        }
        asked = context.knobs.profilers
        if asked:
            context.folder.mkdir(parents=True, exist_ok=True)
        super().__init__({name: make() for name, make in kinds.items() if name in asked})

    def started(self, pid: int, seen: Seen) -> None:
        """The command runs."""
        self._script.pid, self._script.seen = pid, seen
        self.start()

    def follow(self) -> None:
        """Begin and end with the counted steps; of several ranks with those of the first to say so."""
        seen = self._script.seen
        for name, call in (("profilers begin", self.steady), ("profilers end", self.stop)):
            waits = any(fact["what"] == name for _, fact in seen.of("waits"))
            answer = Path(answer_to(str(seen.folder), name))
            if waits and not answer.exists():
                call()
                answer.touch()


class _Script:
    """The command that runs, and what is seen of it."""

    pid: int
    seen: Seen

    def workers(self) -> dict[int, int]:
        """Numbers of all loader workers by their process."""
        return {process.pid: int(fact["worker"]) for process, fact in self.seen.of("worker")}

    def names(self) -> dict[int, str]:
        """What its processes are called in which something is looped over or loaded."""
        loops = self.seen.loops
        mains = {loop.pid: "main" if len(loops) == 1 else f"main of rank {rank_of(loop)}" for loop in loops}
        return {pid: f"worker {number}" for pid, number in self.workers().items()} | mains


def line_profiler_folder() -> str | None:
    """Where the workbench's own line_profiler lies, for a script of the same Python that has none."""
    spec = importlib.util.find_spec("line_profiler")
    return str(Path(spec.origin).parents[1]) if spec is not None and spec.origin else None


class _LeftTrace(BaseProfiler):
    """The trace that the script has written."""

    def __init__(self, context: ProfilerContext, script: _Script) -> None:
        self._folder = context.folder
        self._script = script

    def collect(self) -> Findings:
        """See `Profiler`."""
        traced = [fact["steps"] for _, fact in self._script.seen.of("traced")]
        return torch_findings(self._folder, max(traced, default=0))


class _LeftLines(BaseProfiler):
    """The lines that its processes have written."""

    def __init__(self, context: ProfilerContext) -> None:
        self._folder = context.folder

    def collect(self) -> Findings:
        """See `Profiler`."""
        return line_findings(self._folder) if (self._folder / "lines").is_dir() else Findings()


class _ScriptMemory(MemoryOverTime):
    """Looks at the command with everything that it starts."""

    def __init__(self, context: ProfilerContext, script: _Script) -> None:
        super().__init__(context)
        self._script = script

    def _processes(self) -> list[tuple[psutil.Process, str]]:
        names, found = self._script.names(), []
        with contextlib.suppress(psutil.NoSuchProcess):
            root = psutil.Process(self._script.pid)
            names.setdefault(root.pid, "main" if "main" not in names.values() else "command")
            for process in (root, *root.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    found.append((process, names.get(process.pid) or process.name()))
        return found

    def _device_bytes(self) -> int | None:
        return None  # the script's own


class _ScriptStacks(StackSamples):
    """Looks into the process whose steps are counted, and into its workers."""

    def __init__(self, context: ProfilerContext, script: _Script) -> None:
        super().__init__(context)
        self._script = script

    def _main_pid(self) -> int:
        return min((process for process, _ in self._script.seen.of("waits")), key=rank_of).pid

    def _readable(self, scope: dict[str, Any]) -> dict[str, Any]:
        without, hidden = wait_for_workbench.__name__, str(INJECTED.parent)
        workers = self._script.workers()
        return readable(scope, self._main_pid(), workers, within=None, without=without, hidden=hidden)
