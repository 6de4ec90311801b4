"""The measured loop: batches come in, steps are done, some are a warm-up, the others count."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from workbench.measure.devices.device import Device
from workbench.measure.loaders.indexed_batch import IndexedBatch, take_received
from workbench.measure.loaders.loader import Loader
from workbench.measure.profilers.choose import Profilers
from workbench.measure.timing.clock import Clock
from workbench.measure.timing.stages import Stages, Timed, untimed
from workbench.measure.trial.core_watch import CoreWatch
from workbench.measure.trial.events import Event
from workbench.units import NS_PER_S
from workbench.workload import Timers, Workload

#: Progress is told no more often than this, so that telling it costs nothing.
_EVENT_INTERVAL_NS = NS_PER_S // 5


@dataclass(frozen=True)
class LoopTimes:
    """When what happened, on the clock of the loop, and how much of it there was.

    Attributes:
        first_batch_ns: The first batch was there.
        begin_ns: The steady part began: the warm-up was over and the device through with it.
        end_ns: The device was through with the last counted step.
        num_steps: Counted steps.
        num_pages: Pages in them.
        warmup_steps: Steps before.
    """

    first_batch_ns: int
    begin_ns: int
    end_ns: int
    num_steps: int
    num_pages: int
    warmup_steps: int


class Loop:
    """Runs the steps of a trial.

    Args:
        workload: Does a step.
        loader: Gives the batches; when an epoch is over the next one begins.
        device: Where the steps run.
        stages: Where the main lane's spans go; None: nothing is timed but the whole.
        background: Where those of the workload's background thread go.
        clock: Reads the time.
        on_event: Told of progress.
        profilers: Told where the counted steps begin and where each of them ends; may mark the stages for themselves.
        cores: Told where the counted steps begin and end.
    """

    def __init__(
        self,
        workload: Workload,
        loader: Loader,
        device: Device,
        *,
        stages: Stages | None,
        background: Stages | None = None,
        clock: Clock,
        on_event: Callable[[Event], None],
        profilers: Profilers | None = None,
        cores: CoreWatch | None = None,
    ) -> None:
        self._workload = workload
        self._loader = loader
        self._device = device
        self._stages = stages
        self._profilers = Profilers({}) if profilers is None else profilers
        self._cores = cores
        self._timed = self._profilers.marked(untimed if stages is None else stages)
        self._timers = Timers(self._timed, _timed_in_background(background))
        self._clock = clock
        self._on_event = on_event
        self._last_event_ns = 0
        self._parcels = self._endless()

    def run(self, *, num_steps: int, warmup_steps: int) -> LoopTimes:
        """Do the warm-up and the counted steps.

        Raises:
            RuntimeError: From torch, when a worker process is gone (see `loaders.loader.explain_death`).
            WorkbenchError: What the data set raises.
        """
        parcels = self._parcels
        first_batch_ns = 0
        for step in range(warmup_steps):
            parcel = self._next(parcels)
            first_batch_ns = first_batch_ns or self._clock()
            self._step(parcel, counted=False)
            self._tell(Event(phase="warmup", done=step + 1, total=warmup_steps))
        self._workload.flush()
        self._device.drain()
        self._profilers.steady()
        if self._cores is not None:
            self._cores.begin()
        begin_ns = self._clock()
        num_pages = 0
        for step in range(num_steps):
            parcel = self._next(parcels)
            first_batch_ns = first_batch_ns or self._clock()
            self._step(parcel, counted=True)
            if self._profilers:
                with self._timed("profilers"):
                    self._profilers.step()
            num_pages += len(parcel.pages)
            samples_per_s = num_pages * NS_PER_S / max(self._clock() - begin_ns, 1)
            self._tell(Event(phase="steady", done=step + 1, total=num_steps, samples_per_s=samples_per_s))
        with self._timed("drain"):
            self._workload.flush()
            self._device.drain()
        end_ns = self._clock()
        if self._cores is not None:
            self._cores.end()
        return LoopTimes(first_batch_ns, begin_ns, end_ns, num_steps, num_pages, warmup_steps)

    def look(self, most_steps: int) -> None:
        """Let the workload look at the batches that come next: an epoch of them, or so many steps if that is less.

        Nothing of it is timed.
        """
        coming = (parcel for parcel in self._parcels if parcel is not None)
        for parcel in itertools.islice(coming, min(self._loader.steps_per_epoch, most_steps)):
            self._workload.look(parcel.batch, parcel.pages)
            parcel.batch = None

    def _endless(self) -> Iterator[IndexedBatch | None]:
        """The parcels of one epoch after the other, with None where an epoch ends."""
        while True:
            with self._timed("epoch"):
                parcels = self._loader.epoch()
            yield from parcels
            yield None

    def _next(self, parcels: Iterator[IndexedBatch | None]) -> IndexedBatch:
        """The next batch; its waiting and receiving are timed."""
        stages = self._stages
        while True:
            begin = self._clock()
            parcel = next(parcels)
            end = self._clock()
            if stages is not None:
                stages.batch = -1
                self._time_arrival(stages, begin, end, ended=parcel is None)
            if parcel is not None:
                if stages is not None:
                    stages.batch = parcel.number
                return parcel

    def _time_arrival(self, stages: Stages, begin: int, end: int, *, ended: bool) -> None:
        """Split the time in which the loop asked the loader: waiting, receiving batches, ending an epoch.

        What follows the last batch received in that time (ordering the next one) belongs to its receiving.
        """
        if ended:
            stages.add("epoch", begin, end)
            take_received()
            return
        received = take_received()
        at = begin
        for number, span in enumerate(received):
            stages.batch = span.batch
            if span.begin_ns > at:  # else: received while the epoch was being started
                stages.add("wait", at, span.begin_ns)
            at = end if number == len(received) - 1 else span.end_ns
            stages.add("receive", max(begin, span.begin_ns), at)
        if not received:
            stages.add("wait", begin, end)

    def _step(self, parcel: IndexedBatch, *, counted: bool) -> None:
        self._workload.step(parcel.batch, parcel.number, parcel.pages, self._timers, counted=counted)
        # Giving back the memory of a batch takes milliseconds: the kernel unmaps what came from a worker.
        with self._timed("release"):
            parcel.batch = None

    def _tell(self, event: Event) -> None:
        now = self._clock()
        if now - self._last_event_ns >= _EVENT_INTERVAL_NS or event.done == event.total:
            self._last_event_ns = now
            with self._timed("progress"):
                self._on_event(event)


def _timed_in_background(stages: Stages | None) -> Callable[[str, int], Timed]:
    def timed(name: str, batch: int) -> Timed:
        if stages is None:
            return untimed(name)
        stages.batch = batch
        return stages(name)

    return timed
