"""All that comes after the counted steps. Nothing of it may lose what was measured: what fails becomes a note."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import numpy as np

from workbench.knobs.knobs import Knobs
from workbench.measure.devices.device import Device, NoDevice
from workbench.measure.loaders.loader import Loader
from workbench.measure.loaders.ring import slots_of
from workbench.measure.profilers.choose import Profilers
from workbench.measure.profilers.memory_over_time import beyond_now_bytes, tree_pss_bytes
from workbench.measure.profilers.merged_trace import collect_profilers
from workbench.measure.timing.channel import Channel
from workbench.measure.timing.core_time import CoreWatch
from workbench.measure.timing.rank_clocks import Offset
from workbench.measure.timing.ranks import Rank, ready_on_all_ranks, with_waits
from workbench.measure.timing.spans import Clock, TrackSpans
from workbench.measure.trial.environment import describe_environment
from workbench.measure.trial.isolated import can_time_isolated, steps_isolated, time_isolated
from workbench.measure.trial.loop import Loop, LoopTimes
from workbench.measure.trial.pace import Deadline
from workbench.measure.trial.sample_recorder import SampleRecorder
from workbench.measure.trial.stage_stats import collect, lane_stats, refuse_unknown_stages, stage_stats, write_spans
from workbench.records import (
    Description,
    EngineFacts,
    Isolated,
    Limits,
    Memory,
    Phase,
    Record,
    Score,
    Startup,
    Steady,
    TrainingFacts,
)
from workbench.records.run_folder import SAMPLES, SPANS, writing
from workbench.units import NS_PER_S
from workbench.workload import AsyncSteps, Cached, CacheState, Checked, Trains, UsesModules, UsesProcesses, Workload

Result = TypeVar("Result")


@dataclass
class Measured:
    """A trial whose counted steps are over: what its record is made of.

    Attributes:
        knobs: What was measured.
        folder: The run folder.
        clock: The clock of the trial.
        started_ns: When its process was started.
        began: By phase: when it began.
        workload: Did the steps.
        description: What it said of its data set.
        device: Where they ran.
        loader: Gave the batches; its workers are still there.
        loop: Has more batches to give.
        times: When what happened.
        channel: The tracks of all lanes; None where nothing was timed.
        cores: What the scheduler has counted.
        profilers: Looked on.
        engine: What ran the model; None: none was handed over.
        rank: Which of several processes that train together this is.
        rank_0_ahead: How far rank 0's clock was ahead before the counted steps; None: it is the same.
        recorder: Keeps the samples that arrive; None where two trials could not be compared by them.
        notes: What a reader of the figures should know, so far.
        pss_bytes: Memory of the process tree by phase, so far.
        peak_tree_bytes: See `records.Memory`.
    """

    knobs: Knobs
    folder: Path
    clock: Clock
    started_ns: int
    began: Mapping[str, int]
    workload: Workload
    description: Description
    device: Device
    loader: Loader
    loop: Loop
    times: LoopTimes
    channel: Channel | None
    cores: CoreWatch
    profilers: Profilers
    recorder: Checked | SampleRecorder | None
    rank: Rank
    rank_0_ahead: Offset | None
    engine: EngineFacts | None
    notes: list[str]
    pss_bytes: dict[str, int]
    peak_tree_bytes: int | None = None


def finish(measured: Measured, begin: Callable[[Phase], None]) -> Record:
    """Stop everything, and make the record of a trial that ended well.

    Args:
        measured: The trial.
        begin: Called with the phases: `finish` where the profilers have been stopped, and `isolated`, which is the last
            one and has to have the machine for itself.

    Raises:
        BadInput: Where a knob names a stage that has not run.
    """
    return _Finish(measured).run(begin)


def stop_processes(workload: Workload) -> Sequence[str]:
    """End the processes that a workload has started, where it has; gives what went wrong, a sentence each."""
    return workload.stop_processes() if isinstance(workload, UsesProcesses) else []


class _Finish:
    def __init__(self, measured: Measured) -> None:
        self._of = measured

    def run(self, begin: Callable[[Phase], None]) -> Record:
        of, knobs, workload = self._of, self._of.knobs, self._of.workload
        with self._noting("stopping the profilers"):
            of.profilers.stop()
        begin("finish")
        with self._noting("reading the memory"):
            of.pss_bytes["steady"] = tree_pss_bytes(os.getpid())
            of.peak_tree_bytes = of.pss_bytes["steady"] + beyond_now_bytes()
        no_cache: CacheState | None = None
        read_cache = workload.cache_state if isinstance(workload, Cached) else lambda: no_cache
        cache = self._noted("reading the cache's state", read_cache, no_cache)
        if of.recorder is not None:
            with self._noting("recording samples"):
                of.loop.pass_on(of.recorder.record, of.times.asked_steps)
        of.notes += [*stop_processes(workload), *of.loader.close()]
        tracks = self._tracks()
        profiles = self._profiles(tracks)
        no_scores: dict[str, Score] = {}
        has_quality = not isinstance(of.device, NoDevice) and not knobs.knock_out
        quality = self._noted("quality", self._scores, no_scores) if has_quality else no_scores
        description = self._noted("description", workload.check, of.description)
        with self._noting("writing the recorded samples"):
            self._write_samples()
        if knobs.knock_out:
            of.notes.append(f"knocked out: {', '.join(knobs.knock_out)}; samples and results are not valid")
        if of.times.num_steps < of.times.asked_steps:
            steps = f"{of.times.num_steps} of {of.times.asked_steps} counted steps"
            of.notes.append(f"ended after {steps}: the next one would not have been over before timeout_s was")
        modules = workload.modules if isinstance(workload, UsesModules) else ()
        window = of.times.begin_ns, of.times.end_ns
        record = Record(
            run_id=of.folder.name,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            status="ok",
            knobs=knobs,
            item=workload.item,
            workload_stages=list(workload.stages),
            device=of.device.description,
            engine=of.engine,
            training=self._noted("training", self._training, None),
            simulated=of.device.simulated,
            environment=self._noted("environment", lambda: describe_environment(modules), None),
            description=description,
            startup=self._startup(has_cache=cache is not None),
            steady=self._steady(description),
            batches=of.times.batches,
            limits=self._limits(),
            stages=stage_stats(tracks, *window),
            lanes=lane_stats(tracks, *window, of.cores),
            isolated=Isolated(),
            memory=self._memory(cache),
            quality=quality,
            profiles=profiles,
            notes=of.notes,
            dropped_spans=of.channel.dropped if of.channel is not None else 0,
        )
        if of.rank.total > 1 or not can_time_isolated(knobs) or not self._has_time_for_isolated():
            return record.model_copy(update={"notes": of.notes})
        begin("isolated")
        isolated = record.isolated
        with self._noting("timing stages isolated"):
            isolated = time_isolated(workload, of.device, knobs, of.clock)
        return record.model_copy(update={"isolated": isolated, "notes": of.notes})

    def _has_time_for_isolated(self) -> bool:
        """Whether the batches that are made once more are over before the trial is stopped; else a note says so."""
        of = self._of
        left_s = Deadline(of.started_ns, of.knobs.timeout_s).left_s(of.clock())
        # One after the other, each takes as long as all workers together had for it.
        per_step_s = (of.times.step_s or 0.0) * max(of.knobs.num_workers, 1)
        if (steps_isolated(of.knobs) * per_step_s) < left_s:
            return True
        of.notes.append("no stage was timed isolated: it would not have been over before timeout_s was")
        return False

    @contextmanager
    def _noting(self, what: str) -> Iterator[None]:
        """What fails in this block becomes a note."""
        try:
            yield
        except Exception as error:
            self._of.notes.append(f"{what} failed after the counted steps: {type(error).__name__}: {error}")

    def _noted(self, what: str, get: Callable[[], Result], otherwise: Result) -> Result:
        """What `get` gives; where it fails, a note and the other."""
        with self._noting(what):
            return get()
        return otherwise

    def _scores(self) -> dict[str, Score]:
        """The figures of quality; one that a record cannot hold becomes a note."""
        scores = {}
        for name, score in self._of.workload.quality().items():
            if isinstance(score, Score) and math.isfinite(score.value):
                scores[name] = score
            else:
                value = score.value if isinstance(score, Score) else f"{score!r}, and no Score"
                self._of.notes.append(f"quality: '{name}' is left out, it is {value}")
        return scores

    def _training(self) -> TrainingFacts | None:
        workload = self._of.workload
        return workload.training_facts() if isinstance(workload, Trains) else None

    def _tracks(self) -> list[TrackSpans]:
        """The spans of all lanes, written to the run folder; none where nothing was timed.

        Raises:
            BadInput: Where a knob names a stage that has not run.
        """
        of = self._of
        if of.channel is None:
            return []
        of.channel.close_idle(of.times.end_ns)
        tracks = collect(of.channel, of.device)
        if of.rank.total > 1 and of.device.torch_device.type == "cpu":  # on CUDA the host does not wait for gradients
            ready_ns = ready_on_all_ranks(of.rank_0_ahead)
            tracks = [
                track if track.lane == "worker" else with_waits(track, ready_ns, of.rank.number) for track in tracks
            ]
        with self._noting("writing the spans"):
            write_spans(tracks, of.folder / SPANS)
        refuse_unknown_stages("slow_down", of.knobs.slow_down, tracks)
        refuse_unknown_stages("knock_out", of.knobs.knock_out, tracks)
        return tracks

    def _profiles(self, tracks: list[TrackSpans]) -> dict[str, str]:
        """Files of the profilers, relative to the run folder, by what they hold."""
        if not self._of.knobs.profilers:
            return {}
        with self._noting("collecting the profiles"):
            files, notes = collect_profilers(self._of.profilers, self._of.folder, tracks)
            self._of.notes += notes
            return files
        return {}

    def _write_samples(self) -> None:
        of = self._of
        trained = of.workload if of.knobs.mode == "train" and isinstance(of.workload, Checked) else None
        keeper = of.recorder or trained
        arrays = None if keeper is None else keeper.recorded()
        if arrays is not None:
            path = self._of.folder / SAMPLES
            with writing(path, partial=True):
                np.savez_compressed(path, **arrays)  # type: ignore[arg-type]

    def _steady(self, description: Description) -> Steady:
        times = self._of.times
        wall_s = _seconds(times.begin_ns, times.end_ns)
        counted = times.batches.number[times.warmup_steps :]
        repeats = getattr(self._of.loader, "repeats", {})  # of a part of the samples another rank has as well
        num_samples = times.num_samples - sum(repeats.get(number, 0) for number in counted)
        return Steady(
            begin_ns=times.begin_ns,
            end_ns=times.end_ns,
            num_steps=times.num_steps,
            num_samples=num_samples,
            num_epochs=num_samples / max(description.num_samples, 1),
            warmup_steps=times.warmup_steps,
            wall_s=wall_s,
            samples_per_s=num_samples / wall_s,
        )

    def _limits(self) -> Limits:
        """How far the parts of this pipeline may run ahead of each other."""
        knobs, workload = self._of.knobs, self._of.workload
        per_worker = slots_of(knobs) if knobs.transport == "ring" else knobs.prefetch_factor
        return Limits(
            device_steps=self._of.device.steps_ahead,
            background_batches=workload.max_pending if isinstance(workload, AsyncSteps) else 0,
            loaded_batches=knobs.num_workers * per_worker,
        )

    def _memory(self, cache: CacheState | None) -> Memory:
        of_device = self._noted("device memory", self._of.device.memory, None)
        return Memory(
            peak_pss_bytes=max(self._of.pss_bytes.values(), default=None),
            pss_bytes_by_phase=self._of.pss_bytes,
            peak_tree_bytes=self._of.peak_tree_bytes,
            cache_bytes=cache.num_bytes if cache else None,
            cache_readings=cache.readings if cache else None,
            cache_was_filled=cache.was_filled if cache else False,
            peak_device_bytes=of_device.allocator_bytes if of_device else None,
            device_process_bytes=of_device.process_bytes if of_device else None,
        )

    def _startup(self, *, has_cache: bool) -> Startup:
        """Start-up by phase. Workers load while the model is built; what is then left to wait for is theirs."""
        began, times, started_ns = self._of.began, self._of.times, self._of.started_ns
        total_s = _seconds(started_ns, times.begin_ns)
        parts = {
            "imports_s": _seconds(started_ns, began["dataset"]),
            "dataset_s": _seconds(began["dataset"], began["cache"]),
            "cache_fill_s": _seconds(began["cache"], began["workers"]) if has_cache else None,
            "model_s": _seconds(began["model"], began["first batch"]),
            "engine_s": _seconds(began["engine"], began["warmup"]) if self._of.engine else None,
            "workers_s": _seconds(began["workers"], began["model"]) + _seconds(began["first batch"], began["engine"]),
            "warmup_s": _seconds(began["warmup"], times.begin_ns),
        }
        return Startup(**parts, other_s=total_s - sum(part or 0.0 for part in parts.values()), total_s=total_s)


def _seconds(begin_ns: int, end_ns: int) -> float:
    return (end_ns - begin_ns) / NS_PER_S
