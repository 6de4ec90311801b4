"""Times of single lines in this process, by line_profiler: begun, and written down.

line_profiler belongs to whoever asks for it; nothing here is imported before.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
from collections.abc import Iterable, Sequence
from types import FunctionType
from typing import Any

from .timed import call_of

#: The profiler of this process, where it has one, with its functions by path.
_current: list[tuple[Any, dict[str, FunctionType]]] = []


def begin(functions: dict[str, FunctionType], profiler: Any) -> None:
    """Time lines in this thread from here on. Under fork a worker has inherited its parent's profiler: it is let go.

    Args:
        functions: By path.
        profiler: A new ``LineProfiler()``.
    """
    end()
    _current.append((profiler, {}))
    add(functions)
    profiler.enable()


def add(functions: dict[str, FunctionType]) -> None:
    """Time the lines of more functions."""
    profiler, known = _current[-1]
    for path, function in functions.items():
        if path not in known:
            known[path] = function
            profiler.add_function(function)


def end() -> None:
    """Time no more lines in this process."""
    while _current:
        _current.pop()[0].disable()


def write(file: str) -> None:
    """Write down what was timed in this process until now; nothing where nothing is timed.

    A list of ``{"path", "file", "first_line", "last_line", "lines": [[LINE, HITS, SECONDS]]}``; a function that was
    never called has no lines.
    """
    if not _current:
        return
    profiler, functions = _current[-1]
    stats = profiler.get_stats()
    timed = {(name, first): timings for (name, first, _), timings in stats.timings.items()}
    entries = []
    for path, function in functions.items():
        code = function.__code__
        timings = timed.get((code.co_filename, code.co_firstlineno), ())
        entries.append(
            {
                "path": path,
                "file": code.co_filename,
                "first_line": code.co_firstlineno,
                "last_line": _last_line(code),
                "lines": [[line, hits, time * stats.unit] for line, hits, time in timings],
            }
        )
    half_done = f"{file}.{os.getpid()}"
    with open(half_done, "w", encoding="utf-8") as written:
        json.dump(entries, written)
    os.replace(half_done, file)


def _last_line(code: Any) -> int:
    """The last line of a function's source, with the functions in it."""
    if not hasattr(code, "co_lines"):  # Python 3.9
        return len(inspect.getsourcelines(code)[0]) + int(code.co_firstlineno) - 1
    inner = [_last_line(const) for const in code.co_consts if hasattr(const, "co_lines")]
    lines: list[int] = [code.co_firstlineno, *inner, *(line for _, _, line in code.co_lines() if line)]
    return max(lines)


def plain_function(value: Any) -> FunctionType | None:
    """The function in Python that is called where a method, a property, or an object that is called stands."""
    value = getattr(value, "__func__", value)  # static and class methods
    value = getattr(value, "fget", value)  # properties
    value = inspect.unwrap(value) if callable(value) else value
    return value if isinstance(value, FunctionType) else None


def chosen(datasets: Iterable[Any], collate: Any) -> dict[str, FunctionType]:
    """The functions of a script that make its samples and its batches, by path; torch's own are not looked into.

    Args:
        datasets: A data set, and those within it.
        collate: Its collate function, or object.
    """
    candidates = [getattr(type(one), name, None) for one in datasets for name in ("__getitem__", "__iter__")]
    candidates.append(collate if plain_function(collate) is not None else call_of(collate))
    found = {}
    for candidate in candidates:
        function = plain_function(candidate)
        if function is not None and not function.__module__.startswith("torch."):
            module = _name_of_script() if function.__module__ == "__main__" else function.__module__
            found[f"{module}.{function.__qualname__}"] = function
    return found


def _name_of_script() -> str:
    """What the module of the script itself is called: as its file."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    return os.path.splitext(os.path.basename(file))[0] if file else "__main__"


def named(paths: Sequence[str]) -> tuple[dict[str, FunctionType], list[str]]:
    """The functions that dotted paths name, in the modules that are imported here; and the paths that name none.

    The module of the script itself has its file's name, or `__main__`.
    """
    main, script = sys.modules.get("__main__"), _name_of_script()
    found, missing = {}, []
    for path in paths:
        parts = path.split(".")
        function = None
        for cut in range(len(parts) - 1, 0, -1):
            owner: Any = sys.modules.get(".".join(parts[:cut]), main if parts[:cut] == [script] else None)
            if owner is not None:
                for name in parts[cut:]:
                    owner = inspect.getattr_static(owner, name, None)
                function = plain_function(owner)
                break
        if function is None:
            missing.append(path)
        else:
            found[path] = function
    return found, missing
