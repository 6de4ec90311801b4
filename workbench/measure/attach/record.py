"""From what was seen of a script to its record."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from workbench.errors import WorkbenchError
from workbench.knobs.observed import ObservedKnobs
from workbench.measure.attach.images import image_kinds
from workbench.measure.attach.lanes import (
    catalogue_of,
    stage_stats,
    tracks_of,
    with_core_time,
)
from workbench.measure.attach.notes import cost_notes, notes_of
from workbench.measure.attach.script import Ended, script_of, worker_threads
from workbench.measure.attach.seen import Fact, ProcessSeen, Seen, rank_of
from workbench.measure.attach.window import Loop, TooFewSteps, Window, loop_of, window_of
from workbench.measure.profilers.choose import Profilers
from workbench.measure.profilers.merged_trace import collect_profilers
from workbench.measure.timing.spans import TrackSpans
from workbench.measure.trial.control_group import cores_by_quota, usable_memory
from workbench.measure.trial.environment import cpu_name
from workbench.measure.trial.remedies import TookTooLong, kind_of, told_by
from workbench.measure.trial.stage_stats import lane_stats, write_spans
from workbench.observer.clock import pauses
from workbench.records import (
    Batches,
    Count,
    Description,
    Environment,
    Failure,
    FailureKind,
    Isolated,
    Limits,
    Memory,
    Record,
    Startup,
    Steady,
)
from workbench.records.run_folder import SPANS, STDERR
from workbench.units import NS_PER_S, counted, format_duration


class NothingCounted(WorkbenchError):
    """There is nothing to make a record of."""


def make_record(
    knobs: ObservedKnobs, folder: Path, seen: Seen, ended: Ended, profilers: Profilers | None = None
) -> Record:
    """The record of a script.

    Args:
        knobs: What was asked for.
        folder: The run folder; spans are written there.
        seen: What the observer has left.
        ended: How the command has ended.
        profilers: What has looked on besides; None: nothing.

    Raises:
        NothingCounted: Where no step could be counted, with the reason.
    """
    stderr = _stderr(folder)
    told = told_by(ended.returncode, stderr, folder)
    loops = _loops(knobs, seen, ended, told)
    loop = loops[0]
    windows = [_window(one, knobs) for one in loops]
    window = windows[0]
    tracks = tracks_of(seen, loop, window)
    write_spans(tracks, folder / SPANS)
    for number, (other, its) in enumerate(zip(loops, windows, strict=True)):
        if number:
            (folder / f"rank-{rank_of(other.process)}").mkdir(exist_ok=True)
            write_spans(tracks_of(seen, other, its), folder / f"rank-{rank_of(other.process)}" / SPANS)
    files, found = collect_profilers(profilers, folder, tracks) if profilers else ({}, [])
    bounds = window.begin_ns, window.end_ns
    surroundings = loop.process.last("environment") or {}
    failure = _failure(loop, window, knobs, ended, told, has_stderr=bool(stderr))
    in_force = _in_force(knobs, loop, surroundings, worker_threads(seen, loop))
    peak = max(ended.pss_bytes.values(), default=None)
    return Record(
        run_id=folder.name,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        status="failed" if failure else "ok",
        failure=failure,
        knobs=in_force,
        asked=knobs.asked(),
        item="sample",
        workload_stages=catalogue_of(tracks, loop.loader["collate"]),
        device=_device_kind(surroundings),
        environment=_environment(loop.process, surroundings),
        description=_description(loop),
        startup=_startup(loop, window, ended),
        steady=_steady(loop, window),
        batches=_batches(loop),
        limits=_limits(loop.loader, surroundings),
        stages=stage_stats(tracks, *bounds),
        lanes=with_core_time(lane_stats(tracks, *bounds), seen, loop, window),
        isolated=_isolated(loop),
        memory=Memory(
            peak_pss_bytes=peak + (ended.cache_bytes or 0) if peak is not None else None,
            cache_bytes=ended.cache_bytes,
            pss_bytes_by_phase=ended.pss_bytes,
            peak_device_bytes=(loop.process.last("device memory") or {}).get("allocator_bytes"),
        ),
        images=image_kinds(seen, loop, tracks),
        script=script_of(knobs, seen, loops, windows, ended),
        notes=[*notes_of(knobs, in_force, seen, loops, window, ended), *cost_notes(loop, window, tracks), *found],
        profiles=files,
        dropped_spans=sum(dropped for *_, dropped in loop.process.lanes("main")),
    )


def _window(loop: Loop, knobs: ObservedKnobs) -> Window:
    num_steps = knobs.num_steps if pauses is None else loop.num_steps  # all, of a script that takes turns
    return window_of(loop, num_steps=num_steps, warmup_steps=knobs.warmup_steps, fills=knobs.fills_cache)


def _loops(knobs: ObservedKnobs, seen: Seen, ended: Ended, told: Exception | None) -> list[Loop]:
    """The loops of all ranks, that of the lowest rank first."""
    processes = seen.loops
    if not processes:
        raise NothingCounted(_with_told(_why_no_loader(seen, ended), told)) from told
    trained = [process for process in processes if process.first("training")] or processes
    loops, fewest = [], 0
    for process in trained:
        try:
            loop = loop_of(process)
            _window(loop, knobs)
            loops.append(loop)
        except TooFewSteps as few:
            fewest = max(fewest, few.steps)
    if not loops:
        steps = counted(fewest, "step")
        if ended.returncode is None:
            how = f"the loop was stopped after {steps}, for timeout_s = {format_duration(knobs.timeout_s)} was over"
            told = told or TookTooLong("Raise timeout_s")
            raise NothingCounted(f"{how}: {told}") from told
        remedy = "at least 2 are needed to tell a step from the next one; raise the script's own limit of steps"
        raise NothingCounted(f"the loop ended after {steps} ({ended.how}): {told or remedy}") from told
    return loops


def _failure(
    loop: Loop, window: Window, knobs: ObservedKnobs, ended: Ended, told: Exception | None, *, has_stderr: bool
) -> Failure | None:
    """What went wrong in the script while its steps were counted; what was measured until then is kept."""
    if not ended.returncode or window.num_steps >= knobs.num_steps:
        return None
    batches = f"{loop.num_given} batch{'es' if loop.num_given != 1 else ''}"
    steps = f"after {batches}, of whose steps {window.num_steps} were counted"
    if ended.returncode < 0:
        message = f"the script was ended by {ended.how} {steps}"
    else:
        message = f"the script failed ({ended.how}) {steps}{'; see stderr below' if has_stderr else ''}"
    kind: FailureKind = "error" if told is None else kind_of(told)
    return Failure(kind=kind, phase="steady", message=_with_told(message, told))


def _with_told(message: str, told: Exception | None) -> str:
    return message if told is None else f"{message}: {told}"


def _stderr(folder: Path) -> str:
    try:
        return (folder / STDERR).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _why_no_loader(seen: Seen, ended: Ended) -> str:
    faults = [fact["error"] for _, fact in seen.of("fault")]
    if faults:
        return f"the observer took itself away before anything was counted: {faults[0]}. Please report this"
    if not seen.processes and (ended.returncode or 0) < 0:
        return f"the command ended ({ended.how}) before anything of it could be observed"
    if not seen.processes:
        return f"nothing could be observed: the command ended ({ended.how}) and no Python that looks at PYTHONPATH ran"
    if ended.returncode:
        return f"the script failed ({ended.how}) before it iterated a torch DataLoader; see stderr below"
    return (
        f"the script ended ({ended.how}) without iterating a torch DataLoader: only torch's loader is seen, no DALI, "
        "tf.data or Ray Data"
    )


def _in_force(knobs: ObservedKnobs, loop: Loop, surroundings: Fact, opencv_threads: int | None) -> ObservedKnobs:
    """The knobs as they were, read back from the loader that trained."""
    loader = loop.loader
    workers = loader["num_workers"]
    # OpenCV says 1 where it was given none of its own.
    threads = None if opencv_threads is None else (0 if opencv_threads <= 1 else opencv_threads)
    return knobs.unchecked(
        opencv_threads=threads,
        num_workers=workers,
        prefetch_factor=loader["prefetch_factor"] or 2,
        persistent_workers=loader["persistent_workers"],
        pin_memory=loader["pin_memory"],
        start_method=loader["start_method"] or "fork",
        in_order=loader["in_order"],
        batch_size=loader["batch_size"] or int(np.median(loop.given_samples)),
        mode="train" if loader["shuffles"] else "validate",
        device=_device_kind(surroundings),
    )


def _device_kind(surroundings: Fact) -> str:
    return "cuda" if surroundings.get("cuda") else "cpu"


def _environment(process: ProcessSeen, surroundings: Fact) -> Environment:
    hello = process.first("hello") or {}
    return Environment(
        python=str(hello.get("python", "")),
        platform=platform.platform(),
        cpu=cpu_name(),
        cores=int(surroundings.get("cores") or len(os.sched_getaffinity(0))),
        quota=cores_by_quota(),
        memory_bytes=usable_memory().total,
        torch=surroundings.get("torch"),
        cuda=surroundings.get("cuda"),
        gpu=surroundings.get("gpu"),
        packages=dict(surroundings.get("packages") or {}),
    )


def _description(loop: Loop) -> Description:
    loader = loop.loader
    samples, notes = loader["num_samples"], []
    if samples is None:
        samples = loop.samples_of_an_epoch
        notes.append("The data set does not say how many samples it has.")
        if samples:
            notes.append(f"Its first epoch had {samples}.")
    in_epoch = _samples_of_an_epoch(loader)
    return Description(
        num_samples=samples or 0,
        epoch_samples=in_epoch if in_epoch != samples else None,
        epoch_batches=loader["num_batches"],
        counts=[Count(name="batches in an epoch", number=loader["num_batches"])] if loader["num_batches"] else [],
        notes=notes,
    )


def _samples_of_an_epoch(loader: Fact) -> int | None:
    """Samples that the loader's sampler draws in an epoch: of a rank's part, or with repetitions, another number."""
    there, batches, size = loader["num_samples"], loader["num_batches"], loader["batch_size"]
    if not there or not batches or not size or abs(batches * size - there) < size:
        return int(there) if there else None
    return int(batches * size)


def _startup(loop: Loop, window: Window, ended: Ended) -> Startup:
    """What came before the counted steps: imports, building, the first batch, the warm-up."""
    imports_s = loop.process.imports_ns(int(loop.step_ns[0])) / NS_PER_S
    before_s = (int(loop.step_ns[0]) - ended.started_ns) / NS_PER_S
    first_s = (int(loop.given_ns[0]) - int(loop.step_ns[0])) / NS_PER_S
    total_s = (window.begin_ns - ended.started_ns) / NS_PER_S
    warmup_s = max(0.0, (window.begin_ns - int(loop.given_ns[0])) / NS_PER_S)
    return Startup(
        imports_s=imports_s,
        dataset_s=None,
        cache_fill_s=None,
        model_s=None,
        workers_s=first_s,
        warmup_s=warmup_s,
        building_s=max(0.0, before_s - imports_s),
        other_s=total_s - before_s - first_s - warmup_s,
        total_s=total_s,
    )


def _steady(loop: Loop, window: Window) -> Steady:
    steps = slice(window.first, window.first + window.num_steps)
    samples = int(loop.given_samples[steps].sum())
    wall_s = (window.end_ns - window.begin_ns) / NS_PER_S
    in_epoch = _samples_of_an_epoch(loop.loader) or 0
    return Steady(
        begin_ns=window.begin_ns,
        end_ns=window.end_ns,
        num_steps=window.num_steps,
        num_samples=samples,
        num_epochs=samples / in_epoch if in_epoch else 0.0,
        warmup_steps=window.first,
        wall_s=wall_s,
        samples_per_s=samples / wall_s,
    )


def _batches(loop: Loop) -> Batches:
    return Batches(
        number=list(range(loop.num_steps)),
        samples=loop.given_samples.tolist(),
        num_bytes=loop.given_bytes.tolist(),
        end_ns=[*loop.step_ns[1:].tolist(), loop.last_ns],
    )


def _limits(loader: Fact, surroundings: Fact) -> Limits:
    ahead = loader["num_workers"] * (loader["prefetch_factor"] or 0)
    return Limits(device_steps=None if surroundings.get("cuda") else 1, loaded_batches=ahead)


def _isolated(loop: Loop) -> Isolated:
    """What samples took that were made when all steps had been counted."""
    told = loop.process.first("isolated")
    if told is None:
        return Isolated()
    tracks = [TrackSpans("worker", 0, False, "measured", spans) for _, spans, _, _ in loop.process.lanes("isolated")]
    return Isolated(samples=told["samples"], stages=stage_stats(tracks, 0, int(told["at_ns"])))
