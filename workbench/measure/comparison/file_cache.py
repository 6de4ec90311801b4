"""Which files the kernel holds in memory, and how it is made to hold or forget them."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
from collections.abc import Sequence
from pathlib import Path

from workbench.errors import BadInput, Problem
from workbench.measure.trial.control_group import usable_memory

_PIECE_BYTES = 1 << 20

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)


def cached_share(files: Sequence[Path]) -> float | None:
    """Share of the files' memory pages that the kernel holds, 0..1; None where that is not to be seen.

    Linux says it of files that a user owns or may write to; of all others it says that they are held.
    """
    if not all(path.stat().st_uid == os.geteuid() or os.access(path, os.W_OK) for path in files):
        return None
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


def warm(files: Sequence[Path]) -> None:
    """Read the files, so that the kernel holds them, as far as together they take no more than half the free memory."""
    if sum(path.stat().st_size for path in files) > usable_memory().free / 2:
        return
    for path in files:
        with path.open("rb") as file:
            while file.read(_PIECE_BYTES):
                pass


def forget(files: Sequence[Path]) -> None:
    """Ask the kernel to give up what it holds of the files. File systems in memory, among others, don't.

    Raises:
        BadInput: Where the system takes no such requests.
    """
    if not hasattr(os, "posix_fadvise"):
        remedy = "Leave cold_cache out"
        raise BadInput("cold_cache", [Problem("this system cannot be asked to forget files", remedy=remedy)])
    for path in files:
        with path.open("rb") as file:
            with contextlib.suppress(OSError):  # what isn't on the disk yet is not forgotten; not every system can
                os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
