"""Progress as lines of text: readable in a log, and by the command, which makes a bar of them on a terminal."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from workbench.explain.words.items import item_of
from workbench.measure.trial.events import Event
from workbench.records import Record
from workbench.units import format_rate

_COUNTED = re.compile(r"\[ *(\d+)/(\d+)\] (.*)")


class ProgressLines:
    """Writes what trials report, a few lines each.

    Args:
        write: Takes a line.
        every_s: Seconds between two lines of the same phase; the first and the last one are always written.
        clock: Gives seconds.
    """

    def __init__(
        self,
        write: Callable[[str], None] = lambda line: print(line, flush=True),
        *,
        every_s: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._every_s = every_s
        self._clock = clock
        self._phase = ""
        self._written_s = 0.0

    def on_event(self, event: Event) -> None:
        """Tell of the trial that is running."""
        now = self._clock()
        new = event.phase != self._phase
        due = now - self._written_s >= self._every_s
        if not (new or due or event.message or event.done == event.total):
            return
        self._phase, self._written_s = event.phase, now
        rate = f", {format_rate(event.samples_per_s)}" if event.samples_per_s is not None else ""
        text = f"{event.phase}{rate}{': ' if event.message else ''}{event.message}"
        self._write(text if event.total is None else format_progress(event.done, event.total, text))

    def on_trial(self, done: int, total: int, variant: str, record: Record) -> None:
        """Tell of a trial that has ended."""
        if record.failure is not None:
            text = f"failed while in phase '{record.failure.phase}': {record.failure.message.splitlines()[0]}"
        else:
            text = format_rate(record.steady.samples_per_s if record.steady else None, item_of(record))
        self._write(format_progress(done, total, f"{variant}: {text}"))


def format_progress(done: int, total: int, text: str) -> str:
    """A line of counted progress: ``"[ 4/16] steady, 63.1 pages/s"``."""
    return f"[{done:{len(str(total))}}/{total}] {text}"


def parse_progress(line: str) -> tuple[int, int, str] | None:
    """Done, total and text of a line that `format_progress` made, else None."""
    match = _COUNTED.fullmatch(line)
    return (int(match[1]), int(match[2]), match[3]) if match else None
