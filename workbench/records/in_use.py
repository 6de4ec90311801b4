"""Who works in a folder says so by a lock, which the system lets go when the process is gone, however it went."""

from __future__ import annotations

import contextlib
import fcntl
import os
import weakref
from pathlib import Path


class Hold:
    """Says that a folder is in use, until it is released, is garbage, or its process has ended.

    The lock is on the folder itself: no file of it is left behind. Several may hold one folder. Where the file system
    has no locks, nothing is said, and nobody is refused.

    Args:
        folder: A folder that is there.

    Attributes:
        release: Let it go; may be called twice.
    """

    def __init__(self, folder: Path) -> None:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        self.release = weakref.finalize(self, os.close, descriptor)
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)


def is_held(folder: Path) -> bool:
    """Whether somebody works in a folder. One that is gone is held by nobody."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no locks on this file system
        return False
    finally:
        os.close(descriptor)
    return False
