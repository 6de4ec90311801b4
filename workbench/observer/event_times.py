"""When work on a stream began and ended, on the clock of the host, from events that nobody waits for.

Two facts make this more than a subtraction:

- `elapsed_time` is a float32 of milliseconds. Between events that are far apart it is coarse: steps of 8 µs after
  100 s, of 250 µs after an hour. So a duration is read between the two events of the work itself, and a position by a
  chain of references about a second apart, whose distances are summed in double precision.
- The clocks of host and device drift apart, by some 10 µs in every second. Anchors (an event, and a reading of the
  host's clock at the same moment) tie one to the other; between two anchors the drift is taken to be linear.

Events are read while the run goes on, a few with each piece of work and only those that are complete already, so that a
long run keeps neither millions of events nor waits for one.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

_NS_PER_MS = 1_000_000

#: A new reference is taken where the last one is further away than this: float32 then errs by 30 ns.
_REFERENCE_MS = 1000.0

#: Work whose events are left alone. Most of it is still running; asking would be in vain.
_MAX_UNREAD = 32

#: Pieces of work that are read with each new one: more than one, so that the rest gets shorter.
_READ_PER_WORK = 2

#: Readings for an anchor, which is the narrowest of them. An interrupt in one of them would shift it.
_READINGS_PER_ANCHOR = 3


#: A mark on a stream, as `torch.cuda.Event`: `record`, `query`, `synchronize`, `elapsed_time`.
Event = Any


class Anchor(NamedTuple):
    """A moment on both clocks.

    Attributes:
        device_ms: On the device's, counted from the first anchor.
        host_ns: On the host's: the middle of the time in which it was.
        error_ns: Half of that time: how far off `host_ns` can be.
    """

    device_ms: float
    host_ns: int
    error_ns: int


class EventTimes:
    """The times of all work on a stream.

    Args:
        new_event: Makes an event that can be timed.
        clock: Reads the host's time in nanoseconds.
    """

    def __init__(self, new_event: Callable[[], Event], clock: Callable[[], int]) -> None:
        self._new_event = new_event
        self._clock = clock
        self._unread: deque[tuple[str, int, Event, Event]] = deque()
        # Columns, a row a piece of work: an object each would be ten times as large.
        self._stages: list[str] = []
        self._batches = array("q")
        self._begin_ms = array("d")
        self._duration_ms = array("d")
        self._reference: Event | None = None
        self._reference_ms = 0.0
        self._anchors: list[Anchor] = []
        self._num_placed = 0
        self.anchor()

    @property
    def error_ns(self) -> int:
        """How far off a position can be, by what is known of the anchors."""
        return max(anchor.error_ns for anchor in self._anchors)

    def mark(self) -> Event:
        """An event at the end of what is now on the stream."""
        event = self._new_event()
        event.record()
        return event

    def add(self, stage: str, batch: int, begin: Event, end: Event) -> None:
        """Remember the work between two marks, and read some earlier work that is complete."""
        self._unread.append((stage, batch, begin, end))
        for _ in range(_READ_PER_WORK):
            if len(self._unread) <= _MAX_UNREAD or not self._unread[0][-1].query():
                break
            self._read_oldest()

    def anchor(self) -> None:
        """Read all that is left, and both clocks. The stream must be empty."""
        while self._unread:
            self._read_oldest()
        readings = []
        for _ in range(_READINGS_PER_ANCHOR):
            event = self.mark()  # it is created when it is first recorded, which takes longer
            before_ns = self._clock()
            event.record()
            event.synchronize()
            readings.append((self._clock() - before_ns, before_ns, event))
        width_ns, before_ns, event = min(readings, key=lambda reading: reading[0])
        at_ms = self._at_ms(event)
        self._anchors.append(Anchor(at_ms, before_ns + width_ns // 2, -(-width_ns // 2)))
        self._reference, self._reference_ms = event, at_ms
        self._num_placed = len(self._stages)

    def spans(self) -> Iterator[tuple[str, int, int, int]]:
        """The work that was done at the last anchor, in the order in which it was given: stage, begin, end, batch."""
        for place in range(self._num_placed):
            begin_ns = self._host_ns(self._begin_ms[place])
            end_ns = begin_ns + round(self._duration_ms[place] * _NS_PER_MS)
            yield self._stages[place], begin_ns, end_ns, self._batches[place]

    def _host_ns(self, at_ms: float) -> int:
        """A moment on the host's clock; linear between two anchors, and level beyond them."""
        anchors = self._anchors
        later = bisect_right([anchor.device_ms for anchor in anchors], at_ms)
        if later in (0, len(anchors)):
            return anchors[min(later, len(anchors) - 1)].host_ns
        before, after = anchors[later - 1], anchors[later]
        share = (at_ms - before.device_ms) / (after.device_ms - before.device_ms)
        return before.host_ns + round(share * (after.host_ns - before.host_ns))

    def _read_oldest(self) -> None:
        stage, batch, begin, end = self._unread.popleft()
        begin_ms = self._at_ms(begin)
        self._stages.append(stage)
        self._batches.append(batch)
        self._begin_ms.append(begin_ms)
        self._duration_ms.append(begin.elapsed_time(end))
        if begin_ms - self._reference_ms > _REFERENCE_MS:
            self._reference, self._reference_ms = begin, begin_ms

    def _at_ms(self, event: Event) -> float:
        return 0.0 if self._reference is None else self._reference_ms + self._reference.elapsed_time(event)
