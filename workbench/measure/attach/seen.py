"""What the observer has left in its folder, read back: the processes of a script, their facts, spans and counts."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.measure.timing.spans import Spans, spans_of
from workbench.observer.rows import open_rows

Fact = dict[str, Any]
Numbers = npt.NDArray[np.int64]

_SHARED_MEMORY = "/dev/shm"


def shared_folder(run_folder: Path) -> Path:
    """Where the observer of a trial leaves its files: in memory, where there is room for that."""
    in_memory = _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK) else tempfile.gettempdir()
    return Path(in_memory) / f"workbench-observe-{run_folder.name}"


@dataclass(frozen=True)
class Count:
    """Rows of one kind from a process's counts, as columns: see `observer.counts` for what they hold.

    Attributes:
        at_ns: int64 [N].
        first: int64 [N].
        second: int64 [N].
        third: int64 [N].
    """

    at_ns: Numbers
    first: Numbers
    second: Numbers
    third: Numbers

    def between(self, begin_ns: int, end_ns: int) -> Count:
        """Those from one time to another, the end excluded."""
        inside = (self.at_ns >= begin_ns) & (self.at_ns < end_ns)
        return Count(self.at_ns[inside], self.first[inside], self.second[inside], self.third[inside])


@dataclass
class ProcessSeen:
    """What one process has left.

    Attributes:
        pid: The process.
        facts: What it has seen, in its order.
        folder: Where its rows lie.
    """

    pid: int
    facts: list[Fact]
    folder: Path
    _counts: Spans | None = field(default=None, repr=False)

    def of(self, fact: str) -> list[Fact]:
        """Its facts of one kind."""
        return [found for found in self.facts if found["fact"] == fact]

    def first(self, fact: str) -> Fact | None:
        """The first one."""
        return next(iter(self.of(fact)), None)

    def last(self, fact: str) -> Fact | None:
        """The last one."""
        return next(iter(reversed(self.of(fact))), None)

    def imports_ns(self, until_ns: int) -> int:
        """How long its imports took that were over at a time; those within others are part of these."""
        own = [fact for fact in self.of("import") if fact["depth"] == 0 and fact["end_ns"] <= until_ns]
        return int(sum(fact["end_ns"] - fact["begin_ns"] for fact in own))

    def lanes(self, lane: str) -> Iterator[tuple[int, Spans, int, int]]:
        """Its spans of a lane: number, spans, since when it is idle (0: it isn't), spans that found no room."""
        for path in sorted(self.folder.glob(f"{self.pid}.{lane}.*.rows")):
            rows = open_rows(str(path))
            yield int(path.name.split(".")[2]), spans_of(rows), rows.idle_since_ns, rows.dropped

    def count(self, name: str) -> Count:
        """Its counts of one kind so far."""
        path = self.folder / f"{self.pid}.counts.0.rows"
        empty = np.zeros(0, np.int64)
        if not path.is_file():
            return Count(empty, empty, empty, empty)
        rows = spans_of(open_rows(str(path)))
        if name not in rows.names:
            return Count(empty, empty, empty, empty)
        own = rows.stage == rows.names.index(name)
        return Count(rows.begin_ns[own], rows.end_ns[own], rows.sample[own], rows.batch[own])


class Seen:
    """The folder of an observed script.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: dict[int, ProcessSeen] = {}
        self._read: dict[Path, int] = {}

    def update(self) -> None:
        """Read what has come since the last time."""
        for path in sorted(self.folder.glob("facts-*.jsonl")):
            pid = int(path.stem.partition("-")[2])
            process = self.processes.setdefault(pid, ProcessSeen(pid, [], self.folder))
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                for line in file:
                    if not line.endswith(b"\n"):  # it is being written
                        break
                    self._read[path] = self._read.get(path, 0) + len(line)
                    process.facts.append(json.loads(line))

    def of(self, fact: str) -> list[tuple[ProcessSeen, Fact]]:
        """The facts of one kind of all processes, in the order of time."""
        found = [(process, one) for process in self.processes.values() for one in process.of(fact)]
        return sorted(found, key=lambda entry: int(entry[1]["at_ns"]))

    @property
    def loops(self) -> list[ProcessSeen]:
        """The processes that iterate a loader, by rank."""
        found = [process for process in self.processes.values() if process.first("iterator") is not None]
        return sorted(found, key=rank_of)


def rank_of(process: ProcessSeen) -> int:
    """The rank of a process; 0 where there are no ranks."""
    for name in ("iterator", "hello"):
        fact = process.first(name)
        if fact is not None and fact.get("rank") is not None:
            return int(fact["rank"])
    return 0
