"""Sums of a cache's bytes, block by block: they tell whether what lies on disk is still what was written.

A sum of 64-bit words, each times an odd number of its own, runs nearly at the speed of memory. Every damage to one
place changes it, and so do words that have changed places. It is no protection against somebody who means to deceive.
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

#: Odd, so that no change of a word is lost in what overflows; different, so that its place counts.
_WEIGHTS = 2 * np.arange(BLOCK_BYTES // _WORD_BYTES, dtype=np.uint64) + np.uint64(1)

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
    sums = _weighted(content[:whole])
    if whole == len(content):
        return sums
    last = np.zeros(BLOCK_BYTES, np.uint8)
    last[: len(content) - whole] = content[whole:]
    return np.append(sums, _weighted(last))


def _weighted(blocks: npt.NDArray[np.uint8]) -> Sums:
    """uint64 [blocks]: the sums of whole blocks, uint8 [blocks * BLOCK_BYTES]."""
    words = blocks.view(np.uint64).reshape(-1, len(_WEIGHTS))
    sums: Sums = np.einsum("ij,j->i", words, _WEIGHTS)
    return sums


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
