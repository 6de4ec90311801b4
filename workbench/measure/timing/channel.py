"""The channel from loader workers to the main process: the tracks of all lanes, made before any worker starts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from workbench.measure.timing.spans import NONE, Clock, Track, monotonic_ns
from workbench.measure.timing.stages import Stages
from workbench.stages import Lane
from workbench.units import NS_PER_S


@dataclass(frozen=True)
class TrackOf:
    """Whose a track is.

    Attributes:
        lane: `worker` or `main`.
        process: The worker's number; 0 for the main process.
        background: Whether it is the track of a background thread, which runs beside the lane's own.
        track: The spans.
    """

    lane: Lane
    process: int
    background: bool
    track: Track


@dataclass
class Channel:
    """The tracks of a trial.

    Handed to the loader workers (inherited under fork, pickled under spawn), which write where the main process reads.

    Attributes:
        workers: One track for each loader worker; a single one where the main process loads the samples itself.
        senders: For each worker the track of the thread that sends its batches.
        main: The main process.
        receiver: The thread of the main process that receives and pins batches, where there is one.
        background: The thread of the main process that works on results beside the loop, where there is one.
        helpers: A track for each process that works on results.
        clock: Where all times come from.
        delays_ns: By stage: what each of its blocks is made to take longer, on purpose.
        knocked_out: Stages that are replayed from memory.
    """

    workers: list[Track]
    senders: list[Track]
    main: Track
    receiver: Track
    background: Track
    helpers: list[Track] = field(default_factory=list)
    clock: Clock = field(default=monotonic_ns)
    delays_ns: Mapping[str, int] = field(default_factory=dict)
    knocked_out: tuple[str, ...] = ()

    @classmethod
    def open(
        cls,
        *,
        num_workers: int,
        spans_per_process: int,
        clock: Clock = monotonic_ns,
        delays_ms: Mapping[str, float] | None = None,
        knocked_out: Iterable[str] = (),
        num_helpers: int = 0,
    ) -> Channel:
        """Make the tracks.

        Args:
            num_workers: As the DataLoader takes it: 0 means that the main process loads the samples.
            spans_per_process: Room in each track.
            clock: Must be the same in all processes, and picklable under spawn.
            delays_ms: By stage: what each of its blocks is made to take longer, on purpose.
            knocked_out: Stages that are replayed from memory.
            num_helpers: Processes that work on results.
        """
        lanes = max(num_workers, 1)
        return cls(
            workers=[Track(spans_per_process) for _ in range(lanes)],
            senders=[Track(spans_per_process) for _ in range(lanes)],
            main=Track(spans_per_process),
            receiver=Track(spans_per_process),
            background=Track(spans_per_process),
            helpers=[Track(spans_per_process) for _ in range(num_helpers)],
            clock=clock,
            delays_ns={name: int(ms * NS_PER_S / 1e3) for name, ms in (delays_ms or {}).items()},
            knocked_out=tuple(knocked_out),
        )

    def tracks(self) -> Iterator[TrackOf]:
        """All tracks with whose they are."""
        for number, track in enumerate(self.workers):
            yield TrackOf("worker", number, False, track)
        for number, track in enumerate(self.senders):
            yield TrackOf("worker", number, True, track)
        yield TrackOf("main", 0, False, self.main)
        yield TrackOf("main", 0, True, self.receiver)
        yield TrackOf("main", 0, True, self.background)
        for number, track in enumerate(self.helpers, start=1):
            yield TrackOf("main", number, True, track)

    def workers_are_started(self) -> None:
        """Called in the main process right before worker processes are started."""
        now = self.clock()
        for track in self.workers:
            track.started_ns = now

    def stages(self, track: Track) -> Stages:
        """What times the stages of a thread that writes to a track."""
        return Stages(track, self.clock, self.delays_ns)

    def worker_is_up(self, number: int) -> Stages:
        """Called first in worker `number`: accounts for the time until now and gives the worker's stages.

        The worker before it on this track, if there was one, was idle until the new one was asked to start.
        """
        track = self.workers[number]
        track.pid = os.getpid()
        stages = self.stages(track)
        now = self.clock()
        started = track.started_ns or now
        if track.idle_since_ns:
            stages.add("idle", track.idle_since_ns, started)
        stages.add("start", started, now)
        track.started_ns = 0
        track.idle_since_ns = now
        return stages

    def close_idle(self, until_ns: int) -> None:
        """Write down the waiting of those workers that are waiting still; it lasts at least until `until_ns`."""
        for track in self.workers:
            since = track.idle_since_ns
            if since and since < until_ns:
                track.add(track.number_of("idle"), since, until_ns, NONE, NONE)
                track.idle_since_ns = until_ns

    @property
    def dropped(self) -> int:
        """Spans that found no room, over all tracks."""
        return sum(entry.track.dropped for entry in self.tracks())
