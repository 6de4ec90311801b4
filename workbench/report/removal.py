"""Removes results: whole or not at all, never what somebody has begun to use, and never what lies behind a link."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from workbench.report.removable import Removable
from workbench.report.results_on_disk import num_bytes
from workbench.report.stale import REMOVED


@dataclass
class Removal:
    """What has come of it.

    Attributes:
        count: How many things are gone.
        num_bytes: Room that is free again.
        left: What stayed, and why, a line each.
    """

    count: int = 0
    num_bytes: int = 0
    left: list[str] = field(default_factory=list)


def remove(going: Iterable[Removable]) -> Removal:
    """Remove these; what cannot be removed stays, and is named."""
    done = Removal()
    for thing in going:
        for number, path in enumerate(thing.paths):
            try:
                size = num_bytes(path)
                _remove(path)
                done.num_bytes += size
                done.count += number == 0
            except FileNotFoundError:
                continue
            except BlockingIOError:
                done.left.append(f"{path} is in use now")
            except OSError as error:
                done.left.append(f"{path} cannot be removed ({error.strerror or error})")
            else:
                continue
            if number == 0:
                break
    return done


def _remove(path: Path) -> None:
    """Remove a file, or a folder with all in it: at once for whoever looks, by renaming it first.

    Raises:
        BlockingIOError: Where somebody holds it.
        OSError: Where it cannot be removed.
    """
    if path.is_symlink() or not path.is_dir():
        path.unlink()
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        _lock(descriptor)
        going = path if path.name.startswith(REMOVED) else path.rename(path.with_name(f"{REMOVED}{path.name}"))
    finally:
        os.close(descriptor)
    shutil.rmtree(going)


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:  # no locks on this file system: nobody can hold it
        return
