"""Rows of five integers in memory: how spans are kept while they are measured, and read by another process.

Writing one costs well under a microsecond: five integers into memory that is there already. No lock (there is one
writer), no allocation, no formatting. The layout is a header of eight int64, a table of names, the rows.
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib

#: What stands in a row for "no sample" or "no batch".
NONE = -1

#: Batches of one iterator have numbers below this; above it stands the iterator's own.
BATCHES_PER_ITERATOR = 1_000_000

COLUMNS = 5  # stage, begin_ns, end_ns, sample, batch
_HEADER = 8  # int64 fields before the names
_ROWS, _DROPPED, _NAMES, _IDLE_SINCE, _STARTED, _PID = range(6)
NAME_BYTES = 96
_MAX_NAMES = 256
BYTES_BEFORE_ROWS = _HEADER * 8 + _MAX_NAMES * NAME_BYTES
_ROW_BYTES = COLUMNS * 8
_pack_row = struct.Struct(f"={COLUMNS}q").pack_into  # all five in one call


def size_of(capacity: int) -> int:
    """Bytes of memory that this number of rows needs."""
    return BYTES_BEFORE_ROWS + capacity * _ROW_BYTES


def fitting_name(stage: str) -> str:
    """A stage's name as the table of names holds it: cut where it is too long, with a mark that keeps it unique."""
    encoded = stage.encode()
    if len(encoded) <= NAME_BYTES:
        return stage
    mark = f"~{zlib.crc32(encoded):08x}"
    return encoded[: NAME_BYTES - len(mark)].decode(errors="ignore") + mark


class Rows:
    """Rows in a block of memory, which is zero at first.

    Full, it drops further rows and counts them in `dropped`.

    Args:
        view: The memory, at least `size_of(capacity)` bytes.
        capacity: How many rows there is room for.
    """

    def __init__(self, view: memoryview, capacity: int) -> None:
        self._map(view, capacity)

    def _map(self, view: memoryview, capacity: int) -> None:
        self._capacity = capacity
        self._view = view
        self._header = view[: _HEADER * 8].cast("q")
        self._names = view[_HEADER * 8 : BYTES_BEFORE_ROWS]
        self._rows = view[BYTES_BEFORE_ROWS : size_of(capacity)].cast("q")

    def number_of(self, stage: str) -> int:
        """The number of a stage, given on first use."""
        names = self.stage_names()
        name = fitting_name(stage)
        if name in names:
            return names.index(name)
        if len(names) == _MAX_NAMES:
            raise ValueError(f"more than {_MAX_NAMES} stages in one track (the last: {stage!r})")
        text = name.encode()
        offset = len(names) * NAME_BYTES
        self._names[offset : offset + len(text)] = text
        self._header[_NAMES] = len(names) + 1
        return len(names)

    def add(self, stage: int, begin_ns: int, end_ns: int, sample: int = NONE, batch: int = NONE) -> None:
        """Write one row."""
        header = self._header
        count = header[_ROWS]
        if count >= self._capacity:
            header[_DROPPED] += 1
            return
        _pack_row(self._view, BYTES_BEFORE_ROWS + count * _ROW_BYTES, stage, begin_ns, end_ns, sample, batch)
        header[_ROWS] = count + 1  # last: whoever reads meanwhile sees whole rows only

    @property
    def count(self) -> int:
        """Rows that were written."""
        return int(self._header[_ROWS])

    def stage_names(self) -> tuple[str, ...]:
        """The stages seen so far, by number."""
        raw = bytes(self._names[: self._header[_NAMES] * NAME_BYTES])
        starts = range(0, len(raw), NAME_BYTES)
        return tuple(raw[start : start + NAME_BYTES].rstrip(b"\0").decode(errors="replace") for start in starts)

    def written(self) -> memoryview:
        """The rows written so far, int64 [rows * 5]. Not a copy."""
        return self._rows[: self._header[_ROWS] * COLUMNS]

    @property
    def dropped(self) -> int:
        """Rows that found no room."""
        return self._header[_DROPPED]

    @property
    def idle_since_ns(self) -> int:
        """Since when the thread has been waiting for an order; 0 while it works on one."""
        return self._header[_IDLE_SINCE]

    @idle_since_ns.setter
    def idle_since_ns(self, value: int) -> None:
        self._header[_IDLE_SINCE] = value

    @property
    def started_ns(self) -> int:
        """When the process of these rows was last asked to start; 0 once it has reported."""
        return self._header[_STARTED]

    @started_ns.setter
    def started_ns(self, value: int) -> None:
        self._header[_STARTED] = value

    @property
    def pid(self) -> int:
        """The process that writes here; 0 before there is one."""
        return self._header[_PID]

    @pid.setter
    def pid(self, value: int) -> None:
        self._header[_PID] = value


class RowsFile(Rows):
    """Rows in a file that is mapped: readable while they are written, and after their writer was killed.

    Args:
        path: The file; it is made, and must not be there yet.
        capacity: How many rows there is room for; memory is only taken as it fills.

    Raises:
        OSError: Where it cannot be made.
    """

    def __init__(self, path: str, capacity: int) -> None:
        partial = f"{path}.new"  # whoever reads meanwhile finds the file whole, or not at all
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(descriptor, size_of(capacity))
            view = memoryview(mmap.mmap(descriptor, size_of(capacity)))
        finally:
            os.close(descriptor)
        super().__init__(view, capacity)
        self.pid = os.getpid()
        os.rename(partial, path)


def open_rows(path: str) -> Rows:
    """Rows that another process has written, or is writing.

    Raises:
        OSError: Where the file cannot be read.
        ValueError: Where it is none of ours.
    """
    with open(path, "rb") as file:
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    capacity = (len(view) - BYTES_BEFORE_ROWS) // _ROW_BYTES
    if capacity < 0:
        raise ValueError(f"{path} holds no rows")
    return Rows(view, capacity)
