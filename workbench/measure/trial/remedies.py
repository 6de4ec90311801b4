"""What a trial may run out of (room, memory, open files), as an error that says what to do.

Libraries raise these wherever they happen to be, each in words of its own.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
from pathlib import Path

from workbench.errors import BadInput, CannotWrite, ProcessDied, WorkbenchError, causes
from workbench.measure.loaders.deaths import KILLED, broke_off, explain_death
from workbench.records import FailureKind
from workbench.records.run_folder import PROFILES

#: A disk with less free room than this is full, if something that is not named cannot be written.
_FULL_BELOW_BYTES = 1 << 20

#: By which texts a lack of memory is known: of torch, of the dynamic loader, of the system.
_NO_MEMORY = re.compile(
    r"DefaultCPUAllocator: (can't|not enough)|failed to map segment|[Cc]annot allocate memory|^MemoryError", re.M
)

#: What the system says where no more files can be open; who reads many files tells of each by this text.
_NO_FILES = os.strerror(errno.EMFILE)

#: What ends a program that does nothing wrong.
_FROM_OUTSIDE = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGXCPU)

#: The last lines of what a script has written to stderr: errors that led to one another stand there.
_LAST_LINES = 80

_OF_MEMORY = "Lower num_workers or batch_size, or take a smaller cache"
_OF_FILES = "Raise the limit (ulimit -n), or lower num_workers or prefetch_factor"


class RanOut(WorkbenchError):
    """There was no more memory, or no more files could be open."""


class TookTooLong(WorkbenchError):
    """The time for a trial was over before anything could be counted."""


def with_remedy(error: Exception, folder: Path) -> Exception:
    """The error that says what to do, for one that says that something has run out; any other as it is.

    Args:
        error: What a trial has raised.
        folder: Its run folder.
    """
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        if error.filename:
            return CannotWrite.full(error.filename)
        if shutil.disk_usage(folder).free < _FULL_BELOW_BYTES:
            return CannotWrite.full(folder / PROFILES)
    if isinstance(error, WorkbenchError) and not isinstance(error, BadInput):
        return error
    # torch raises the death of a worker wherever the main process happens to be: behind the measuring, too.
    if not isinstance(error, BadInput) and (death := explain_death(error)) is not None:
        return death
    for link in causes(error):
        if _NO_FILES in str(link):
            name = getattr(link, "filename", None)
            where = f" ({Path(str(name)).name} was to be opened)" if name else ""
            return RanOut(f"too many open files{where}. {_OF_FILES}")
        if isinstance(error, BadInput):
            continue  # an image that asks for all memory is to blame for that
        if isinstance(link, MemoryError) or _NO_MEMORY.search(str(link)):
            said = str(link).strip().splitlines()
            return RanOut(f"memory ran out{f' ({said[-1]})' if said else ''}. {_OF_MEMORY}")
    return error


def told_by(returncode: int | None, stderr: str, folder: Path) -> Exception | None:
    """What a script ran out of, or which of its workers died, by its end and the last errors that it has written.

    Args:
        returncode: Its exit code; None where it was stopped.
        stderr: What it has written there.
        folder: The run folder of its trial.

    Returns:
        The error that says what to do; None where nothing is known.
    """
    if returncode == 0:
        return None
    if returncode == -signal.SIGKILL:
        return ProcessDied(KILLED, was_killed=True)
    if returncode is not None and returncode < 0:
        name = signal.Signals(-returncode).name
        if -returncode in _FROM_OUTSIDE:
            return ProcessDied(f"{name} came from outside, as where a job's time is over", was_killed=True)
        return ProcessDied(f"{name} is a crash of the program or of a library; stderr may say more", was_killed=False)
    lines = stderr.splitlines()[-_LAST_LINES:]
    said = RuntimeError("\n".join(line for line in lines if line[:1].strip()))  # indented is what was called
    told = with_remedy(said, folder)
    if told is not said:
        return told
    return broke_off(lines)


def kind_of(error: Exception) -> FailureKind:
    """How a trial has failed that has raised an error."""
    if isinstance(error, BadInput):
        return "bad_input"
    for link in causes(error):
        if isinstance(link, ProcessDied):
            return "killed" if link.was_killed else "crash"
        if isinstance(link, TookTooLong):
            return "timeout"
    return "error"
