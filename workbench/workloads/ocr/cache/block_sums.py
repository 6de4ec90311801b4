"""Sums of a cache's bytes, block by block: they tell whether what lies on disk is still what was written.

A sum of 64-bit words runs at the speed of memory, and every damage to one place changes it. It is no protection against
somebody who means to deceive.
"""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt

#: Bytes that one sum is of.
BLOCK_BYTES = 1 << 16

_WORD_BYTES = 8

#: Bytes that are read at a time, whole blocks.
_READ_BYTES = 16 * BLOCK_BYTES

Sums = npt.NDArray[np.uint64]


def num_sum_bytes(size: int) -> int:
    """Bytes that the sums of a content of this size take."""
    return -(-size // BLOCK_BYTES) * _WORD_BYTES


def block_sums(data: memoryview) -> Sums:
    """uint64 [blocks]: the sums of some bytes, the last block filled up with zeros.

    Args:
        data: uint8 [size].
    """
    content = np.frombuffer(data, np.uint8)
    whole = len(content) // BLOCK_BYTES * BLOCK_BYTES
    sums: Sums = content[:whole].view(np.uint64).reshape(-1, BLOCK_BYTES // _WORD_BYTES).sum(axis=1, dtype=np.uint64)
    if whole == len(content):
        return sums
    last = np.zeros(BLOCK_BYTES, np.uint8)
    last[: len(content) - whole] = content[whole:]
    return np.append(sums, last.view(np.uint64).sum(dtype=np.uint64))


def is_whole(file: io.FileIO, size: int) -> bool:
    """Whether the first bytes of a file have the sums that stand behind them.

    They are read, not mapped: else they would count as memory of the process that looks.

    Args:
        file: Open for reading, without a buffer.
        size: Bytes before the sums.
    """
    buffer = memoryview(bytearray(min(_READ_BYTES, size)))
    found = []
    file.seek(0)
    while size:
        part = buffer[: min(len(buffer), size)]
        if _read_into(file, part) != len(part):
            return False
        found.append(block_sums(part))
        size -= len(part)
    sums = np.concatenate(found) if found else np.empty(0, np.uint64)
    return file.read(sums.nbytes + 1) == sums.tobytes()


def _read_into(file: io.FileIO, part: memoryview) -> int:
    """Read until a part is full or the file ends; gives the number of bytes."""
    filled = 0
    while filled < len(part):
        count = file.readinto(part[filled:])
        if not count:
            break
        filled += count
    return filled
