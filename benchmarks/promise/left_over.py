"""What a fault has left over: processes, segments in /dev/shm, temporary folders, files that are half written."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

#: Every process that is started while a fault is watched carries it, with the folder of the fault.
_MARK = "WORKBENCH_FAULT"

#: How long what is left gets to go by itself: that a process is gone is seen by its leash a moment later.
_GONE_WITHIN_S, _POLL_S = 20.0, 0.1

_SHARED_MEMORY = Path("/dev/shm")

#: What the C library names a semaphore (32 bytes) until it is made; killed within that, nobody knows whose it was.
_HALF_A_SEMAPHORE = re.compile(r"sem\.[A-Za-z0-9]{6}")

#: torch's loader opens files of such names when a batch breaks off, to see whether it still can; where the death of a
#: worker is raised in between, an empty one stays that nobody knows of.
_OPENED_TO_SEE = re.compile(r"tmp[a-z0-9_]{8}")

#: A cache of torch's, which is meant to stay.
_KEPT = "torchinductor_"

#: What the folder of a trial there begins with; the run id follows.
_OF_TRIAL = "workbench-observe-"


class Watch:
    """Looks for what is left of all that is started with its environment.

    Args:
        folder: The folder of the fault; results of the subject lie below it.

    Attributes:
        environment: What a subject has to be started with.
        temporary: Its folder for temporary files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.temporary = folder / "temporary"
        self.temporary.mkdir(parents=True, exist_ok=True)
        self.environment = {_MARK: str(folder), "TMPDIR": str(self.temporary)}
        self._before = _segments()

    def processes(self) -> list[psutil.Process]:
        """The processes that are alive, in the order in which they were started."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                is_ours = process.environ().get(_MARK) == str(self._folder)
                if is_ours and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return sorted(found, key=lambda process: (process.create_time(), process.pid))

    def left(self, *, temporary: bool = True) -> list[str]:
        """Everything that is left when it has had the time to go, a sentence each; processes are ended then.

        Args:
            temporary: Whether temporary files count. Of a command that is killed nobody is left to remove them.
        """
        until = time.monotonic() + _GONE_WITHIN_S
        while (found := self._look(temporary)) and time.monotonic() < until:
            time.sleep(_POLL_S)
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.kill()
        return found

    def _look(self, temporary: bool) -> list[str]:
        found = [f"process {process.pid} is still running: {_command(process)}" for process in self.processes()]
        found += [f"/dev/shm/{name} is left" for name in self._segments_left()]
        if temporary:
            paths = [path for path in self.temporary.iterdir() if not _is_torchs(path)]
            found += [f"{path.name} is left in the folder of temporary files: {_content(path)}" for path in paths]
        halves = (path for path in self._folder.rglob("*") if _is_half(path) and self.temporary not in path.parents)
        return found + [f"half of a file is left: {path.relative_to(self._folder)}" for path in halves]

    def _segments_left(self) -> list[str]:
        """Names that nobody else on this machine has: not those of trials elsewhere, or of what is mapped somewhere."""
        new = _segments() - self._before
        runs = {path.name for path in self._folder.rglob("runs/*")}
        foreign = {name for name in new if name.startswith(_OF_TRIAL) and name.removeprefix(_OF_TRIAL)[:22] not in runs}
        new = {name for name in new - foreign if not _HALF_A_SEMAPHORE.fullmatch(name)}
        return sorted(new - _mapped()) if new else []


@contextlib.contextmanager
def watched_here(folder: Path) -> Iterator[Watch]:
    """A watch over what this process starts within the block."""
    watch = Watch(folder)
    before = {name: os.environ.get(name) for name in watch.environment}
    kept, tempfile.tempdir = tempfile.tempdir, str(watch.temporary)
    os.environ.update(watch.environment)
    try:
        yield watch
    finally:
        tempfile.tempdir = kept
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _segments() -> set[str]:
    with contextlib.suppress(OSError):
        return {path.name for path in _SHARED_MEMORY.iterdir()}
    return set()


def _mapped() -> set[str]:
    """Segments that living processes hold: others are at work on this machine."""
    found = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            for line in Path(f"/proc/{process.pid}/maps").read_text(encoding="utf-8", errors="replace").splitlines():
                if f" {_SHARED_MEMORY}/" in line:
                    found.add(line.split(f"{_SHARED_MEMORY}/", 1)[1].removesuffix(" (deleted)"))
    return found


def _command(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline())[:120]
    return "?"


def _is_torchs(path: Path) -> bool:
    """Whether something in the folder of temporary files is torch's doing."""
    if path.name.startswith(_KEPT):
        return True
    with contextlib.suppress(OSError):
        return bool(_OPENED_TO_SEE.fullmatch(path.name)) and path.is_file() and path.stat().st_size == 0
    return False


def _content(path: Path) -> str:
    """What tells whose it is."""
    with contextlib.suppress(OSError):
        if path.is_dir():
            return f"a folder of {sorted(each.name for each in path.iterdir())}"
        return f"a file of {path.stat().st_size} bytes that begins with {path.read_bytes()[:80]!r}"
    return "gone while it was looked at"


def _is_half(path: Path) -> bool:
    """Whether a name is one that a file has only while it is being written."""
    return path.suffix in (".tmp", ".part", ".lock") or path.name.startswith(
        (".record.json.", ".state.json.", ".comparison.json.")
    )
