"""/dev/shm, through which loader workers hand over their batches: how much room it has, and what is left behind there.

torch makes a segment `torch_<pid>_<random>_<count>` for a tensor, reserves its memory, and only then takes the name
away. A worker that ends in between (killed, aborted, or just stopped while it sends) leaves the segment with all its
memory, and nothing but a reboot gives that back. A segment that finds no room leaves its name as well.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import re
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

import psutil

from workbench.errors import WorkbenchError
from workbench.units import format_bytes

FOLDER = Path("/dev/shm")

_SEGMENT = re.compile(r"torch_(\d+)_\d+_\d+")

#: Time stamps of files come from a coarser clock than `time.time`.
_CLOCK_SLACK_S = 1.0


class SharedMemoryFull(WorkbenchError):
    """The batches of the loader workers do not fit into /dev/shm."""


def free_bytes() -> int | None:
    """Free room in /dev/shm; None where there is no such folder."""
    try:
        return shutil.disk_usage(FOLDER).free
    except OSError:
        return None


def shared_memory_full(
    *, free: int | None = None, num_workers: int | None = None, batch_bytes: int | None = None
) -> SharedMemoryFull:
    """The error, with as much as is known.

    Args:
        free: Free bytes of /dev/shm.
        num_workers: Loader workers of the trial.
        batch_bytes: Size of a batch.
    """
    room = "/dev/shm is full" if free is None else f"/dev/shm has {format_bytes(free)} free"
    workers = "loader workers hand" if num_workers is None else f"{num_workers} loader workers hand"
    if num_workers == 1:
        workers = "one loader worker hands"
    batches = "over their batches" if batch_bytes is None else f"over batches of {format_bytes(batch_bytes)}"
    remedy = "Take num_workers=0, a smaller batch, or a larger /dev/shm (docker run --shm-size)"
    return SharedMemoryFull(f"{room}, and {workers} {batches} there. {remedy}")


def check_room(num_workers: int, batch_bytes: int | None, free: int | None) -> None:
    """Refuse workers whose batches cannot fit: where /dev/shm has no room for one batch of each.

    With more than that it depends on who is faster. Workers load `prefetch_factor` batches ahead, but only while the
    main process is slower than they are, so that what would be full only then is not refused.

    Args:
        num_workers: Loader workers; with 0 nothing goes through /dev/shm.
        batch_bytes: Size of a batch; None: not known.
        free: Free bytes of /dev/shm before the workers start; None: not known.

    Raises:
        SharedMemoryFull: Where they cannot fit.
    """
    if batch_bytes is not None and free is not None and num_workers * batch_bytes > free:
        raise shared_memory_full(free=free, num_workers=num_workers, batch_bytes=batch_bytes)


def array_bytes(samples: Any) -> int | None:
    """Size of all tensors and NumPy arrays in an object, each counted once; None where it cannot be taken apart."""
    counter = _ArrayCounter(io.BytesIO(), protocol=5)
    try:
        counter.dump(samples)
    except Exception:  # pickling runs the code of any class; what cannot be pickled is not known, and no error here
        return None
    return sum(int(array.nbytes) for array in counter.arrays.values())


class _ArrayCounter(pickle.Pickler):
    """Walks through an object as pickle does, and leaves arrays out."""

    def __init__(self, stream: io.BytesIO, protocol: int) -> None:
        super().__init__(stream, protocol)
        self.arrays: dict[int, Any] = {}

    def persistent_id(self, obj: Any) -> int | None:
        """Take an array down (anything with a size in bytes and a type of its elements) instead of pickling it."""
        if isinstance(obj, type) or not hasattr(obj, "nbytes") or not hasattr(obj, "dtype"):
            return None
        self.arrays[id(obj)] = obj  # held, so that no other object gets its number
        return id(obj)


def remove_segments(pids: Collection[int], *, since_s: float) -> list[str]:
    """Remove the segments that processes have left behind.

    A number that a living process has now is another process's: its segments stay.

    Args:
        pids: Processes that are gone.
        since_s: When the first of them was started, by `time.time`; nothing older is theirs.

    Returns:
        The names that were removed.
    """
    removed = []
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(FOLDER)):
            found = _SEGMENT.fullmatch(entry.name)
            if found is None or int(found[1]) not in pids or _is_alive(int(found[1])):
                continue
            with contextlib.suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                if status.st_uid == os.geteuid() and status.st_mtime >= since_s - _CLOCK_SLACK_S:
                    Path(entry.path).unlink()
                    removed.append(entry.name)
    return removed


def _is_alive(pid: int) -> bool:
    """Whether a process runs. A zombie does not: it has given its memory back."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True
