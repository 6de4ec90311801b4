"""Where a cache lies: in this process's memory, in memory that is shared with the workers or lent out, or in a file."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from workbench.errors import WorkbenchError
from workbench.files import PAGES_SUFFIX, cache_dir
from workbench.memory import SharedMemory
from workbench.units import format_bytes
from workbench.workloads.ocr.cache.block_sums import block_sums, is_whole, num_sum_bytes


class Store(Protocol):
    """A block of bytes.

    Attributes:
        view: The bytes, uint8 [size]; writable until `keep`.
        filled: Whether the content is there already, from an earlier run.
    """

    view: memoryview
    filled: bool

    def keep(self) -> None:
        """The content is complete.

        Raises:
            WorkbenchError: Where it cannot be kept.
        """

    def discard(self) -> None:
        """The content will not be completed: leave nothing behind."""


class MemoryStore:
    """See `Store`. Memory of the process that holds it.

    Under fork the workers inherit it, and the kernel shares it for as long as nobody writes there; under spawn every
    worker is sent a copy of its own.
    """

    filled = False

    def __init__(self, size: int, key: str) -> None:
        self._bytes: npt.NDArray[np.uint8] = np.empty(size, np.uint8)
        self.view = self._bytes.data

    def keep(self) -> None:
        """See `Store`."""

    def discard(self) -> None:
        """See `Store`."""

    def __getstate__(self) -> object:
        """The bytes themselves are sent."""
        return self._bytes

    def __setstate__(self, state: npt.NDArray[np.uint8]) -> None:
        """Take the copy."""
        self._bytes = state
        self.view = state.data


class SharedStore:
    """See `Store`. One block of memory that all workers map, under fork and spawn alike."""

    filled = False

    def __init__(self, size: int, key: str) -> None:
        self._memory = SharedMemory(size, name="workbench-pages")
        self.view = self._memory.view

    def keep(self) -> None:
        """See `Store`."""

    def discard(self) -> None:
        """See `Store`."""

    def __getstate__(self) -> object:
        """The memory is handed over by its descriptor."""
        return self._memory

    def __setstate__(self, state: SharedMemory) -> None:
        """Map it."""
        self._memory = state
        self.view = state.view


class MappedStore(SharedStore):
    """See `Store`. As `SharedStore`, and parts of it can be had as they lie: nothing is copied until it is written."""

    def window(self, offset: int, size: int) -> memoryview:
        """Some of the bytes, uint8 [size]; whoever writes there writes into a copy."""
        return self._memory.window(offset, size)


class DiskStore:
    """See `Store`. A file that all workers map and that survives the run: the next trial finds it filled.

    The file is named by its key, which covers the content of the pages, the chain and the versions of what made them: a
    stale one is never found. It is written under another name and renamed when it is complete. Its room is taken first,
    so that a full disk is reported before a page is made. Behind the content are its sums: a file that was damaged
    since is made anew.

    Args:
        size: Bytes.
        key: Names the content.

    Raises:
        WorkbenchError: Where the file cannot be made, for want of room above all.
    """

    def __init__(self, size: int, key: str) -> None:
        self._size = max(size, 1)
        self._path = cache_dir() / f"{key}{PAGES_SUFFIX}"
        self._half_done: Path | None = None
        self.filled = self._is_whole()
        if not self.filled:
            self._sweep()
            self._half_done = self._path.with_name(f".{key}-{secrets.token_hex(4)}")
            self._lock = self._make(self._half_done)
        self._map(self._half_done or self._path, writable=not self.filled)

    def keep(self) -> None:
        """See `Store`."""
        if self._half_done is not None:
            self._file.flush()
            try:
                os.pwrite(self._lock, block_sums(self.view).tobytes(), self._size)
                self._half_done.replace(self._path)
            except OSError as error:
                raise self._refusal(error) from None
            self._half_done = None
            os.close(self._lock)
            self._map(self._path, writable=False)  # from here on nobody's writing gets into the file
        self.filled = True

    def discard(self) -> None:
        """See `Store`."""
        if self._half_done is not None:
            self._half_done.unlink(missing_ok=True)
            self._half_done = None
            os.close(self._lock)

    def __getstate__(self) -> object:
        """The file's name goes to the worker."""
        return self._size, self._path

    def __setstate__(self, state: tuple[int, Path]) -> None:
        """Map the file in a worker."""
        self._size, self._path = state
        self._half_done = None
        self.filled = True
        self._map(self._path, writable=False)

    def _is_whole(self) -> bool:
        """Whether the file is there as it was written."""
        try:
            with self._path.open("rb", buffering=0) as file:
                expected = self._size + num_sum_bytes(self._size)
                return os.fstat(file.fileno()).st_size == expected and is_whole(file, self._size)
        except OSError:
            return False

    def _sweep(self) -> None:
        """Remove what trials have left behind that were killed while they filled a cache: nobody locks it any more."""
        for path in self._path.parent.glob(f".*-{'[0-9a-f]' * 8}"):
            with contextlib.suppress(OSError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()

    def _make(self, path: Path) -> int:
        """Make the file with all its room; gives the descriptor that keeps it locked."""
        descriptor = -1
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            os.posix_fallocate(descriptor, 0, self._size + num_sum_bytes(self._size))
            return descriptor
        except OSError as error:
            if descriptor >= 0:
                os.close(descriptor)
            with contextlib.suppress(OSError):
                path.unlink()
            raise self._refusal(error) from None

    def _refusal(self, error: OSError) -> WorkbenchError:
        """Why the file cannot be made, and what to do."""
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            remedy = "Make room there, or take cache_store=shared, or set WORKBENCH_CACHE to a folder elsewhere"
            what = f"there is no room for a cache of {format_bytes(self._size)}"
        elif self._path.is_dir():
            remedy, what = "Remove it, or take cache_store=shared", f"a folder lies where {self._path.name} belongs"
        else:
            remedy = "Set WORKBENCH_CACHE to a folder that can be written, or take cache_store=shared"
            what = f"a cache cannot be written there ({error.strerror or error})"
        return WorkbenchError(f"{self._path.parent}: {what}. {remedy}")

    def _map(self, path: Path, *, writable: bool) -> None:
        with path.open("r+b" if writable else "rb") as file:
            # A copy-on-write mapping shares the pages of the file, and takes no harm from a reader that writes.
            access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_COPY
            self._file = mmap.mmap(file.fileno(), self._size, access=access)
        self.view = memoryview(self._file)


#: A store by the knob `cache_store`; it takes the size in bytes and the key of the content.
STORES: dict[str, Callable[[int, str], Store]] = {
    "memory": MemoryStore,
    "shared": SharedStore,
    "mapped": MappedStore,
    "disk": DiskStore,
}
