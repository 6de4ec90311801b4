"""Memory that several processes map, one copy for all of them; and memory that a process keeps when it is freed.

Shared memory is an anonymous file (`memfd_create`), handed over by its descriptor, under fork and spawn alike. Nothing
has a name that could be left behind: the kernel frees it when the last process that maps it is gone, however it went.
It does not count against the size of `/dev/shm`, its pages are made on first touch, and PSS counts them once.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import weakref
from multiprocessing import reduction
from typing import Any

#: Of `madvise`, which Python has no name for.
_MADV_POPULATE_READ = 22


class SharedMemory:
    """A block of zeroed memory that child processes share when the object is inherited or pickled to them.

    Attributes:
        size: Size in bytes.
        view: The memory, writable, uint8 [size].
    """

    def __init__(self, size: int, *, name: str = "workbench") -> None:
        fd = os.memfd_create(name, os.MFD_CLOEXEC)
        os.ftruncate(fd, max(size, 1))
        self._attach(fd, size)

    def _attach(self, fd: int, size: int) -> None:
        self._fd = fd
        weakref.finalize(self, os.close, fd)
        self.size = size
        self._map = mmap.mmap(fd, max(size, 1))
        self.view = memoryview(self._map)

    def window(self, offset: int, size: int) -> memoryview:
        """A part of it in a mapping of its own, ready to be read; what is written there stays there (copy on write).

        As long as it lives, it holds a descriptor of this process.

        Args:
            offset: Where it begins, in bytes.
            size: Bytes.

        Returns:
            uint8 [size].

        Raises:
            ValueError: Where it would reach beyond the end.
            OSError: Where the process has no descriptor left.
        """
        before = offset % mmap.ALLOCATIONGRANULARITY
        mapped = mmap.mmap(self._fd, before + size, flags=mmap.MAP_PRIVATE, offset=offset - before)
        with contextlib.suppress(OSError):  # a kernel before 5.14: then each page is mapped when it is touched
            mapped.madvise(_MADV_POPULATE_READ)
        return memoryview(mapped)[before:]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle for a child that is being spawned; the descriptor is duplicated into it.

        Raises:
            RuntimeError: Outside of starting a child process (there is nobody to hand the descriptor to).
        """
        return _rebuild, (reduction.DupFd(self._fd), self.size)


def _rebuild(duplicate: Any, size: int) -> SharedMemory:
    block = SharedMemory.__new__(SharedMemory)
    block._attach(duplicate.detach(), size)
    return block


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3

#: Blocks up to this size come from the heap, and so much of it stays free before any goes back.
_KEPT_BYTES = 1 << 30


def retain_freed_memory() -> bool:
    """From here on this process keeps what it frees. Gives whether the C library can be told so."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # musl
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)) and bool(mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES))
