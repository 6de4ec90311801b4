"""Progress as a value: a notebook writes it, a command follows it, and it becomes text where a person reads it.

A process that a command has started for itself finds the file for its progress in `WORKBENCH_EVENTS`: a JSON line each.
Without that variable a person reads what the process prints, and gets lines of text.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from workbench.measure.trial.events import Event
from workbench.records import Record
from workbench.units import format_rate
from workbench.visible import say

#: Names the file that progress is written to.
PROGRESS_FILE = "WORKBENCH_EVENTS"

_POLL_S = 0.1

#: Who waits for less than this needs no estimate of the end.
_LONG_S = 60.0


class Progress(BaseModel):
    """How far something has come.

    Attributes:
        what: What is being done: the phase of a trial, the variant whose trial has ended, "pages drawn".
        done: How much of it.
        total: How much there is; None where nobody counts.
        samples_per_s: Its throughput, where it has one.
        item: What one sample is called.
        left_s: About how long it will take yet; None: not known.
        message: What else there is to say.
        stays: Whether a person should still see it when more has come.
    """

    model_config = ConfigDict(frozen=True)

    what: str
    done: int = 0
    total: int | None = None
    samples_per_s: float | None = None
    item: str = "sample"
    left_s: float | None = None
    message: str = ""
    stays: bool = False

    @property
    def words(self) -> str:
        """All but the count: ``"steady, 63.1 samples/s, about 6 min left"``."""
        rate = f", {format_rate(self.samples_per_s, self.item)}" if self.samples_per_s is not None else ""
        left = f", about {self.left_s / 60:.0f} min left" if self.left_s is not None and self.left_s >= _LONG_S else ""
        return f"{self.what}{rate}{left}{': ' if self.message else ''}{self.message}"

    @property
    def line(self) -> str:
        """A line for a log: ``"[ 4/16] steady, 63.1 samples/s"``."""
        if self.total is None:
            return self.words
        return f"[{self.done:{len(str(self.total))}}/{self.total}] {self.words}"


def write_progress(progress: Progress) -> None:
    """Give progress to the command that follows this process; where there is none, print it."""
    path = os.environ.get(PROGRESS_FILE)
    if path is None:
        say(progress.line)
        return
    with Path(path).open("ab") as file:  # in one piece: the reader never sees half a line that another one cuts
        file.write(progress.model_dump_json(exclude_defaults=True).encode() + b"\n")


def counted_progress(what: str, write: Callable[[Progress], None] = write_progress) -> Callable[[int, int], None]:
    """A callback for something that is counted, in steps of any size; it gives on some twenty reports of it.

    Args:
        what: What is counted: ``"pages drawn"``.
        write: Takes progress.
    """
    told = -1

    def on_done(done: int, total: int) -> None:
        nonlocal told
        twentieth = 20 * done // max(total, 1)
        if done == total or twentieth != told:
            told = twentieth
            write(Progress(what=what, done=done, total=total))

    return on_done


@contextlib.contextmanager
def follow_progress(on_progress: Callable[[Progress], None]) -> Iterator[dict[str, str]]:
    """Follow another process.

    Args:
        on_progress: Gets what it writes, from a thread, until the block has ended.

    Yields:
        The variables of the environment that this process needs.
    """
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
        path = Path(folder) / "progress.jsonl"
        path.touch()
        ended = threading.Event()
        thread = threading.Thread(target=_read, args=(path, on_progress, ended), name="progress", daemon=True)
        thread.start()
        try:
            yield {PROGRESS_FILE: str(path)}
        finally:
            ended.set()
            thread.join()


def _read(path: Path, on_progress: Callable[[Progress], None], ended: threading.Event) -> None:
    begun = b""
    with path.open("rb") as file:
        while True:
            is_last = ended.is_set()  # asked before reading: all that was written until then is read
            *lines, begun = (begun + file.read()).split(b"\n")
            for line in lines:
                on_progress(Progress.model_validate_json(line))
            if is_last:
                return
            ended.wait(_POLL_S)


class ProgressWriter:
    """Writes what trials and comparisons report: every phase, and a counted one now and then.

    Args:
        write: Takes progress.
        item: What one sample is called.
        every_s: Seconds between two reports of the same phase; the first and the last are always written.
        clock: Gives seconds.
    """

    def __init__(
        self,
        write: Callable[[Progress], None] = write_progress,
        *,
        item: str = "sample",
        every_s: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._item = item
        self._every_s = every_s
        self._clock = clock
        self._phase = ""
        self._written_s = 0.0

    def on_event(self, event: Event) -> None:
        """Report on the trial that is running."""
        now = self._clock()
        phase = f"{event.trial}: {event.phase}" if event.trial else event.phase
        is_due = phase != self._phase or now - self._written_s >= self._every_s
        if not (is_due or event.message or event.done == event.total):
            return
        self._phase, self._written_s = phase, now
        self._write(
            Progress(
                what=phase,
                done=event.done,
                total=event.total,
                samples_per_s=event.samples_per_s,
                item=self._item,
                left_s=event.left_s,
                message=event.message,
                stays=bool(event.message),
            )
        )

    def on_trial(self, done: int, total: int, variant: str, record: Record) -> None:
        """Report on a trial of a comparison that has ended."""
        message = ""
        if record.failure is not None:
            reason = record.failure.message.splitlines()[0] if record.failure.message else record.failure.kind
            message = f"failed in phase '{record.failure.phase}': {reason}"
        rate = record.steady.samples_per_s if record.steady is not None else None
        self._write(
            Progress(what=variant, done=done, total=total, samples_per_s=rate, item=record.item, message=message)
        )

    def on_text(self, text: str) -> None:
        """Report something in words, to be seen until the end."""
        self._write(Progress(what=text, stays=True))
