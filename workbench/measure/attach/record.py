"""From what was seen of a script to its record."""

from __future__ import annotations

import os
import platform
import signal
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from workbench.errors import WorkbenchError
from workbench.knobs.observed import DATA_LOADER_KNOBS, ObservedKnobs
from workbench.measure.attach.account import account_of
from workbench.measure.attach.lanes import catalogue_of, main_tracks, stage_stats, tracks_of, with_core_time
from workbench.measure.attach.seen import Fact, ProcessSeen, Seen, rank_of
from workbench.measure.attach.window import Loop, TooFewSteps, Window, loop_of, window_of
from workbench.measure.timing.spans import TrackSpans
from workbench.measure.trial.environment import cpu_name
from workbench.measure.trial.stage_stats import lane_stats, write_spans
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
    RankStats,
    Record,
    Script,
    ScriptLoader,
    Startup,
    Steady,
)
from workbench.records.run_folder import SPANS
from workbench.units import NS_PER_S, counted

#: Where a loop is observed from its beginning to its end, as many steps are asked for.
ALL_STEPS = 1_000_000_000


@dataclass(frozen=True)
class Ended:
    """How the command has ended.

    Attributes:
        started_ns: When it was started.
        ended_ns: When it was over, or was stopped.
        returncode: Its exit code; None where it was stopped.
        pss_bytes: Memory of all its processes, by phase.
        cache_bytes: What a cache of the workbench's kept in shared memory, beside that; None without one.
    """

    started_ns: int
    ended_ns: int
    returncode: int | None
    pss_bytes: dict[str, int]
    cache_bytes: int | None


class NothingCounted(WorkbenchError):
    """There is nothing to make a record of."""


def make_record(knobs: ObservedKnobs, folder: Path, seen: Seen, ended: Ended) -> Record:
    """The record of a script.

    Args:
        knobs: What was asked for.
        folder: The run folder; spans are written there.
        seen: What the observer has left.
        ended: How the command has ended.

    Raises:
        NothingCounted: Where no step could be counted, with the reason.
    """
    loops = _loops(knobs, seen, ended)
    loop = loops[0]
    windows = [window_of(one, num_steps=knobs.num_steps, warmup_steps=knobs.warmup_steps) for one in loops]
    window = windows[0]
    tracks = tracks_of(seen, loop, window)
    write_spans(tracks, folder / SPANS)
    for number, (other, its) in enumerate(zip(loops, windows, strict=True)):
        if number:
            (folder / f"rank-{rank_of(other.process)}").mkdir(exist_ok=True)
            write_spans(tracks_of(seen, other, its), folder / f"rank-{rank_of(other.process)}" / SPANS)
    bounds = window.begin_ns, window.end_ns
    surroundings = loop.process.first("environment") or {}
    failure = _failure(loop, window, knobs, ended)
    peak = max(ended.pss_bytes.values(), default=None)
    return Record(
        run_id=folder.name,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        status="failed" if failure else "ok",
        failure=failure,
        knobs=_in_force(knobs, loop.loader, surroundings, _worker_threads(seen, loop)),
        asked=knobs.asked(),
        item="sample",
        workload_stages=catalogue_of(tracks),
        device=_device_kind(surroundings),
        environment=_environment(loop.process, surroundings),
        description=_description(loop.loader),
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
        ),
        script=_script(knobs, seen, loops, windows, ended),
        notes=_notes(knobs, seen, loop, window, ended),
        dropped_spans=sum(dropped for *_, dropped in loop.process.lanes("main")),
    )


def _loops(knobs: ObservedKnobs, seen: Seen, ended: Ended) -> list[Loop]:
    """The loops of all ranks, that of the lowest rank first."""
    processes = seen.loops
    if not processes:
        raise NothingCounted(_why_no_loader(seen, ended))
    trained = [process for process in processes if process.first("training")] or processes
    loops, fewest = [], 0
    for process in trained:
        try:
            loop = loop_of(process)
            window_of(loop, num_steps=knobs.num_steps, warmup_steps=knobs.warmup_steps)
            loops.append(loop)
        except TooFewSteps as few:
            fewest = max(fewest, few.steps)
    if not loops:
        remedy = "at least 2 are needed to tell a step from the next one; raise the script's own limit of steps"
        how = f" ({_how(ended)})" if ended.returncode is not None else ""
        raise NothingCounted(f"the loop ended after {counted(fewest, 'step')}{how}: {remedy}")
    return loops


def _failure(loop: Loop, window: Window, knobs: ObservedKnobs, ended: Ended) -> Failure | None:
    """What went wrong in the script while its steps were counted; what was measured until then is kept."""
    if not ended.returncode or window.num_steps >= knobs.num_steps:
        return None
    steps = f"after {counted(loop.num_steps, 'step')}, of which {window.num_steps} were counted"
    if ended.returncode < 0:
        name = signal.Signals(-ended.returncode).name
        kind: FailureKind = "killed" if name == "SIGKILL" else "crash"
        return Failure(kind=kind, phase="steady", message=f"the script was ended by signal {name} {steps}")
    return Failure(kind="error", phase="steady", message=f"the script failed ({_how(ended)}) {steps}; see stderr below")


def _how(ended: Ended) -> str:
    return f"exit code {ended.returncode}"


def _why_no_loader(seen: Seen, ended: Ended) -> str:
    faults = [fact["error"] for _, fact in seen.of("fault")]
    if faults:
        return f"the observer took itself away before anything was counted: {faults[0]}. Please report this"
    if not seen.processes:
        return (
            f"nothing could be observed: the command ended ({_how(ended)}) and no Python that looks at PYTHONPATH ran"
        )
    if ended.returncode:
        return f"the script failed ({_how(ended)}) before it iterated a torch DataLoader; see stderr below"
    return (
        f"the script ended ({_how(ended)}) without iterating a torch DataLoader: only torch's loader is seen, no DALI, "
        "tf.data or Ray Data"
    )


def _in_force(
    knobs: ObservedKnobs, loader: Fact, surroundings: Fact, opencv_threads: int | None = None
) -> ObservedKnobs:
    """The knobs as they were, read back from the loader that trained."""
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
        batch_size=loader["batch_size"] or 1,
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
        memory_bytes=psutil.virtual_memory().total,
        torch=surroundings.get("torch"),
        cuda=surroundings.get("cuda"),
        gpu=surroundings.get("gpu"),
        packages=dict(surroundings.get("packages") or {}),
    )


def _description(loader: Fact) -> Description:
    samples = loader["num_samples"]
    notes = [] if samples is not None else ["The data set does not say how many samples it has."]
    return Description(
        num_samples=samples or 0,
        counts=[Count(name="batches in an epoch", number=loader["num_batches"])] if loader["num_batches"] else [],
        notes=notes,
    )


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
    in_epoch = loop.loader["num_samples"] or 0
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


def _script(knobs: ObservedKnobs, seen: Seen, loops: list[Loop], windows: list[Window], ended: Ended) -> Script:
    loop = loops[0]
    surroundings = loop.process.first("environment") or {}
    return Script(
        command=" ".join(filter(None, [knobs.command, knobs.args])),
        training_loader=loop.loader["name"],
        is_trained=loop.is_trained,
        loaders=[_loader(loop, number, fact) for number, fact in sorted(loop.loaders.items())],
        parts=account_of(loop, ended.started_ns, ended.ended_ns, stopped=ended.returncode is None),
        ranks=[_rank(one, its) for one, its in zip(loops, windows, strict=True)] if len(loops) > 1 else [],
        returncode=ended.returncode,
        torch_threads=surroundings.get("torch_threads"),
        opencv_threads=_worker_threads(seen, loop) or surroundings.get("opencv_threads"),
        start_imports=_start_imports(seen, loop),
    )


def _worker_threads(seen: Seen, loop: Loop) -> int | None:
    """Threads of OpenCV in a worker."""
    found = [fact.get("opencv_threads") for _, fact in seen.of("worker") if fact["iterator"] in loop.iterators]
    return max((threads for threads in found if threads is not None), default=None)


def _start_imports(seen: Seen, loop: Loop) -> dict[str, float]:
    """What a worker imports before it is up: seconds of each module by itself, on the average of all starts."""
    starts = [(process, fact) for process, fact in seen.of("worker") if fact["iterator"] in loop.iterators]
    took: dict[str, float] = {}
    for process, up in starts:
        for fact in process.of("import"):
            if up["started_ns"] <= fact["begin_ns"] and fact["end_ns"] <= up["up_ns"]:
                took[fact["module"]] = took.get(fact["module"], 0.0) + fact["own_ns"] / NS_PER_S
    return {name: own_s / len(starts) for name, own_s in sorted(took.items(), key=lambda entry: -entry[1])[:8]}


def _loader(loop: Loop, number: int, fact: Fact) -> ScriptLoader:
    return ScriptLoader(
        name=fact["name"],
        dataset=fact["dataset_class"],
        num_samples=fact["num_samples"],
        batch_size=fact["batch_size"],
        num_workers=fact["num_workers"],
        collate=fact["collate"],
        batches=int((loop.ask_loader == number).sum()),
    )


def _rank(loop: Loop, window: Window) -> RankStats:
    waits = [
        float(stat.total_s)
        for stat in stage_stats(list(main_tracks(loop)), window.begin_ns, window.end_ns)
        if stat.name == "wait"
    ]
    steps = slice(window.first, window.first + window.num_steps)
    wall_s = (window.end_ns - window.begin_ns) / NS_PER_S
    return RankStats(
        rank=rank_of(loop.process),
        num_steps=window.num_steps,
        samples_per_s=float(loop.given_samples[steps].sum()) / wall_s,
        wait_share=sum(waits) / wall_s,
    )


def _notes(knobs: ObservedKnobs, seen: Seen, loop: Loop, window: Window, ended: Ended) -> list[str]:
    notes = []
    loader = loop.loader
    if not loop.is_trained:
        notes.append(
            f"no backward pass was seen: the steps are those of the loader with most batches, {loader['name']}"
        )
    if window.num_steps < knobs.num_steps < ALL_STEPS:
        how = f"the script ended ({_how(ended)})" if ended.returncode is not None else "it was stopped"
        notes.append(
            f"{how} after {counted(loop.num_steps, 'step')}; {window.num_steps} of {knobs.num_steps} were counted"
        )
    if window.is_short:
        notes.append(
            f"only {counted(window.first, 'step')} of warm-up: batches that workers had made ahead count as well"
        )
    in_force = _in_force(knobs, loader, {})
    for name, value in knobs.asked().items():
        arrived = getattr(in_force, name)
        if name in DATA_LOADER_KNOBS and arrived != value:
            notes.append(f"{name}={value} had no effect: the loader {loader['name']} has {name}={arrived}")
    for process, fact in seen.of("fault"):
        notes.append(f"the observer took itself away in process {process.pid}: {fact['error']}")
    for _, fact in seen.of("note"):
        notes.append(str(fact["text"]))
    return list(dict.fromkeys(notes))
