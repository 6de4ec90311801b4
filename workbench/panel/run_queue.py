"""What the panel has been asked to do, one at a time, in a thread: two trials at once would disturb each other.

A notebook's callbacks must not wait, and may come on different threads; so all of this is locked, and the work itself
never holds the lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from workbench.errors import WorkbenchError


@dataclass(eq=False)
class Job:
    """Something that takes time.

    Attributes:
        title: What it is, in a few words.
        work: Does it; ends soon after the event is set.
        on_error: Called with what went wrong, in words.
        cancel: Set when it is to end.
    """

    title: str
    work: Callable[[threading.Event], None]
    on_error: Callable[[str], None] = lambda message: None
    cancel: threading.Event = field(default_factory=threading.Event)


class RunQueue:
    """Does jobs in the order in which they came.

    Args:
        on_change: Called when a job begins, ends, or is added; from any thread.
    """

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        self._on_change = on_change
        self._lock = threading.Lock()
        self._waiting: list[Job] = []
        self._current: Job | None = None
        self._idle = threading.Event()
        self._idle.set()

    @property
    def current(self) -> Job | None:
        """The job that is being done."""
        return self._current

    @property
    def waiting(self) -> tuple[Job, ...]:
        """The jobs that wait, in their order."""
        with self._lock:
            return tuple(self._waiting)

    def add(self, job: Job) -> None:
        """Put a job at the end."""
        with self._lock:
            self._waiting.append(job)
            starts = self._idle.is_set()
            self._idle.clear()
        if starts:
            threading.Thread(target=self._work, name="run-queue", daemon=True).start()
        self._on_change()

    def cancel(self) -> None:
        """End the current job; the next one begins."""
        with self._lock:
            if self._current is not None:
                self._current.cancel.set()

    def clear(self) -> None:
        """Forget the jobs that wait."""
        with self._lock:
            self._waiting.clear()
        self._on_change()

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Whether there was nothing left to do within that time."""
        return self._idle.wait(timeout_s)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._current = None
                    self._idle.set()
                    break
                job = self._current = self._waiting.pop(0)
            self._on_change()
            try:
                job.work(job.cancel)
            except Exception as error:  # whatever it is: the queue goes on, and the person reads it
                job.on_error(in_words(error))
        self._on_change()


def in_words(error: Exception) -> str:
    """An error for a person: its message, with its kind where it is a bug."""
    return str(error) if isinstance(error, WorkbenchError) else f"{type(error).__name__}: {error}"


class Debounced:
    """Does the latest of what it was asked for, in a thread; what was asked in between is left out.

    Args:
        on_error: Called with what went wrong, in words.
    """

    def __init__(self, on_error: Callable[[str], None]) -> None:
        self._on_error = on_error
        self._lock = threading.Lock()
        self._next: Callable[[], None] | None = None
        self._idle = threading.Event()
        self._idle.set()

    def ask(self, work: Callable[[], None]) -> None:
        """Do this as soon as what is being done is through, unless something else is asked before."""
        with self._lock:
            self._next = work
            starts = self._idle.is_set()
            self._idle.clear()
        if starts:
            threading.Thread(target=self._work, name="debounced", daemon=True).start()

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Whether there was nothing left to do within that time."""
        return self._idle.wait(timeout_s)

    def _work(self) -> None:
        while True:
            with self._lock:
                work, self._next = self._next, None
                if work is None:
                    self._idle.set()
                    return
            try:
                work()
            except Exception as error:  # as in the queue
                self._on_error(in_words(error))
