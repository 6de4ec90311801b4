"""What was left behind, and what has not been used for long: temporary files, and entries of the caches."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from workbench.files import COMPILED, ENGINES, FOUND_WORDS, PAGES_SUFFIX, SURVEYS, cache_dir
from workbench.report.outcome import COMPARISONS
from workbench.report.removable import Removable
from workbench.report.results_on_disk import STAMP, num_bytes
from workbench.report.self_test import SELFTESTS

_S_PER_DAY = 86400.0

#: So old is a temporary file that nobody will rename any more, even where its process cannot be asked.
_STALE_S = _S_PER_DAY

#: What a folder is called while it is being removed: whatever is called so can go.
REMOVED = ".removed-"

#: As `run_folder.write_text` calls a file that it has not written to its end.
_HALF_WRITTEN = re.compile(r"\.[\w-]+\.(?:json|jsonl|txt|html)\.[a-z0-9_]{8}")

#: Of commands and of observed scripts, in the folder for temporary files and in that of shared memory.
_TEMPORARY = re.compile(rf"workbench-(?:observe-{STAMP}(?:\.pauses)?|(?:observe-|calibration-)?[a-z0-9_]{{8}})")

#: A cache of pages that is being written: locked until it is complete.
_HALF_CACHED = re.compile(r"\..+-[0-9a-f]{8}")


def left_behind(reports: Path, *, now_s: Callable[[], float] = time.time) -> list[Removable]:
    """Temporary files and folders of processes that are gone.

    Args:
        reports: The folder of results; the machine's own temporary folders are looked into as well.
        now_s: Gives the time, as files have it.
    """
    found = []
    for parent in (reports, *(reports / name for name in ("runs", COMPARISONS, SELFTESTS))):
        for path in _own(parent):
            if path.name.startswith(REMOVED) and re.fullmatch(STAMP, path.name.removeprefix(REMOVED)):
                found.append(_of("left behind", path))
            elif path.is_dir():
                found += [_of("left behind", file) for file in _own(path) if _is_half_written(file, now_s)]
            elif _is_half_written(path, now_s):
                found.append(_of("left behind", path))
    temporary = [path for parent in _temporary_folders() for path in _own(parent) if _TEMPORARY.fullmatch(path.name)]
    old = [path for path in temporary if now_s() - _used_s(path) > _STALE_S]
    opened = _opened(old)
    return found + [_of("left behind", path) for path in old if path not in opened]


def unused_caches(days: float, *, now_s: Callable[[], float] = time.time) -> list[Removable]:
    """Entries of the caches that nobody has used for some days, and has open; and those that were never completed.

    An entry that goes costs the time to make it again, and nothing else. Where the file system doesn't note when a file
    was read, it goes by when it was written.

    Args:
        days: For how long.
        now_s: Gives the time, as files have it.
    """
    folder = cache_dir()
    entries = [path for path in _own(folder) if path.name.endswith(PAGES_SUFFIX) and path.is_file()]
    for name in (ENGINES, FOUND_WORDS, SURVEYS, COMPILED):
        entries += _own(folder / name)
    old = [path for path in entries if now_s() - _used_s(path) > days * _S_PER_DAY]
    opened = _opened(old)
    found = [_of("cache entry", path) for path in old if path not in opened]
    half_done = [path for path in _own(folder) if _HALF_CACHED.fullmatch(path.name) and path.is_file()]
    return found + [_of("cache entry", path) for path in half_done if not _is_locked(path)]


def _temporary_folders() -> list[Path]:
    return list(dict.fromkeys((Path(tempfile.gettempdir()), Path("/dev/shm"))))


def _own(parent: Path) -> list[Path]:
    """What lies in a folder, is no link, and belongs to this user."""
    if parent.is_symlink():
        return []
    found = []
    with contextlib.suppress(OSError):
        for path in sorted(parent.iterdir()):
            with contextlib.suppress(OSError):  # gone meanwhile
                if not path.is_symlink() and path.lstat().st_uid == os.getuid():
                    found.append(path)
    return found


def _is_half_written(path: Path, now_s: Callable[[], float]) -> bool:
    is_named_so = _HALF_WRITTEN.fullmatch(path.name) is not None
    return is_named_so and path.is_file() and now_s() - _used_s(path) > _STALE_S


def _used_s(path: Path) -> float:
    """When a file was last read or written, or anything in a folder."""
    times = [path.lstat()]
    for place, _, names in os.walk(path):
        with contextlib.suppress(OSError):
            times += [os.lstat(Path(place, name)) for name in names]
    # A folder is read whenever somebody lists it: only its files say when it was used.
    files = times[1:] if path.is_dir() else times
    return max([times[0].st_mtime, *(max(found.st_atime, found.st_mtime) for found in files)])


def _is_locked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    return False


def _opened(paths: list[Path]) -> set[Path]:
    """Those that a process of this user has open or mapped, or has a file of."""
    if not paths:
        return set()
    opened = {str(path) for path in _files_of_processes()}
    return {path for path in paths if any(name == str(path) or name.startswith(f"{path}/") for name in opened)}


def _files_of_processes() -> Iterator[Path]:
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            for link in (process / "fd").iterdir():
                with contextlib.suppress(OSError):
                    yield link.readlink()
        with contextlib.suppress(OSError):
            for line in (process / "maps").read_text(encoding="utf-8", errors="replace").splitlines():
                _, mark, name = line.partition("/")
                if mark:
                    yield Path(f"/{name}")


def _of(kind: str, path: Path) -> Removable:
    return Removable(kind, (path,), num_bytes(path))
