"""line_profiler in the main process and in every loader worker, merged.

Each process times the lines of the same functions for itself and writes them down when it ends; what is left of a
process that was killed is what the others have.
"""

from __future__ import annotations

import inspect
import json
import linecache
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import util
from pathlib import Path
from types import FunctionType
from typing import Any

from line_profiler import LineProfiler

from workbench.errors import BadInput, Problem
from workbench.measure.profilers.profiler import BaseProfiler, Findings, ProfilerContext

#: The profiler of this process, where it has one.
_current: list[Any] = []


class LineTimes(BaseProfiler):
    """See `Profiler`."""

    def __init__(self, context: ProfilerContext) -> None:
        named = list(context.knobs.line_functions)
        self._paths = named or list(context.functions)
        self._folder = context.folder / "lines"
        self._merged = context.folder / "lines.json"

    def start(self) -> None:
        """See `Profiler`."""
        find_functions(self._paths)
        self._folder.mkdir(parents=True, exist_ok=True)
        _begin(self._paths)

    def in_worker(self) -> Callable[[int], None]:
        """See `Profiler`."""
        return _InWorker(tuple(self._paths), self._folder)

    def stop(self) -> None:
        """See `Profiler`."""
        _end(self._folder / f"main-{os.getpid()}.json")

    def collect(self) -> Findings:
        """See `Profiler`."""
        merged = merge(self._paths, sorted(self._folder.glob("*.json")))
        self._merged.write_text(json.dumps(merged), encoding="utf-8")
        notes = [f"lines: '{timed['path']}' was never called" for timed in merged["functions"] if not timed["lines"]]
        return Findings({"line times": self._merged}, notes)


@dataclass(frozen=True)
class _InWorker:
    """Begins to time lines in a loader worker."""

    paths: tuple[str, ...]
    folder: Path

    def __call__(self, number: int) -> None:
        _begin(self.paths)
        # Called when the worker ends by itself. (Its exit handlers are not.)
        util.Finalize(None, _end, (self.folder / f"worker-{number}-{os.getpid()}.json",), exitpriority=10)


def find_functions(paths: Sequence[str]) -> list[FunctionType]:
    """The functions that dotted paths name; methods by their class.

    Raises:
        BadInput: With all paths that name none.
    """
    found, problems = [], []
    for path in paths:
        function = _find(path)
        if function is None:
            remedy = "Name it by module and name ('package.module.function', 'package.module.Class.method')"
            problems.append(Problem(f"'{path}' names no Python function", "line_functions", remedy))
        else:
            found.append(function)
    if problems:
        raise BadInput("knobs", problems)
    return found


def merge(paths: Sequence[str], files: Sequence[Path]) -> dict[str, Any]:
    """The lines of all processes together.

    Returns:
        ``{"processes": [NAME], "functions": [{"path", "file", "first_line", "total_s", "lines": [{"line", "source",
        "hits", "time_s"}]}]}``, seconds summed over the processes; a function without lines was never called.
    """
    sums: dict[tuple[str, int], dict[int, list[float]]] = defaultdict(lambda: defaultdict(lambda: [0, 0.0]))
    for file in files:
        for entry in json.loads(file.read_text(encoding="utf-8")):
            lines = sums[entry["file"], entry["first_line"]]
            for line, hits, time_s in entry["lines"]:
                lines[line][0] += hits
                lines[line][1] += time_s
    functions = []
    for path, function in zip(paths, find_functions(paths), strict=True):
        code = function.__code__
        timed = sums.get((code.co_filename, code.co_firstlineno), {})
        functions.append(
            {
                "path": path,
                "file": code.co_filename,
                "first_line": code.co_firstlineno,
                "total_s": sum(time_s for _, time_s in timed.values()),
                "lines": _with_source(function, timed) if timed else [],
            }
        )
    return {"processes": [file.stem.rpartition("-")[0] for file in files], "functions": functions}


def _with_source(function: FunctionType, timed: dict[int, list[float]]) -> list[dict[str, Any]]:
    """All lines of a function, timed or not."""
    code = function.__code__
    last = max([*timed, *(line for _, _, line in code.co_lines() if line)])
    lines = []
    for number in range(code.co_firstlineno, last + 1):
        hits, time_s = timed.get(number, (0, 0.0))
        source = linecache.getline(code.co_filename, number).rstrip("\n")
        lines.append({"line": number, "source": source, "hits": int(hits), "time_s": time_s})
    return lines


def _find(path: str) -> FunctionType | None:
    parts = path.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            owner: Any = import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        for name in parts[cut:]:
            owner = inspect.getattr_static(owner, name, None)
            owner = getattr(owner, "__func__", owner)  # static and class methods
            owner = getattr(owner, "fget", owner)  # properties
        owner = inspect.unwrap(owner) if callable(owner) else owner
        return owner if isinstance(owner, FunctionType) else None
    return None


def _begin(paths: Sequence[str]) -> None:
    """Time lines in this thread from here on. Under fork a worker has inherited its parent's profiler: it is let go."""
    while _current:
        _current.pop().disable()
    profiler: Any = LineProfiler()
    for function in find_functions(paths):
        profiler.add_function(function)
    profiler.enable()
    _current.append(profiler)


def _end(file: Path) -> None:
    """Write down what was timed in this process."""
    if not _current:
        return
    profiler = _current.pop()
    profiler.disable()
    stats = profiler.get_stats()
    entries = [
        {
            "file": name,
            "first_line": first,
            "lines": [[line, hits, time * stats.unit] for line, hits, time in timings],
        }
        for (name, first, _), timings in stats.timings.items()
        if timings
    ]
    file.write_text(json.dumps(entries), encoding="utf-8")
