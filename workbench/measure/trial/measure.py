"""One trial from its first import to its record, phase by phase. Runs in the trial's own process."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.knobs.knobs import Knobs
from workbench.measure.timing.clock import Clock, monotonic_ns
from workbench.measure.trial.events import Event
from workbench.records import Environment, Memory, Phase, Record, Startup, Steady
from workbench.records.run_folder import PAGES, PROFILES, SPANS
from workbench.units import NS_PER_S

if TYPE_CHECKING:
    from workbench.measure.devices.device import Device
    from workbench.measure.profilers.choose import Profilers
    from workbench.measure.timing.channel import Channel
    from workbench.measure.trial.core_watch import CoreWatch
    from workbench.measure.trial.live_totals import LiveTotals
    from workbench.measure.trial.loop import LoopTimes
    from workbench.workload import Workload

#: Room for spans in each track (40 bytes each, taken only as it fills).
_SPANS_PER_TRACK = 1_000_000

#: Warm-up steps beyond those that empty the queue which the workers filled while the main process was starting up.
_EXTRA_WARMUP_STEPS = 2


class Trial:
    """Measures one set of knobs.

    Args:
        knobs: What is to be measured.
        folder: The run folder; spans and sample pages are written there.
        started_ns: When the process was started, on the clock.
        on_event: Told of progress.
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
        self._began: dict[Phase, int] = {}
        self._pss: dict[str, int] = {}
        self._notes: list[str] = []
        self._profilers: Profilers | None = None
        self._live: LiveTotals | None = None

    def run(self) -> Record:
        """Do it.

        Returns:
            The record of a trial that ended well.

        Raises:
            WorkbenchError: For what a user can put right.
            LoaderDied: When a loader worker is gone.
            Exception: Whatever else goes wrong.
        """
        self._begin("imports")
        import torch

        from workbench.measure.devices.choose import make_device, resolve_device
        from workbench.measure.loaders.choose import open_loader
        from workbench.measure.loaders.indexed_batch import become_receiver
        from workbench.measure.loaders.loader import explain_death
        from workbench.measure.profilers.choose import open_profilers
        from workbench.measure.profilers.profiler import ProfilerContext
        from workbench.measure.timing.channel import Channel
        from workbench.measure.timing.stages import Stages
        from workbench.measure.trial.core_watch import CoreWatch
        from workbench.measure.trial.environment import describe_environment
        from workbench.measure.trial.live_totals import LiveTotals
        from workbench.measure.trial.loop import Loop
        from workbench.workloads.ocr.workload import OcrWorkload

        knobs = self._knobs
        kind, note = resolve_device(knobs)
        if note:
            self._notes.append(note)
            self._on_event(Event(phase="imports", message=note))
        # What `auto` came to may not go together with the others. (Pinning is then left out, with a note.)
        knobs.changed(device=kind, pin_memory=knobs.pin_memory and kind == "cuda")
        torch.manual_seed(knobs.seed)

        profilers = open_profilers(ProfilerContext(knobs, self._folder / PROFILES, self._clock, OcrWorkload.LINE_FUNCTIONS))
        self._profilers = profilers
        profilers.start()

        self._begin("dataset")
        workload: Workload = OcrWorkload(knobs)
        workload.open()

        self._begin("cache")
        workload.fill_cache(self._tell_filling)

        self._begin("model")
        device = make_device(knobs)
        workload.build(device)

        self._begin("workers")
        channel: Channel | None = None
        stages: Stages | None = None
        if knobs.stage_timing:
            channel = Channel.open(
                num_workers=knobs.num_workers,
                spans_per_process=_SPANS_PER_TRACK,
                clock=self._clock,
                delays_ns={name: int(ms * NS_PER_S / 1e3) for name, ms in knobs.delays_ms.items()},
            )
            self._live = LiveTotals(channel)
            stages = Stages(channel.main, self._clock, channel.delays_ns)
            become_receiver(Stages(channel.receiver, self._clock), self._clock)
        pin_memory = knobs.pin_memory and kind == "cuda"
        if knobs.pin_memory and not pin_memory:
            self._notes.append("pin_memory has no effect here: there is no CUDA device")
        in_worker = profilers.in_worker()
        loader = open_loader(workload, knobs, pin_memory=pin_memory, channel=channel, in_worker=in_worker)
        cores = CoreWatch(channel)
        try:
            background = None if channel is None else Stages(channel.background, self._clock, channel.delays_ns)
            loop = Loop(
                workload,
                loader,
                device,
                stages=stages,
                background=background,
                clock=self._clock,
                on_event=self._follow,
                profilers=profilers,
                cores=cores,
            )
            times = loop.run(
                num_steps=knobs.num_steps or loader.steps_per_epoch,
                warmup_steps=self._warmup_steps() if knobs.warmup_steps is None else knobs.warmup_steps,
            )
            profilers.stop()
            self._begin("finish")
            self._sample_memory("steady")
            if knobs.checked_samples:
                loop.look(times.num_steps)
        except RuntimeError as error:
            raise explain_death(error) or error from error
        finally:
            loader.close()
        return self._record(workload, times, channel, device, cores, describe_environment())

    def _begin(self, phase: Phase) -> None:
        if phase in ("cache", "model", "workers"):
            self._sample_memory(self.phase)
        self.phase = phase
        if self._profilers is not None:
            self._profilers.phase(phase)
        self._began[phase] = self._clock()
        self._on_event(Event(phase=phase))

    def _tell_filling(self, done: int, total: int) -> None:
        self._on_event(Event(phase="cache", done=done, total=total))

    def _follow(self, event: Event) -> None:
        if event.phase != self.phase and self._profilers is not None:
            self._profilers.phase(event.phase)
        self.phase = event.phase
        self._on_event(event if self._live is None else event.model_copy(update={"stages": self._live()}))

    def _sample_memory(self, phase: str) -> None:
        import os

        from workbench.measure.profilers.memory import tree_pss_bytes

        self._pss[phase] = tree_pss_bytes(os.getpid())

    def _warmup_steps(self) -> int:
        return self._knobs.num_workers * self._knobs.prefetch_factor + _EXTRA_WARMUP_STEPS

    def _record(
        self,
        workload: Workload,
        times: LoopTimes,
        channel: Channel | None,
        device: Device,
        cores: CoreWatch,
        environment: Environment,
    ) -> Record:
        from workbench.measure.trial.isolated import can_time_isolated, time_isolated
        from workbench.measure.trial.profiler_files import collect_profilers
        from workbench.measure.trial.stage_stats import (
            closure,
            collect,
            lane_stats,
            refuse_unknown_stages,
            stage_stats,
            write_spans,
        )

        steady = (times.begin_ns, times.end_ns)
        tracks = []
        if channel is not None:
            channel.close_idle(times.end_ns)
            tracks = collect(channel, device)
            write_spans(tracks, self._folder / SPANS)
            refuse_unknown_stages("slow_down", self._knobs.delays_ms, tracks)
            refuse_unknown_stages("knock_out", self._knobs.knocked_out, tracks)
        profiles: dict[str, str] = {}
        if self._profilers is not None and self._knobs.profilers:
            profiles, notes = collect_profilers(self._profilers, self._folder, tracks)
            self._notes += notes
        lanes = lane_stats(tracks, *steady, cores)
        pages = workload.page_counts()
        cache = workload.cache_state()
        quality = workload.quality()
        self._write_parity_sample(workload)
        if self._knobs.knock_out:
            self._notes.append(f"knocked out: {self._knobs.knock_out}; pages, targets and detections are not valid")
        alone = time_isolated(workload, device, self._knobs, self._clock) if can_time_isolated(self._knobs) else []
        wall_s = (times.end_ns - times.begin_ns) / NS_PER_S
        return Record(
            run_id=self._folder.name,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            status="ok",
            knobs=self._knobs,
            device=device.description,
            simulated=device.simulated,
            environment=environment,
            pages=pages,
            startup=self._startup(times, has_cache=cache is not None),
            steady=Steady(
                num_steps=times.num_steps,
                num_pages=times.num_pages,
                num_epochs=times.num_pages / pages.num_pages,
                warmup_steps=times.warmup_steps,
                wall_s=wall_s,
                samples_per_s=times.num_pages / wall_s,
            ),
            stages=stage_stats(tracks, *steady),
            lanes=lanes,
            isolated=alone,
            closure=closure(lanes),
            memory=Memory(
                peak_pss_bytes=max(self._pss.values()),
                pss_bytes_by_phase=self._pss,
                cache_bytes=cache.num_bytes if cache else None,
                cache_readings=cache.readings if cache else None,
                cache_was_filled=cache.was_filled if cache else False,
                peak_device_bytes=device.peak_bytes(),
            ),
            quality=quality,
            profiles=profiles,
            notes=self._notes,
            dropped_spans=channel.dropped if channel is not None else 0,
        )

    def _startup(self, times: LoopTimes, *, has_cache: bool) -> Startup:
        began = self._began
        first_batch_ns = min(times.first_batch_ns, times.begin_ns)
        total_s = self._seconds(self._started_ns, times.begin_ns)
        parts = {
            "imports_s": self._seconds(self._started_ns, began["dataset"]),
            "dataset_s": self._seconds(began["dataset"], began["cache"]),
            "cache_fill_s": self._seconds(began["cache"], began["model"]) if has_cache else None,
            "model_s": self._seconds(began["model"], began["workers"]),
            "workers_s": self._seconds(began["workers"], first_batch_ns),
            "warmup_s": self._seconds(first_batch_ns, times.begin_ns),
        }
        return Startup(**parts, other_s=total_s - sum(part or 0.0 for part in parts.values()), total_s=total_s)

    @staticmethod
    def _seconds(begin_ns: int, end_ns: int) -> float:
        return (end_ns - begin_ns) / NS_PER_S

    def _write_parity_sample(self, workload: Workload) -> None:
        import numpy as np

        sample = workload.parity_sample(self._knobs.checked_samples)
        if sample is not None:
            np.savez(self._folder / PAGES, **sample)  # type: ignore[arg-type]
