"""One trial from its first import to its record, phase by phase. Runs in the trial's own process."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.knobs.inference import InferenceKnobs
from workbench.knobs.knobs import Knobs
from workbench.knobs.measuring import DeviceKnobs, LoaderKnobs
from workbench.measure.timing.spans import Clock, monotonic_ns
from workbench.measure.trial.events import Event
from workbench.observer.clock import pauses
from workbench.records import Phase, Record
from workbench.records.run_folder import PROFILES
from workbench.units import NS_PER_S, format_duration

if TYPE_CHECKING:
    from workbench.measure.devices.device import Device
    from workbench.measure.inference.open_engine import RunningEngine
    from workbench.measure.loaders.indexed_batch import IndexedBatch
    from workbench.measure.loaders.loader import Loader
    from workbench.measure.profilers.choose import Profilers
    from workbench.measure.timing.channel import Channel
    from workbench.measure.timing.core_time import CoreWatch
    from workbench.measure.trial.loop import Loop
    from workbench.measure.trial.sample_recorder import SampleRecorder
    from workbench.measure.trial.stage_stats import LiveTotals
    from workbench.workload import Checked, CompilesOnce, Workload

#: Room for spans in each track (40 bytes each, taken only as it fills).
_SPANS_PER_TRACK = 1_000_000

#: Warm-up steps beyond those that empty the queue which the workers filled while the main process was starting up.
_EXTRA_WARMUP_STEPS = 2

#: The smaller batch at an epoch's end is warmed up too where that takes no more steps than this.
_MOST_WARMUP_STEPS = 100


#: Compiling that took no longer than this is only a look whether all is compiled.
_NOTABLE_NS = NS_PER_S // 10


class Trial:
    """Measures one set of knobs.

    Args:
        knobs: What is to be measured.
        folder: The run folder; spans and recorded samples are written there.
        started_ns: When the process was started, on the clock.
        on_event: Called with progress.
        clock: Reads the time.
        is_rank: Whether this is one of several processes that train together; the environment says which.

    Attributes:
        phase: What the trial is doing; where it fails, the record says so.
    """

    def __init__(
        self,
        knobs: Knobs,
        folder: Path,
        *,
        started_ns: int,
        on_event: Callable[[Event], None],
        clock: Clock = monotonic_ns,
        is_rank: bool = False,
    ) -> None:
        self.phase: Phase = "launch"
        self._knobs = knobs
        self._folder = folder
        self._started_ns = started_ns
        self._on_event = on_event
        self._clock = clock
        self._is_rank = is_rank
        self._began: dict[str, int] = {}
        self._pss: dict[str, int] = {}
        self._notes: list[str] = []
        self._profilers: Profilers | None = None
        self._live: LiveTotals | None = None

    def run(self) -> Record:
        """Do it.

        Returns:
            The record of a trial that ended well. What fails after the counted steps is a note in it.

        Raises:
            WorkbenchError: For what a user can put right.
            ProcessDied: When a loader worker is gone.
            Exception: Whatever else goes wrong before the counted steps are over.
        """
        try:
            return self._run()
        finally:
            from workbench.measure.timing.stages import knock_out

            knock_out(())  # nothing that runs in this process later is replayed

    def _run(self) -> Record:
        self._begin("imports")
        import torch

        from workbench.measure.devices.choose import make_device, resolve_device
        from workbench.measure.inference.open_engine import set_threads
        from workbench.measure.loaders.choose import open_loader
        from workbench.measure.loaders.loader import refuse_other_length
        from workbench.measure.profilers.choose import open_profilers
        from workbench.measure.profilers.profiler import ProfilerContext
        from workbench.measure.timing.core_time import CoreWatch
        from workbench.measure.timing.rank_clocks import offset_here
        from workbench.measure.timing.ranks import ALONE, Rank, join_ranks
        from workbench.measure.timing.stages import knock_out
        from workbench.measure.trial.finish import Measured, finish, stop_processes
        from workbench.registry import checked, make_workload
        from workbench.workload import Cached, CompilesOnce, LineFunctions, Placeholder

        knobs = self._knobs
        torch.manual_seed(knobs.seed)
        workload = make_workload(knobs)
        if isinstance(workload, CompilesOnce):
            self._compile(workload)
        placeholder = workload.placeholder if isinstance(workload, Placeholder) else None
        kind, note = resolve_device(knobs.device, placeholder is not None)
        if note:
            self._notes.append(note)
            self._on_event(Event(phase="imports", message=note))
        pin_memory = knobs.pin_memory and kind == "cuda"
        if knobs.pin_memory and not pin_memory:
            self._notes.append("pin_memory has no effect here: there is no CUDA device")
        knobs.changed(device=kind, pin_memory=pin_memory)  # raises where what `auto` is here does not go with the rest
        knock_out(knobs.knock_out)

        functions = workload.line_functions if isinstance(workload, LineFunctions) else ()
        profilers = open_profilers(ProfilerContext(knobs, self._folder / PROFILES, self._clock, functions))
        self._profilers = profilers
        profilers.start()

        self._begin("dataset")
        description = checked(workload, knobs.workload, lambda done, total: self._count("dataset", done, total))

        self._begin("cache")
        if isinstance(workload, Cached):
            workload.fill_cache(lambda done, total: self._count("cache", done, total))

        # Workers before the device: what it starts (a CUDA context, threads of libraries) must not be forked.
        self._begin("workers")
        rank = Rank.here() if self._is_rank else ALONE
        channel = self._open_channel(workload)
        loader = open_loader(
            workload,
            knobs.slice(LoaderKnobs),
            on_gpu=kind == "cuda",
            pin_memory=pin_memory,
            channel=channel,
            in_worker=profilers.in_worker(),
            rank=rank,
        )
        cores = CoreWatch(channel)
        try:
            if kind != "none":
                self._start_processes(workload, channel)
            refuse_other_length(description, getattr(loader, "num_samples", description.num_samples))
            loader.start()
            self._begin("model")
            if self._is_rank:
                join_ranks(kind, rank)
            set_threads(knobs.slice(InferenceKnobs), kind)
            device = make_device(knobs.slice(DeviceKnobs), placeholder)
            if kind != "none":
                workload.build(device)
            recorder = self._recorder(workload, description.num_samples)
            loop = self._loop(workload, loader, device, channel, cores, recorder)
            warmup_steps = self._warmup_steps(description.num_samples, loader, kind)
            self._began["first batch"] = self._clock()
            first = loop.peek()
            self._begin("engine")
            engine = None
            if kind in ("cpu", "cuda"):
                sizes = self._batch_sizes(description.num_samples, loader, warmup_steps)
                engine = self._engine(workload, first, sizes)
            self._begin("warmup")
            num_steps = knobs.num_steps or loader.steps_per_epoch
            rank_0_ahead = offset_here() if self._is_rank else None
            times = loop.run(num_steps=num_steps, warmup_steps=warmup_steps, engine=engine)
            engine_facts = None if engine is None else engine.facts(device.torch_device)
        except (RuntimeError, OSError, EOFError) as error:
            from workbench.measure.loaders.deaths import death_behind, explain_death

            cause = death_behind(error)
            stop_processes(workload)
            loader.close()
            told = explain_death(cause) or cause
            if told is error:
                raise  # from itself, it would hide what had led to it
            raise told from error
        except BaseException:
            stop_processes(workload)
            loader.close()
            raise
        measured = Measured(
            knobs=knobs,
            folder=self._folder,
            clock=self._clock,
            started_ns=self._started_ns,
            began=self._began,
            workload=workload,
            description=description,
            device=device,
            loader=loader,
            loop=loop,
            times=times,
            channel=channel,
            cores=cores,
            profilers=profilers,
            recorder=recorder,
            rank=rank,
            rank_0_ahead=rank_0_ahead,
            engine=engine_facts,
            notes=[*(engine.notes if engine is not None else ()), *self._notes],
            pss_bytes=self._pss,
        )
        return finish(measured, self._begin)

    def _compile(self, workload: CompilesOnce) -> None:
        """Have compiled what no later trial will have to, and begin to count anew."""
        began_ns = self._clock()
        workload.compile_ahead()
        took_ns = self._clock() - began_ns
        self._started_ns += took_ns
        if took_ns > _NOTABLE_NS:
            took = format_duration(took_ns / NS_PER_S)
            self._notes.append(f"code was compiled for {took}, once on this machine; start-up is counted without it")

    def _begin(self, phase: Phase) -> None:
        if phase in ("cache", "workers", "model", "engine", "warmup"):
            self._sample_memory(self.phase)
        self.phase = phase
        if self._profilers is not None:
            self._profilers.phase(phase)
        self._began[phase] = self._clock()
        self._on_event(Event(phase=phase))

    def _count(self, phase: Phase, done: int, total: int) -> None:
        self._on_event(Event(phase=phase, done=done, total=total))

    def _open_channel(self, workload: Workload) -> Channel | None:
        """What all lanes write their spans to; None where nothing is timed."""
        from workbench.measure.loaders.indexed_batch import become_receiver
        from workbench.measure.timing.channel import Channel
        from workbench.measure.timing.stages import Stages
        from workbench.measure.trial.stage_stats import LiveTotals
        from workbench.workload import UsesProcesses

        knobs = self._knobs
        if not knobs.stage_timing:
            return None
        channel = Channel.open(
            num_workers=knobs.num_workers,
            spans_per_process=_SPANS_PER_TRACK,
            clock=self._clock,
            delays_ms=knobs.slow_down,
            knocked_out=knobs.knock_out,
            num_helpers=workload.num_processes if isinstance(workload, UsesProcesses) else 0,
        )
        self._live = LiveTotals(channel)
        become_receiver(Stages(channel.receiver, self._clock), self._clock)
        return channel

    def _start_processes(self, workload: Workload, channel: Channel | None) -> None:
        """Start the processes that work on results, where the workload wants any."""
        from workbench.measure.trial.loop import timed_in_background
        from workbench.workload import UsesProcesses

        if not isinstance(workload, UsesProcesses) or not workload.num_processes:
            return
        tracks = [None] * workload.num_processes if channel is None else channel.helpers
        stages = [None if channel is None or track is None else channel.stages(track) for track in tracks]
        pids = workload.start_processes([timed_in_background(own) for own in stages])
        for track, pid in zip(tracks, pids, strict=True):
            if track is not None:
                track.pid = pid

    def _recorder(self, workload: Workload, num_samples: int) -> Checked | SampleRecorder | None:
        """What keeps the samples that arrive; None where two trials could not be compared by them."""
        from workbench.measure.trial.sample_recorder import SampleRecorder
        from workbench.workload import Checked

        if not self._knobs.checked_samples or self._knobs.shuffles or self._knobs.knock_out:
            return None
        return workload if isinstance(workload, Checked) else SampleRecorder(num_samples, self._knobs.checked_samples)

    def _loop(
        self,
        workload: Workload,
        loader: Loader,
        device: Device,
        channel: Channel | None,
        cores: CoreWatch,
        recorder: Checked | SampleRecorder | None,
    ) -> Loop:
        from workbench.measure.trial.loop import Loop
        from workbench.measure.trial.pace import Deadline

        return Loop(
            workload,
            loader,
            device,
            stages=None if channel is None else channel.stages(channel.main),
            background=None if channel is None else channel.stages(channel.background),
            clock=self._clock,
            on_event=self._follow,
            profilers=self._profilers,
            cores=cores,
            # Ranks do as many steps as each other: none of them ends before the others.
            deadline=None if self._is_rank or pauses else Deadline(self._started_ns, self._knobs.timeout_s),
            is_over=None if pauses is None else lambda: pauses.is_over,
            on_warm_up=(lambda batch: None) if recorder is None else lambda b: recorder.record(b, whole_only=True),
        )

    def _engine(self, workload: Workload, first: IndexedBatch, batch_sizes: list[int]) -> RunningEngine | None:
        """What runs the model: built, or found on disk; None where the workload keeps its model to itself."""
        from workbench.measure.inference.open_engine import RunningEngine, open_engine
        from workbench.workload import RunsEngines

        knobs = self._knobs.slice(InferenceKnobs)
        if self._knobs.mode == "train":
            return RunningEngine(knobs, None, None)
        if not isinstance(workload, RunsEngines):
            return None
        engine = open_engine(knobs, workload.inference_model(first), batch_sizes, self._clock)
        workload.use_engine(engine)
        return engine

    def _batch_sizes(self, num_samples: int, loader: Loader, warmup_steps: int) -> list[int]:
        """Sizes of the batches that will come, the usual one first; at an epoch's end is a smaller one."""
        knobs = self._knobs
        usual, rest = min(knobs.batch_size, num_samples), num_samples % knobs.batch_size
        last = loader.steps_per_epoch
        is_met = pauses is not None or (knobs.num_steps or last) + warmup_steps >= last
        return [usual, rest] if rest not in (0, usual) and is_met else [usual]

    def _follow(self, event: Event) -> None:
        if event.phase != self.phase and self._profilers is not None:
            self._profilers.phase(event.phase)
        self.phase = event.phase
        self._on_event(event if self._live is None else event.model_copy(update={"stages": self._live()}))

    def _sample_memory(self, phase: str) -> None:
        from workbench.measure.profilers.memory_over_time import tree_pss_bytes

        self._pss[phase] = tree_pss_bytes(os.getpid())

    def _warmup_steps(self, num_samples: int, loader: Loader, device: str) -> int:
        """Steps until the queue is as full as it stays; on CUDA until every size of batch has been seen, too.

        A new size makes libraries search for their fastest way anew, which is no part of a step that counts.
        """
        knobs = self._knobs
        if knobs.warmup_steps is not None:
            return knobs.warmup_steps
        steps = knobs.num_workers * knobs.prefetch_factor + _EXTRA_WARMUP_STEPS + self._is_rank
        last = loader.steps_per_epoch
        is_counted = (knobs.num_steps or last) + steps >= last
        if device == "cuda" and num_samples % knobs.batch_size and is_counted and steps < last:
            if last <= _MOST_WARMUP_STEPS:
                return last
            self._notes.append("the smaller batch at the epoch's end is counted without having been warmed up")
        return steps
