"""line_profiler in the main process and in every loader worker, merged.

Each process times the lines of the same functions for itself and writes them down when it ends; what is left of a
process that was killed is what the others have. How lines are timed: `observer.line_times`, which a script of
somebody's own is looked at with as well.
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
from workbench.observer import line_times
from workbench.observer.line_times import plain_function


class LineTimes(BaseProfiler):
    """See `Profiler`."""

    def __init__(self, context: ProfilerContext) -> None:
        named = list(context.knobs.line_functions)
        self._paths = named or list(context.functions)
        self._folder = context.folder

    def start(self) -> None:
        """See `Profiler`."""
        find_functions(self._paths)
        (self._folder / "lines").mkdir(parents=True, exist_ok=True)
        _begin(self._paths)

    def in_worker(self) -> Callable[[int], None]:
        """See `Profiler`."""
        return _InWorker(tuple(self._paths), self._folder / "lines")

    def stop(self) -> None:
        """See `Profiler`."""
        _end(self._folder / "lines" / f"main-{os.getpid()}.json")

    def collect(self) -> Findings:
        """See `Profiler`."""
        return line_findings(self._folder)


def line_findings(folder: Path) -> Findings:
    """What the processes have left in `lines/` of a folder, merged into its `lines.json`."""
    merged = merge(sorted((folder / "lines").glob("*.json")))
    file = folder / "lines.json"
    file.write_text(json.dumps(merged), encoding="utf-8")
    notes = [f"lines: '{timed['path']}' was never called" for timed in merged["functions"] if not timed["lines"]]
    return Findings({"line times": file}, notes)


@dataclass(frozen=True)
class _InWorker:
    """Begins to time lines in a loader worker."""

    paths: tuple[str, ...]
    folder: Path

    def __call__(self, number: int) -> None:
        _begin(self.paths)
        # Called when the worker ends by itself. (Its exit handlers are not.)
        util.Finalize(None, _end, (self.folder / f"worker-{number}-{os.getpid()}.json",), exitpriority=10)


def _begin(paths: Sequence[str]) -> None:
    line_times.begin(dict(zip(paths, find_functions(paths), strict=True)), LineProfiler())


def _end(file: Path) -> None:
    """Write down what was timed in this process, and time no more."""
    line_times.write(str(file))
    line_times.end()


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


def merge(files: Sequence[Path]) -> dict[str, Any]:
    """The lines of all processes together.

    Args:
        files: As `observer.line_times.write` leaves them.

    Returns:
        ``{"processes": [NAME], "functions": [{"path", "file", "first_line", "total_s", "lines": [{"line", "source",
        "hits", "time_s"}]}]}``, seconds summed over the processes; a function without lines was never called.
    """
    functions: dict[tuple[str, int], dict[str, Any]] = {}
    sums: dict[tuple[str, int], dict[int, list[float]]] = defaultdict(lambda: defaultdict(lambda: [0, 0.0]))
    for file in files:
        for entry in json.loads(file.read_text(encoding="utf-8")):
            key = entry["file"], entry["first_line"]
            functions.setdefault(key, entry)
            for line, hits, time_s in entry["lines"]:
                sums[key][line][0] += hits
                sums[key][line][1] += time_s
    merged = [
        {
            "path": entry["path"],
            "file": entry["file"],
            "first_line": entry["first_line"],
            "total_s": sum(time_s for _, time_s in sums[key].values()),
            "lines": _with_source(entry, sums[key]) if sums[key] else [],
        }
        for key, entry in functions.items()
    ]
    processes = dict.fromkeys(file.stem.rpartition("-")[0] for file in files)  # a worker may be several, by turns
    return {"processes": list(processes), "functions": merged}


def _with_source(function: dict[str, Any], timed: dict[int, list[float]]) -> list[dict[str, Any]]:
    """All lines of a function, timed or not."""
    lines = []
    for number in range(function["first_line"], max([*timed, function["last_line"]]) + 1):
        hits, time_s = timed.get(number, (0, 0.0))
        source = linecache.getline(function["file"], number).rstrip("\n")
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
        return plain_function(owner)
    return None
