"""The headers of many images, several at a time; of thousands by processes of their own, since threads take turns.

``python -m workbench.workloads.ocr.pages.headers`` is such a process: a line of paths comes in, one of headers goes
out, both as JSON. It ends with its input, so none outlives who has started it.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from workbench.files import child_environment
from workbench.workloads.ocr.pages.image_header import ImageHeader, ImageProblem, read_header

_Header = ImageHeader | ImageProblem
_Made = TypeVar("_Made")

#: Fewer are not worth that processes start.
MANY = 5000

_MOST_PROCESSES = 8
_FILES_A_PROCESS = 512
_THREADS = 8
_THREADS_OF_A_PROCESS = 2
_FILES_A_THREAD = 64


def read_headers(paths: Iterable[Path], *, on_file: Callable[[int, int], None] | None = None) -> list[_Header]:
    """Read the headers of many files; in their order, and a problem for each that cannot be used.

    Args:
        paths: The images.
        on_file: Told the number of files done and of all files, now and then.
    """
    every = list(paths)
    num_processes = min(len(os.sched_getaffinity(0)), _MOST_PROCESSES) if len(every) >= MANY else 1
    parts = _by_processes(every, num_processes) if num_processes > 1 else _by_threads(every, _THREADS)
    found: list[_Header] = []
    with contextlib.closing(parts):
        for part in parts:
            found += part
            if on_file is not None:
                on_file(len(found), len(every))
    return found


def _by_threads(paths: Sequence[Path], num_threads: int) -> Generator[list[_Header], None, None]:
    current = threading.local()

    def remember(message: Warning | str, *_: object, **__: object) -> None:
        current.remarks.append(" ".join(str(message).split()))

    def read_one(path: Path) -> _Header:
        current.remarks = []
        try:
            return read_header(path, current.remarks)
        except ImageProblem as problem:
            return problem

    # Here, not around each file: the filters belong to the process, and threads would restore each other's.
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = remember
        yield from _in_turn(lambda part: [read_one(path) for path in part], paths, _FILES_A_THREAD, num_threads)


def _by_processes(paths: Sequence[Path], num_processes: int) -> Generator[list[_Header], None, None]:
    free: queue.SimpleQueue[_Process] = queue.SimpleQueue()

    def read(part: Sequence[Path]) -> tuple[Sequence[Path], list[_Header] | None]:
        process = free.get()
        try:
            return part, process.read(part)
        finally:
            free.put(process)

    with contextlib.ExitStack() as started:
        for _ in range(num_processes):
            free.put(started.enter_context(_Process()))
        for part, headers in _in_turn(read, paths, _FILES_A_PROCESS, num_processes):
            yield list(chain.from_iterable(_by_threads(part, _THREADS))) if headers is None else headers


def _in_turn(
    read: Callable[[Sequence[Path]], _Made], paths: Sequence[Path], size: int, num_threads: int
) -> Generator[_Made, None, None]:
    """What a function makes of parts of the paths, by several threads; who leaves early waits for no part to begin."""
    pool = ThreadPoolExecutor(num_threads)
    try:
        yield from pool.map(read, (paths[begin : begin + size] for begin in range(0, len(paths), size)))
    finally:
        pool.shutdown(cancel_futures=True)


class _Process:
    """A process that reads headers."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        command, pipe = [sys.executable, "-m", __name__], subprocess.PIPE
        with contextlib.suppress(OSError):  # no process can be started here
            self._process = subprocess.Popen(
                command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, env=child_environment()
            )

    def read(self, paths: Sequence[Path]) -> list[_Header] | None:
        """The headers of some files; None where there is no answer, now or any more."""
        if self._process is None:
            return None
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps([str(path) for path in paths]) + "\n")
            self._process.stdin.flush()
            return [_from_json(one) for one in json.loads(self._process.stdout.readline())]
        except (OSError, ValueError, TypeError):  # it was killed, or something has printed between its lines
            self._process.kill()
            return None

    def __enter__(self) -> _Process:
        """The process, started."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it, and wait until it has."""
        if self._process is not None:
            self._process.kill()
            with contextlib.suppress(OSError):  # what it was never told
                self._process.communicate()


def _as_json(header: _Header) -> dict[str, Any]:
    if isinstance(header, ImageProblem):
        return {"what": str(header), "remedy": header.remedy}
    return vars(header)


def _from_json(content: dict[str, Any]) -> _Header:
    if "what" in content:
        return ImageProblem(**content)
    return ImageHeader(**{**content, "remarks": tuple(content["remarks"])})


def main() -> None:
    """Read the headers that are asked for, until nobody asks."""
    for line in sys.stdin:
        parts = _by_threads([Path(path) for path in json.loads(line)], _THREADS_OF_A_PROCESS)
        sys.stdout.write(json.dumps([_as_json(header) for header in chain.from_iterable(parts)]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
