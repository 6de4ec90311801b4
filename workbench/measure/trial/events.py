"""What a running trial says of itself: one JSON line an event."""

from __future__ import annotations

from typing import TextIO

from pydantic import BaseModel, ConfigDict

from workbench.records import Phase


class Event(BaseModel):
    """One line of progress.

    Attributes:
        phase: What the trial is doing.
        trial: Which of several trials it is, in words; empty where there is only one.
        done: How much of it is done, in samples (phases `cache`, `dataset`) or steps (`warmup`, `steady`).
        total: How much there is; None where the phase isn't counted.
        samples_per_s: Throughput so far; None outside the steady part.
        left_s: About how long warm-up and steady part will take from now on; None: not known.
        message: A line for the reader ("device=auto found no CUDA device and is the replay device").
        stages: Seconds by lane and stage since the event before; empty where no stage is timed.
    """

    model_config = ConfigDict(frozen=True)

    phase: Phase
    trial: str = ""
    done: int = 0
    total: int | None = None
    samples_per_s: float | None = None
    left_s: float | None = None
    message: str = ""
    stages: dict[str, dict[str, float]] = {}


class EventWriter:
    """Writes events as JSON lines, flushed one by one."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: Event) -> None:
        """Write one event."""
        self._stream.write(event.model_dump_json(exclude_defaults=True) + "\n")
        self._stream.flush()


def parse_event(line: str) -> Event | None:
    """The event of a line, or None where the line is none (a library printing to stdout, a line cut short)."""
    try:
        return Event.model_validate_json(line)
    except ValueError:
        return None
