"""What the failures of loader workers mean, in words to act on: torch says it in a traceback, wherever it comes up."""

from __future__ import annotations

import re
import signal
import time
import traceback
from collections.abc import Iterable
from pathlib import Path

from workbench.errors import CannotWrite, ProcessDied, WorkbenchError, causes
from workbench.measure.loaders.shared_memory import SharedMemoryFull, free_bytes, shared_memory_full

#: Why something was killed, most likely, and what to do.
KILLED = "the kernel kills when memory runs out: lower num_workers or batch_size, or take a smaller cache"

#: The file of torch's iterator, which knows its workers.
_TORCHS_LOADER = "dataloader.py"

#: A traceback that the death of a worker interrupts ends with ``object repr : RuntimeError('... Killed. ')``.
_DEATH = re.compile(r"DataLoader worker \(pid\(?s?\)? ([\d, ]+)\) ([^'\n]*)")

#: A segment that has no room: "unable to allocate shared memory(shm) for file </torch_7_12_0>: No space left on device
#: (28)", and, where memory is not reserved beforehand, "unable to write to file </torch_7_12_0>: No space ...".
_NO_ROOM = re.compile(r"unable to allocate shared memory|unable to [a-z ]+ (file|object) <\S+.*No space left")

#: A batch travels by file descriptors: "unable to open shared memory object </torch_7_12_0> in read-write mode: Too
#: many open files (24)", "Too many open files. Communication with ...", "received 0 items of ancillary data".
_NO_DESCRIPTORS = re.compile(
    r"unable to open shared memory object <.*Too many open files"
    r"|Too many open files\. Communication with"
    r"|received \d+ items of ancillary data"
)

#: Any other trouble with a segment.
_NO_SEGMENT = re.compile(r"unable to open shared memory object <.*")

#: What has no room, where it is named: a file's name stands behind the message.
_NO_SPACE = re.compile(r"No space left on device(?:: '([^'\n]+)')?")

#: What can be said where nobody knows how a worker ended; a crash would have been told on stderr.
_BROKE_OFF = f"a loader worker ended while it handed over a batch; {KILLED}"

#: The module that fetches the files of a batch, and what it raises where the worker is gone that has them.
_HANDED_OVER_BY = "resource_sharer.py"
_GONE = (EOFError, ConnectionError)

#: The last line of a traceback of those.
_GONE_IN_TEXT = re.compile(r"^(EOFError|Connection\w*Error|BrokenPipeError)\b")

#: torch raises the death of a worker from a signal handler, which may come this much later than what the death broke.
_LATE_S = 1.0

#: With less than this /dev/shm is full, if something that is not named has no room.
_NO_ROOM_BYTES = 1 << 20


def death_behind(error: Exception) -> Exception:
    """The death of a worker, where an error is no more than what it broke: a batch that was being handed over.

    The files of a process that is killed are closed before anybody learns of its end. To be called before anything is
    done that such a death would interrupt.

    Returns:
        What torch raises of the death; the error itself where there is no death behind it, or torch knows of none.
    """
    if not _broke_off(error):
        return error
    try:
        time.sleep(_LATE_S)
    except RuntimeError as death:
        return death
    return error


def explain_death(
    error: BaseException,
    *,
    num_workers: int | None = None,
    batch_bytes: int | None = None,
    free: int | None = None,
) -> WorkbenchError | None:
    """What torch says of a dead worker, or of one that could not hand over its batch, in words to act on.

    torch raises the death of a worker from a signal handler, so that it comes up wherever the main process happens to
    be; what a worker raised itself comes as a text with a traceback in it.

    Args:
        error: What was caught.
        num_workers: Loader workers of the trial, where known.
        batch_bytes: Size of a batch, where known.
        free: Free room in /dev/shm before the workers started; None: what is free now is named.

    Returns:
        The error to raise instead, a `ProcessDied` where a worker is gone; None for any other one.
    """
    chain = list(causes(error))
    known = next((link for link in chain if isinstance(link, SharedMemoryFull | ProcessDied)), None)
    if known is not None:
        return known
    texts = [str(link) for link in chain]
    together = "\n".join(texts)
    free_now = free_bytes()
    full = shared_memory_full(free=free_now if free is None else free, num_workers=num_workers, batch_bytes=batch_bytes)
    deaths = [found for text in texts if (found := _DEATH.search(text))]
    pids, how = deaths[-1].groups() if deaths else ("", "")  # the first that was raised knows most
    if "exited" in how:  # a batch was asked for before torch knew of the death
        how = _how_it_ended(chain, pids) or how
    worker = f"loader worker (pid {pids.strip()})"
    if "Bus error" in how:
        return ProcessDied(f"{worker} is killed by signal: Bus error. {full}", was_killed=False)
    if _NO_ROOM.search(together):
        return full
    if _NO_DESCRIPTORS.search(together):
        remedy = "Raise the limit (ulimit -n), or lower num_workers or prefetch_factor"
        said = f"too many open files: torch keeps one open for each tensor of a batch. {remedy}"
        return ProcessDied(said, was_killed=False)
    if found := _NO_SEGMENT.search(together):
        said = f"a loader worker could not hand over its batch: {found[0]}. num_workers=0 does without"
        return ProcessDied(said, was_killed=False)
    if found := _NO_SPACE.search(together):
        if found[1]:
            return full if found[1].startswith("/dev/shm/") else CannotWrite.full(found[1])
        if free_now is not None and free_now < _NO_ROOM_BYTES:
            return full
    if not deaths and any(map(_broke_off, chain)):
        return ProcessDied(_BROKE_OFF, was_killed=True)
    if not deaths:
        return None
    was_killed = "Killed" in how
    remedy = KILLED if was_killed else "the tail of stderr may say more"
    return ProcessDied(f"{worker} {how.strip().rstrip('.')}; {remedy}", was_killed=was_killed)


def broke_off(lines: Iterable[str]) -> ProcessDied | None:
    """The death of a worker that a traceback in text shows: it was gone when its batch was fetched.

    Args:
        lines: What a script has written to stderr.
    """
    calls = False
    for line in lines:
        if line[:1].strip():
            if calls and _GONE_IN_TEXT.match(line):
                return ProcessDied(_BROKE_OFF, was_killed=True)
            calls = False
        elif f'{_HANDED_OVER_BY}"' in line:
            calls = True
    return None


def _how_it_ended(chain: Iterable[BaseException], pids: str) -> str | None:
    """How a worker was ended by a signal, which its iterator knows, in torch's words; None where nobody knows."""
    for link in chain:
        for frame, _ in traceback.walk_tb(link.__traceback__):
            if Path(frame.f_code.co_filename).name != _TORCHS_LOADER:
                continue
            for worker in getattr(frame.f_locals.get("self"), "_workers", ()):
                if str(getattr(worker, "pid", "")) in pids.split(", ") and (worker.exitcode or 0) < 0:
                    return f"is killed by signal: {signal.strsignal(-worker.exitcode)}"
    return None


def _broke_off(error: BaseException) -> bool:
    """Whether a worker was gone when this process asked it for the files of a batch."""
    frames = traceback.walk_tb(error.__traceback__)
    is_gone = isinstance(error, _GONE)
    return is_gone and any(Path(frame.f_code.co_filename).name == _HANDED_OVER_BY for frame, _ in frames)
