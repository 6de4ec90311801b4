"""One trial from its first import to its record, phase by phase. Runs in the trial's own process."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from workbench.knobs.knobs import Knobs
from workbench.knobs.measuring import DeviceKnobs, LoaderKnobs
from workbench.measure.timing.clock import Clock, monotonic_ns
from workbench.measure.trial.events import Event
from workbench.records import Isolated, Limits, Memory, Phase, Record, Score, Startup, Steady
from workbench.records.run_folder import PROFILES, SAMPLES, SPANS, writing
from workbench.units import NS_PER_S

if TYPE_CHECKING:
    from workbench.measure.devices.device import Device
    from workbench.measure.loaders.loader import Loader
    from workbench.measure.profilers.choose import Profilers
    from workbench.measure.timing.channel import Channel
    from workbench.measure.timing.core_time import CoreWatch
    from workbench.measure.timing.spans import TrackSpans
    from workbench.measure.trial.loop import Loop, LoopTimes
    from workbench.measure.trial.sample_recorder import SampleRecorder
    from workbench.measure.trial.stage_stats import LiveTotals
    from workbench.records import Description
    from workbench.workload import CacheState, Checked, Workload

Result = TypeVar("Result")

#: Room for spans in each track (40 bytes each, taken only as it fills).
_SPANS_PER_TRACK = 1_000_000

#: Warm-up steps beyond those that empty the queue which the workers filled while the main process was starting up.
_EXTRA_WARMUP_STEPS = 2

#: The smaller batch at an epoch's end is warmed up too where that takes no more steps than this.
_MOST_WARMUP_STEPS = 100


class Trial:
    """Measures one set of knobs.

    Args:
        knobs: What is to be measured.
        folder: The run folder; spans and recorded samples are written there.
        started_ns: When the process was started, on the clock.
        on_event: Called with progress.
        clock: Reads the time.

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
    ) -> None:
        self.phase: Phase = "launch"
        self._knobs = knobs
        self._folder = folder
        self._started_ns = started_ns
        self._on_event = on_event
        self._clock = clock
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
            LoaderDied: When a loader worker is gone.
            Exception: Whatever else goes wrong before the counted steps are over.
        """
        self._begin("imports")
        import torch

        from workbench.measure.devices.choose import make_device, resolve_device
        from workbench.measure.loaders.choose import open_loader
        from workbench.measure.profilers.choose import open_profilers
        from workbench.measure.profilers.profiler import ProfilerContext
        from workbench.measure.timing.core_time import CoreWatch
        from workbench.measure.timing.stages import knock_out
        from workbench.workload import Cached, LineFunctions, Placeholder, checked, make_workload

        knobs = self._knobs
        torch.manual_seed(knobs.seed)
        workload = make_workload(knobs)
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
        description = checked(workload, knobs.workload)

        self._begin("cache")
        if isinstance(workload, Cached):
            workload.fill_cache(lambda done, total: self._on_event(Event(phase="cache", done=done, total=total)))

        # Workers before the device: what it starts (a CUDA context, threads of libraries) must not be forked.
        self._begin("workers")
        channel = self._open_channel()
        loader = open_loader(
            workload,
            knobs.slice(LoaderKnobs),
            on_gpu=kind == "cuda",
            pin_memory=pin_memory,
            channel=channel,
            in_worker=profilers.in_worker(),
        )
        cores = CoreWatch(channel)
        try:
            loader.start()
            self._begin("model")
            device = make_device(knobs.slice(DeviceKnobs), placeholder)
            if kind != "none":
                workload.build(device)
            self._begin("warmup")
            recorder = self._recorder(workload, description.num_samples)
            loop = self._loop(workload, loader, device, channel, cores, recorder)
            warmup_steps = self._warmup_steps(description.num_samples, loader, kind)
            times = loop.run(num_steps=knobs.num_steps or loader.steps_per_epoch, warmup_steps=warmup_steps)
        except (RuntimeError, OSError) as error:
            self._close(loader)
            from workbench.measure.loaders.loader import explain_death

            raise explain_death(error) or error from error
        except BaseException:
            self._close(loader)
            raise
        return self._finish(workload, description, device, loader, loop, times, channel, cores, recorder)

    def _begin(self, phase: Phase) -> None:
        if phase in ("cache", "workers", "model", "warmup"):
            self._sample_memory(self.phase)
        self.phase = phase
        if self._profilers is not None:
            self._profilers.phase(phase)
        self._began[phase] = self._clock()
        self._on_event(Event(phase=phase))

    def _open_channel(self) -> Channel | None:
        """What all lanes write their spans to; None where nothing is timed."""
        from workbench.measure.loaders.indexed_batch import become_receiver
        from workbench.measure.timing.channel import Channel
        from workbench.measure.timing.stages import Stages
        from workbench.measure.trial.stage_stats import LiveTotals

        knobs = self._knobs
        if not knobs.stage_timing:
            return None
        channel = Channel.open(
            num_workers=knobs.num_workers,
            spans_per_process=_SPANS_PER_TRACK,
            clock=self._clock,
            delays_ms=knobs.slow_down,
            knocked_out=knobs.knock_out,
        )
        self._live = LiveTotals(channel)
        become_receiver(Stages(channel.receiver, self._clock), self._clock)
        return channel

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
            on_warm_up=(lambda batch: None) if recorder is None else lambda b: recorder.record(b, whole_only=True),
        )

    def _follow(self, event: Event) -> None:
        if event.phase != self.phase and self._profilers is not None:
            self._profilers.phase(event.phase)
        self.phase = event.phase
        self._on_event(event if self._live is None else event.model_copy(update={"stages": self._live()}))

    def _sample_memory(self, phase: str) -> None:
        from workbench.measure.profilers.memory import tree_pss_bytes

        self._pss[phase] = tree_pss_bytes(os.getpid())

    def _warmup_steps(self, num_samples: int, loader: Loader, device: str) -> int:
        """Steps until the queue is as full as it stays; on CUDA until every size of batch has been seen, too.

        A new size makes libraries search for their fastest way anew, which is no part of a step that counts.
        """
        knobs = self._knobs
        if knobs.warmup_steps is not None:
            return knobs.warmup_steps
        steps = knobs.num_workers * knobs.prefetch_factor + _EXTRA_WARMUP_STEPS
        last = loader.steps_per_epoch
        is_counted = (knobs.num_steps or last) + steps >= last
        if device == "cuda" and num_samples % knobs.batch_size and is_counted and steps < last:
            if last <= _MOST_WARMUP_STEPS:
                return last
            self._notes.append("the smaller batch at the epoch's end is counted without having been warmed up")
        return steps

    def _finish(
        self,
        workload: Workload,
        description: Description,
        device: Device,
        loader: Loader,
        loop: Loop,
        times: LoopTimes,
        channel: Channel | None,
        cores: CoreWatch,
        recorder: Checked | SampleRecorder | None,
    ) -> Record:
        """All that comes after the counted steps. Nothing of it may lose what was measured."""
        from workbench.measure.devices.device import NoDevice
        from workbench.measure.trial.environment import describe_environment
        from workbench.measure.trial.isolated import can_time_isolated, time_isolated
        from workbench.measure.trial.stage_stats import lane_stats, stage_stats
        from workbench.workload import Cached

        knobs = self._knobs
        with self._noting("stopping the profilers"):
            if self._profilers is not None:
                self._profilers.stop()
        self._begin("finish")
        with self._noting("reading the memory"):
            self._sample_memory("steady")
        cache: CacheState | None = None
        with self._noting("reading the cache's state"):
            cache = workload.cache_state() if isinstance(workload, Cached) else None
        if recorder is not None:
            with self._noting("recording samples"):
                loop.pass_on(recorder.record, times.num_steps)
        self._close(loader)
        tracks: list[TrackSpans] = []
        if channel is not None:
            channel.close_idle(times.end_ns)
            tracks = self._collect(channel, device)
        profiles = self._profiles(tracks)
        no_scores: dict[str, Score] = {}
        has_quality = not isinstance(device, NoDevice) and not knobs.knock_out
        quality = self._noted("quality", lambda: self._scores(workload), no_scores) if has_quality else no_scores
        description = self._noted("description", workload.check, description)
        if recorder is not None:
            with self._noting("writing the recorded samples"):
                self._write_samples(recorder)
        if knobs.knock_out:
            self._notes.append(f"knocked out: {', '.join(knobs.knock_out)}; samples and results are not valid")
        isolated = Isolated()
        if can_time_isolated(knobs):
            with self._noting("timing stages isolated"):
                isolated = time_isolated(workload, device, knobs, self._clock)
        device_memory = self._noted("device memory", device.memory, None)
        wall_s = (times.end_ns - times.begin_ns) / NS_PER_S
        return Record(
            run_id=self._folder.name,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            status="ok",
            knobs=knobs,
            item=workload.item,
            workload_stages=list(workload.stages),
            device=device.description,
            simulated=device.simulated,
            environment=self._noted("environment", describe_environment, None),
            description=description,
            startup=self._startup(times, has_cache=cache is not None),
            steady=Steady(
                begin_ns=times.begin_ns,
                end_ns=times.end_ns,
                num_steps=times.num_steps,
                num_samples=times.num_samples,
                num_epochs=times.num_samples / max(description.num_samples, 1),
                warmup_steps=times.warmup_steps,
                wall_s=wall_s,
                samples_per_s=times.num_samples / wall_s,
            ),
            batches=times.batches,
            limits=self._limits(workload, device),
            stages=stage_stats(tracks, times.begin_ns, times.end_ns),
            lanes=lane_stats(tracks, times.begin_ns, times.end_ns, cores),
            isolated=isolated,
            memory=Memory(
                peak_pss_bytes=max(self._pss.values(), default=None),
                pss_bytes_by_phase=self._pss,
                cache_bytes=cache.num_bytes if cache else None,
                cache_readings=cache.readings if cache else None,
                cache_was_filled=cache.was_filled if cache else False,
                peak_device_bytes=device_memory.allocator_bytes if device_memory else None,
                device_process_bytes=device_memory.process_bytes if device_memory else None,
            ),
            quality=quality,
            profiles=profiles,
            notes=self._notes,
            dropped_spans=channel.dropped if channel is not None else 0,
        )

    @contextmanager
    def _noting(self, what: str) -> Iterator[None]:
        """What fails in this block becomes a note."""
        try:
            yield
        except Exception as error:
            self._notes.append(f"{what} failed after the counted steps: {type(error).__name__}: {error}")

    def _noted(self, what: str, get: Callable[[], Result], otherwise: Result) -> Result:
        """What `get` gives; where it fails, a note and the other."""
        with self._noting(what):
            return get()
        return otherwise

    def _scores(self, workload: Workload) -> dict[str, Score]:
        """The figures of quality; one that a record cannot hold becomes a note."""
        scores = {}
        for name, score in workload.quality().items():
            if isinstance(score, Score) and math.isfinite(score.value):
                scores[name] = score
            else:
                value = score.value if isinstance(score, Score) else f"{score!r}, and no Score"
                self._notes.append(f"quality: '{name}' is left out, it is {value}")
        return scores

    def _close(self, loader: Loader) -> None:
        """Stop the workers; what goes wrong with that is a note."""
        self._notes += loader.close()

    def _collect(self, channel: Channel, device: Device) -> list[TrackSpans]:
        """The spans of all lanes, written to the run folder.

        Raises:
            BadInput: Where a knob names a stage that has not run.
        """
        from workbench.measure.trial.stage_stats import collect, refuse_unknown_stages, write_spans

        tracks = collect(channel, device)
        with self._noting("writing the spans"):
            write_spans(tracks, self._folder / SPANS)
        refuse_unknown_stages("slow_down", self._knobs.slow_down, tracks)
        refuse_unknown_stages("knock_out", self._knobs.knock_out, tracks)
        return tracks

    def _profiles(self, tracks: list[TrackSpans]) -> dict[str, str]:
        """Files of the profilers, relative to the run folder, by what they hold."""
        from workbench.measure.profilers.merged_trace import collect_profilers

        if self._profilers is None or not self._knobs.profilers:
            return {}
        with self._noting("collecting the profiles"):
            files, notes = collect_profilers(self._profilers, self._folder, tracks)
            self._notes += notes
            return files
        return {}

    def _limits(self, workload: Workload, device: Device) -> Limits:
        """How far the parts of this pipeline may run ahead of each other."""
        from workbench.measure.loaders.ring import slots_of
        from workbench.workload import AsyncSteps

        knobs = self._knobs
        per_worker = slots_of(knobs) if knobs.transport == "ring" else knobs.prefetch_factor
        return Limits(
            device_steps=device.steps_ahead,
            background_batches=workload.max_pending if isinstance(workload, AsyncSteps) else 0,
            loaded_batches=knobs.num_workers * per_worker,
        )

    def _startup(self, times: LoopTimes, *, has_cache: bool) -> Startup:
        """Start-up by phase. Workers load while the model is built; what is then left to wait for is theirs."""
        began = self._began
        first_batch_ns = min(times.first_batch_ns, times.begin_ns)
        total_s = self._seconds(self._started_ns, times.begin_ns)
        workers_s = self._seconds(began["workers"], began["model"]) + self._seconds(began["warmup"], first_batch_ns)
        parts = {
            "imports_s": self._seconds(self._started_ns, began["dataset"]),
            "dataset_s": self._seconds(began["dataset"], began["cache"]),
            "cache_fill_s": self._seconds(began["cache"], began["workers"]) if has_cache else None,
            "model_s": self._seconds(began["model"], began["warmup"]),
            "workers_s": workers_s,
            "warmup_s": self._seconds(first_batch_ns, times.begin_ns),
        }
        return Startup(**parts, other_s=total_s - sum(part or 0.0 for part in parts.values()), total_s=total_s)

    @staticmethod
    def _seconds(begin_ns: int, end_ns: int) -> float:
        return (end_ns - begin_ns) / NS_PER_S

    def _write_samples(self, recorder: Checked | SampleRecorder) -> None:
        import numpy as np

        arrays = recorder.recorded()
        if arrays is not None:
            with writing(self._folder / SAMPLES, partial=True):
                np.savez(self._folder / SAMPLES, **arrays)  # type: ignore[arg-type]
