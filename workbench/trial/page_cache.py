"""Which files the kernel holds in memory, and how it is made to forget them."""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Sequence
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)


def cached_share(files: Sequence[Path]) -> float | None:
    """Share of the files' memory pages that the kernel holds, 0..1; None where there is nothing to look at.

    On Linux a user sees this of files that he may write to; of others the kernel says that they are held.
    """
    num_pages = num_held = 0
    for path in files:
        size = path.stat().st_size
        if size == 0:
            continue
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as mapped:
            held = (ctypes.c_ubyte * -(-size // mmap.PAGESIZE))()
            start = ctypes.c_char.from_buffer(mapped)
            try:
                if _libc.mincore(ctypes.addressof(start), size, held) != 0:
                    return None
            finally:
                del start  # or the map could not be closed
            num_pages += len(held)
            num_held += sum(flag & 1 for flag in held)
    return num_held / num_pages if num_pages else None


def forget(files: Sequence[Path]) -> None:
    """Ask the kernel to give up what it holds of the files. File systems in memory, among others, don't."""
    for path in files:
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
