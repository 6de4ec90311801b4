"""Tables of cells in MATLAB files of version 5 to 7, one cell at a time.

SciPy makes an object of every cell, which takes tens of gigabytes for SynthText's 858750 images, and believes the sizes
that a file states. Here a table is a run of bytes, and a cell is read when it is its turn; nothing is allocated that
the bytes don't hold, nor are more than `MOST_UNPACKED_BYTES` unpacked.

Source: MathWorks, "MAT-File Format", R2025a, level 5.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from workbench.units import format_bytes
from workbench.workloads.ocr.annotations.reading import MOST_UNPACKED_BYTES, Unreadable

#: Numbers, text (one line a row), or a list of such: what a cell can hold. None for anything else.
Value = npt.NDArray[Any] | list[Any] | None

_HEADER_BYTES = 128
_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_LETTERS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16"}
_CELLS, _CHARACTERS = 1, 4
_NUMERIC_CLASSES = range(6, 16)
#: A variable's name stands within its first bytes.
_HEAD_BYTES = 4096
_DEEPEST = 3
_SAVE = "Save it anew in MATLAB: save(FILE, '-v7'); in Python: scipy.io.savemat"


@dataclass(frozen=True)
class Table:
    """A table of cells.

    Attributes:
        dims: Its sizes; the cells lie column by column.
        order: Byte order, "<" or ">".
        data: The cells, as they lie in the file.
    """

    dims: tuple[int, ...]
    order: str
    data: memoryview

    @property
    def count(self) -> int:
        """Number of cells."""
        return math.prod(self.dims)

    def __iter__(self) -> Iterator[Value]:
        """The cells in their order.

        Raises:
            Unreadable: Where one is cut short or damaged.
        """
        data = self.data
        for _ in range(self.count):
            value, data = _value(data, self.order, depth=0)
            yield value


def table_names(path: Path) -> set[str]:
    """The names of a file's tables; none is unpacked for it.

    Raises:
        Unreadable: As for `read_tables`.
    """
    return {name for name, _ in _read(path, ())}


def read_tables(path: Path, names: Collection[str]) -> dict[str, Table]:
    """Some of the tables of a file, of those that it has; other variables aren't unpacked.

    Raises:
        Unreadable: Where the file cannot be read, is of another version, cut short or damaged.
    """
    return {name: table for name, table in _read(path, names) if table is not None}


def _read(path: Path, names: Collection[str]) -> list[tuple[str, Table | None]]:
    try:
        with path.open("rb") as file:
            return list(_tables(file, _order(file.read(_HEADER_BYTES)), names))
    except Unreadable:
        raise
    except OSError as error:
        raise Unreadable(f"cannot be read ({error.strerror or error})") from None
    except (struct.error, zlib.error, ValueError) as error:
        raise Unreadable(f"is damaged ({error})") from None


def _order(header: bytes) -> str:
    if header.startswith((b"\x89HDF", b"MATLAB 7.3")):
        raise Unreadable("is a file of MATLAB 7.3 (HDF5), which isn't read", remedy=_SAVE)
    order = {b"IM": "<", b"MI": ">"}.get(header[126:128])
    if order is None or len(header) < _HEADER_BYTES:
        raise Unreadable("is no MATLAB file of version 5 to 7", remedy=_SAVE)
    return order


def _tables(file: BinaryIO, order: str, names: Collection[str]) -> Iterator[tuple[str, Table | None]]:
    """The tables of cells, with what is in them where it is asked for."""
    while len(tag := file.read(8)) == 8:
        kind, size = struct.unpack(f"{order}II", tag)
        begin = file.tell()
        head = file.read(min(size, _HEAD_BYTES))
        if kind == _COMPRESSED:
            head = zlib.decompressobj().decompress(head, _HEAD_BYTES)[8:]
        if kind in (_MATRIX, _COMPRESSED):
            (what, dims), name, _ = _matrix(memoryview(head), order)
            if what == _CELLS and name in names:
                file.seek(begin)
                data = _unpacked(file.read(size))[8:] if kind == _COMPRESSED else file.read(size)
                yield name, Table(tuple(dims), order, _matrix(memoryview(data), order)[2])
            elif what == _CELLS:
                yield name, None
        file.seek(begin + size)


def _unpacked(data: bytes) -> bytes:
    unpacked = zlib.decompressobj().decompress(data, MOST_UNPACKED_BYTES + 1)
    if len(unpacked) > MOST_UNPACKED_BYTES:
        raise Unreadable(f"holds more than {format_bytes(MOST_UNPACKED_BYTES)} when it is unpacked")
    return unpacked


def _matrix(data: memoryview, order: str) -> tuple[tuple[int, list[int]], str, memoryview]:
    """What a matrix is (its class and dimensions), its name, and the bytes that follow them."""
    (_, flags), data = _element(data, order)
    (_, dims), data = _element(data, order)
    (_, name), data = _element(data, order)
    sizes = np.frombuffer(dims, f"{order}i4").tolist()
    if min(sizes, default=-1) < 0 or len(flags) < 4:
        raise Unreadable("is damaged (a table of no known size)")
    return (struct.unpack(f"{order}I", flags[:4])[0] & 0xFF, sizes), bytes(name).decode("latin-1"), data


def _element(data: memoryview, order: str) -> tuple[tuple[int, memoryview], memoryview]:
    """The first element, its type and its bytes, and what follows it."""
    (first,) = struct.unpack(f"{order}I", data[:4])
    if first >> 16:  # a small one: four bytes at most, in the tag itself
        return (first & 0xFFFF, data[4 : 4 + (first >> 16)]), data[8:]
    (size,) = struct.unpack(f"{order}I", data[4:8])
    if len(data) < 8 + size:
        raise Unreadable("is cut short")
    return (first, data[8 : 8 + size]), data[8 + -(-size // 8) * 8 :]


def _value(data: memoryview, order: str, *, depth: int) -> tuple[Value, memoryview]:
    """The value of the matrix that comes first, and what follows it."""
    try:
        (kind, matrix), after = _element(data, order)
        if kind != _MATRIX or not matrix:
            return None, after
        (what, dims), _, rest = _matrix(matrix, order)
        count = math.prod(dims)
        if what == _CELLS:
            cells: list[Any] = []
            while len(cells) < count and depth < _DEEPEST:
                cell, rest = _value(rest, order, depth=depth + 1)
                cells.append(cell)
            return cells, after
        if not count or what not in (*_NUMERIC_CLASSES, _CHARACTERS):
            return None, after
        (stored, raw), _ = _element(rest, order)
        return (_text(stored, raw, dims, order) if what == _CHARACTERS else _array(stored, raw, dims, order)), after
    except (struct.error, KeyError, ValueError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(f"is damaged ({error})") from None


def _array(stored: int, raw: memoryview, dims: list[int], order: str) -> npt.NDArray[Any]:
    return np.frombuffer(raw, f"{order}{_NUMBERS[stored]}").reshape(dims, order="F")


def _text(stored: int, raw: memoryview, dims: list[int], order: str) -> list[Any]:
    """The rows of a matrix of characters, which lie column by column."""
    encoding = _LETTERS[stored]
    if encoding == "utf-16":
        encoding += "-le" if order == "<" else "-be"
    letters = bytes(raw).decode(encoding, errors="replace")
    rows = dims[0]
    return ["".join(letters[row::rows]) for row in range(min(rows, len(letters)))]
