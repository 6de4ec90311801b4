"""The measured loop: batches come in, steps are done, some are a warm-up, the others count."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from workbench.measure.devices.device import Device, NoDevice
from workbench.measure.inference.open_engine import RunningEngine
from workbench.measure.loaders.indexed_batch import IndexedBatch, take_received
from workbench.measure.loaders.loader import Loader
from workbench.measure.profilers.choose import OWN_STAGE, Profilers
from workbench.measure.timing.core_time import CoreWatch
from workbench.measure.timing.spans import Clock
from workbench.measure.timing.stages import Stages, untimed
from workbench.measure.trial.events import Event
from workbench.measure.trial.pace import Deadline, Pace
from workbench.records import Batches
from workbench.units import NS_PER_S
from workbench.workload import AsyncSteps, Timed, Timers, Workload

#: Progress is reported no more often than this, so that reporting it costs nothing.
_EVENT_INTERVAL_NS = NS_PER_S // 5


@dataclass
class _Seen:
    """What the batches of a trial were, in the order of their steps."""

    number: list[int] = field(default_factory=list)
    samples: list[int] = field(default_factory=list)
    num_bytes: list[int] = field(default_factory=list)
    end_ns: list[int] = field(default_factory=list)

    def add(self, batch: IndexedBatch) -> None:
        self.number.append(batch.number)
        self.samples.append(len(batch.samples))
        self.num_bytes.append(batch.num_bytes)


@dataclass(frozen=True)
class LoopTimes:
    """When what happened, on the clock of the loop, and how much of it there was.

    Attributes:
        first_batch_ns: The first batch was there.
        begin_ns: The steady part began: the warm-up was over and the device done with it.
        end_ns: The device was done with the last counted step.
        num_steps: Counted steps.
        asked_steps: Those that were to be counted: more where there was no time for all of them.
        step_s: About what a step takes; None where only one was done.
        num_samples: Samples in them.
        warmup_steps: Steps before.
        batches: All batches as they were.
        sample_numbers: Numbers of the counted samples, in the order of the steps.
    """

    first_batch_ns: int
    begin_ns: int
    end_ns: int
    num_steps: int
    asked_steps: int
    step_s: float | None
    num_samples: int
    warmup_steps: int
    batches: Batches
    sample_numbers: list[int]


class Loop:
    """Runs the steps of a trial.

    Args:
        workload: Does a step.
        loader: Gives the batches; when an epoch is over the next one begins.
        device: Where the steps run.
        stages: Where the main lane's spans go; None: nothing is timed but the whole.
        background: Where those of the workload's background thread go.
        clock: Reads the time.
        on_event: Called with progress.
        profilers: Called where the counted steps begin and where each of them ends; may mark the stages for themselves.
        cores: Called where the counted steps begin and end.
        on_warm_up: Called with each batch of the warm-up before its step, outside of what is measured.
        step_by_step: Nothing of a step may be left running when the next one begins.
        deadline: When whoever started the loop will stop it. Where that is near, it ends with fewer counted steps.
        is_over: Whether enough steps have been counted, asked before each of them; None: when their number says so.
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
        on_warm_up: Callable[[IndexedBatch], None] = lambda batch: None,
        step_by_step: bool = False,
        deadline: Deadline | None = None,
        is_over: Callable[[], bool] | None = None,
    ) -> None:
        self._is_over = is_over
        self._workload = workload
        self._loader = loader
        self._device = device
        self._stages = stages
        self._profilers = Profilers({}) if profilers is None else profilers
        self._cores = cores
        self._timed = self._profilers.marked(untimed if stages is None else stages)
        self._timers = Timers(self._timed, timed_in_background(background))
        self._clock = clock
        self._on_event = on_event
        self._on_warm_up = on_warm_up
        self._step_by_step = step_by_step
        self._deadline = deadline
        self._waited_ns = 0
        self._does_steps = not isinstance(device, NoDevice)
        self._first_batch_ns = 0
        self._last_event_ns = 0
        self._epoch_began_ns = 0
        self._peeked: IndexedBatch | None = None
        self._batches = self._endless()

    def peek(self) -> IndexedBatch:
        """The first batch, which stays the next one.

        Raises:
            RuntimeError: As `run`.
        """
        self._peeked = self._arrival()
        return self._peeked

    def run(self, *, num_steps: int, warmup_steps: int, engine: RunningEngine | None = None) -> LoopTimes:
        """Do the warm-up and the counted steps.

        Args:
            num_steps: Steps that count, where nobody else says when there are enough.
            warmup_steps: Steps before them.
            engine: Runs the model; called where the counted steps begin and end.

        Raises:
            RuntimeError: From torch, when a worker process is gone (see `loaders.deaths.explain_death`).
            WorkbenchError: What the data set raises.
        """
        seen = _Seen()
        pace = Pace(num_steps, warmup_steps, min(num_steps, self._loader.steps_per_epoch), self._deadline)
        for step in range(warmup_steps):
            batch = self._next(seen)
            self._on_warm_up(batch)
            self._step(batch, counted=False)
            self._report(pace, seen, Event(phase="warmup", done=step + 1, total=warmup_steps))
        self._flush()
        if engine is not None:
            engine.begin()
        self._profilers.steady()
        if self._cores is not None:
            self._cores.begin()
        begin_ns = self._clock()
        counted, sample_numbers = self._count(pace, num_steps, seen, begin_ns)
        end_ns = self._clock()
        self._loader.disarm()
        if self._cores is not None:
            self._cores.end()
        if engine is not None:
            engine.end()
        return LoopTimes(
            first_batch_ns=self._first_batch_ns,
            begin_ns=begin_ns,
            end_ns=end_ns,
            num_steps=counted,
            asked_steps=num_steps if self._is_over is None else min(num_steps, counted),
            step_s=pace.step_s,
            num_samples=len(sample_numbers),
            warmup_steps=warmup_steps,
            batches=Batches(number=seen.number, samples=seen.samples, num_bytes=seen.num_bytes, end_ns=seen.end_ns),
            sample_numbers=sample_numbers,
        )

    def _count(self, pace: Pace, num_steps: int, seen: _Seen, begin_ns: int) -> tuple[int, list[int]]:
        """The counted steps; the stack samples of the main process are those with this frame (`STEADY_FRAME`).

        Returns:
            How many were done in the time that there was, and the numbers of their samples.
        """
        counted, is_over = 0, self._is_over
        sample_numbers: list[int] = []
        while (counted < num_steps if is_over is None else not is_over()) and not pace.is_out_of_time:
            batch = self._next(seen)
            sample_numbers += batch.samples
            self._step(batch, counted=True)
            if self._profilers:
                with self._timed(OWN_STAGE):
                    self._profilers.step()
            counted += 1
            samples_per_s = len(sample_numbers) * NS_PER_S / max(self._clock() - begin_ns, 1)
            total = num_steps if is_over is None else None
            self._report(pace, seen, Event(phase="steady", done=counted, total=total, samples_per_s=samples_per_s))
        with self._timed("drain"):
            self._flush()
        return counted, sample_numbers

    def pass_on(self, to: Callable[[IndexedBatch], None], most_steps: int) -> None:
        """Hand on the batches that come next: an epoch of them, or `most_steps` if that is less. No step is done.

        The spans of this lie behind the counted steps.
        """
        coming = (batch for batch in self._batches if batch is not None)
        for batch in itertools.islice(coming, min(self._loader.steps_per_epoch, most_steps)):
            to(batch)
            batch.data = None

    def _endless(self) -> Iterator[IndexedBatch | None]:
        """The batches of one epoch after the other, with None where an epoch ends."""
        while True:
            with self._timed("epoch"):
                batches = self._loader.epoch()
            self._epoch_began_ns = self._clock()
            yield from batches
            yield None

    def _next(self, seen: _Seen) -> IndexedBatch:
        """The next batch."""
        batch = self._arrival() if self._peeked is None else self._peeked
        self._peeked = None
        if self._stages is not None:
            self._stages.batch = batch.number
        seen.add(batch)
        return batch

    def _arrival(self) -> IndexedBatch:
        """A batch from the loader; its waiting and receiving are timed."""
        stages = self._stages
        while True:
            begin = self._clock()
            batch = next(self._batches)
            end = self._clock()
            self._waited_ns += end - begin
            if stages is not None:
                stages.batch = -1
                # An epoch that began in that time has a span of its own.
                self._time_arrival(stages, max(begin, self._epoch_began_ns), end, ended=batch is None)
            if batch is not None:
                self._first_batch_ns = self._first_batch_ns or self._clock()
                return batch

    def _time_arrival(self, stages: Stages, begin: int, end: int, *, ended: bool) -> None:
        """Split the time in which the loop asked the loader: waiting, receiving batches, ending an epoch.

        What follows the last batch received in that time (asking for the next one) belongs to its receiving.
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

    def _step(self, batch: IndexedBatch, *, counted: bool) -> None:
        if self._does_steps:
            self._workload.step(batch, self._timers, counted=counted)
        if self._step_by_step and isinstance(self._workload, AsyncSteps):
            self._workload.flush()
        # Giving back the memory of a batch takes milliseconds: the kernel unmaps what came from a worker.
        with self._timed("release"):
            batch.data = None

    def _flush(self) -> None:
        """Wait for what the steps have left running."""
        if isinstance(self._workload, AsyncSteps):
            self._workload.flush()
        self._device.drain()

    def _report(self, pace: Pace, seen: _Seen, event: Event) -> None:
        """A step is done: tell the pace, and now and then whoever follows."""
        now = self._clock()
        seen.end_ns.append(now)
        pace.step(now, self._waited_ns)
        self._waited_ns = 0
        warning = pace.warning()
        if now - self._last_event_ns >= _EVENT_INTERVAL_NS or event.done == event.total or warning:
            self._last_event_ns = now
            with self._timed("progress"):
                left_s = None if event.total is None else pace.left_s
                self._on_event(event.model_copy(update={"left_s": left_s, "message": warning}))


def timed_in_background(stages: Stages | None) -> Callable[[str, int], Timed]:
    """What times the stages of one thread or process beside the loop, given the number of the batch."""

    def timed(name: str, batch: int) -> Timed:
        if stages is None:
            return untimed(name)
        stages.batch = batch
        return stages(name)

    return timed
