"""The spans of an observed script as those of a pipeline: workers, main process, background threads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import pandas as pd

from workbench.knobs.observed import DECODE
from workbench.measure.attach.seen import Count, ProcessSeen, Seen
from workbench.measure.attach.window import Loop, Window
from workbench.measure.timing.core_time import CoreTime
from workbench.measure.timing.spans import NONE, Spans, TrackSpans
from workbench.measure.trial.stage_stats import stats_of
from workbench.observer.fetch import COLLATE
from workbench.observer.rows import BATCHES_PER_ITERATOR
from workbench.records import LaneStats, StageStats
from workbench.stages import Catalogue, Lane, Stage
from workbench.units import NS_PER_S

#: How the time of other loaders than the training one is called.
VALIDATION = "validation"

_EPOCH = "epoch of "


def tracks_of(seen: Seen, loop: Loop, window: Window) -> list[TrackSpans]:
    """The spans of all lanes, of the training loader's batches and of the loop that takes them."""
    numbers = {int(key): number for number, key in enumerate(loop.given_key)}
    tracks = [*_worker_tracks(seen, loop, window), *main_tracks(loop)]
    return [_renumbered(track, numbers) for track in tracks]


def worker_processes(seen: Seen, loop: Loop) -> dict[int, list[ProcessSeen]]:
    """The processes of the workers of a step's loaders, by number, in the order in which they came.

    The workers of a second loader have numbers after those of the first one.
    """
    found: dict[tuple[int, int], list[ProcessSeen]] = defaultdict(list)
    place = {number: loop.in_step.index(loader) for number, loader in loop.loader_of.items() if loader in loop.in_step}
    for process, fact in seen.of("worker"):
        if fact["iterator"] in place and fact["main"] == loop.process.pid:
            found[place[fact["iterator"]], fact["worker"]].append(process)
    return {number: found[key] for number, key in enumerate(sorted(found))}


def _worker_tracks(seen: Seen, loop: Loop, window: Window) -> Iterable[TrackSpans]:
    if loop.loader["num_workers"] == 0:
        for _, spans, _, _ in loop.process.lanes("worker"):
            yield TrackSpans("worker", 0, False, "measured", _without_gaps(spans, window))
        return
    for number, processes in worker_processes(seen, loop).items():
        parts = [spans for process in processes for _, spans, _, _ in process.lanes("worker")]
        sending = [spans for process in processes for _, spans, _, _ in process.lanes("sender")]
        yield TrackSpans("worker", number, False, "measured", _without_gaps(joined(parts), window))
        if sending:
            yield TrackSpans("worker", number, True, "measured", joined(sending))


def _without_gaps(spans: Spans, window: Window) -> Spans:
    """Spans of a worker number with the time in which it had no order, or was not there: it is idle then.

    A worker writes its waiting down when it is over, which may be never.
    """
    if not len(spans.stage):
        return spans
    order = np.argsort(spans.begin_ns, kind="stable")
    begin, end = spans.begin_ns[order], np.maximum.accumulate(spans.end_ns[order])
    gaps = np.flatnonzero(begin[1:] - end[:-1] > 1_000_000)
    idle = [_one("idle", int(end[gap]), int(begin[gap + 1])) for gap in gaps]
    last = int(end[-1])
    if last < window.end_ns:
        idle.append(_one("idle", last, window.end_ns))
    return joined([spans, *idle])


def _one(stage: str, begin_ns: int, end_ns: int) -> Spans:
    def of(value: int) -> np.ndarray:
        return np.array([value], np.int64)

    return Spans((stage,), of(0), of(begin_ns), of(end_ns), of(NONE), of(NONE))


def joined(parts: Sequence[Spans]) -> Spans:
    """The spans of several tracks as one."""
    names = tuple(dict.fromkeys(name for part in parts for name in part.names))
    place = {name: number for number, name in enumerate(names)}
    stage = [np.array([place[name] for name in part.names], np.int64)[part.stage] for part in parts if len(part.stage)]
    rest = [
        np.concatenate([getattr(part, column) for part in parts if len(part.stage)] or [np.zeros(0, np.int64)])
        for column in ("begin_ns", "end_ns", "sample", "batch")
    ]
    return Spans(names, np.concatenate(stage) if stage else np.zeros(0, np.int64), *rest)


def main_tracks(loop: Loop) -> Iterable[TrackSpans]:
    """The spans of a main process: of its loop, of the thread that receives and pins for it, and of its device."""
    for _, spans, _, _ in loop.process.lanes("main"):
        yield TrackSpans("main", 0, False, "measured", _named(spans, loop))
    for _, spans, _, _ in loop.process.lanes("receiver"):
        yield TrackSpans("main", 0, True, "measured", spans)
    for _, spans, _, _ in loop.process.lanes("device"):
        yield TrackSpans("device", 0, False, "measured", _named(spans, loop))


def _named(spans: Spans, loop: Loop) -> Spans:
    """Spans of the main process: what belongs to other loaders than those of a step is called so."""
    since_training = set(loop.ask_loader[loop.ask_ns > loop.step_ns[0]].tolist())
    others = sorted(since_training - set(loop.in_step))
    names_of = {number: f"{VALIDATION} {loop.loaders[number]['name']}" for number in others}
    called = names_of if len(others) > 1 else dict.fromkeys(others, VALIDATION)
    by_name = {loop.loaders[number]["name"]: number for number in loop.loaders}
    place = np.searchsorted(loop.ask_ns, spans.begin_ns, side="right") - 1
    # What comes before training is in no lane; it is called so, if at all, by the loader's own name.
    asked = np.where(place >= 0, loop.ask_loader[np.maximum(place, 0)], loop.training)
    names: dict[str, int] = {}
    stage = np.empty_like(spans.stage)
    for number, name in enumerate(spans.names):
        for loader in set(loop.loaders):
            rows = (spans.stage == number) & (asked == loader)
            if rows.any():
                stage[rows] = names.setdefault(_name(name, loader, called, by_name), len(names))
    return Spans(tuple(names), stage, spans.begin_ns, spans.end_ns, spans.sample, spans.batch)


def _name(stage: str, loader: int, called: Mapping[int, str], by_name: Mapping[str, int]) -> str:
    if stage.startswith(_EPOCH):
        number = by_name.get(stage.removeprefix(_EPOCH), loader)
        return f"{called[number]} starts workers" if number in called else "epoch"
    if loader not in called:
        return stage
    return called[loader] if stage == "your code" else f"{called[loader]}: {stage}"


def _renumbered(track: TrackSpans, numbers: Mapping[int, int]) -> TrackSpans:
    """A track whose batches are numbered in the order in which the loop took them, those never taken last."""
    spans = track.spans
    keys = np.unique(spans.batch)
    further = (key for key in keys.tolist() if key != NONE and key not in numbers)
    known = {**numbers, **{key: len(numbers) + place for place, key in enumerate(further)}, NONE: NONE}
    batch = np.array([known[key] for key in keys.tolist()], np.int64)[np.searchsorted(keys, spans.batch)]
    renumbered = Spans(spans.names, spans.stage, spans.begin_ns, spans.end_ns, spans.sample, batch)
    return TrackSpans(track.lane, track.process, track.background, track.origin, renumbered)


def stage_stats(tracks: Sequence[TrackSpans], begin_ns: int, end_ns: int) -> list[StageStats]:
    """Sum up every stage between two points in time.

    A stage that others interrupt has several segments; those of one sample of one batch count as one visit.
    """
    stats = []
    by_stage: dict[tuple[Lane, str, bool], list[Any]] = defaultdict(list)
    for track in tracks:
        spans = track.spans
        inside = np.minimum(spans.end_ns, end_ns) - np.maximum(spans.begin_ns, begin_ns)
        columns = {"stage": spans.stage, "sample": spans.sample, "batch": spans.batch, "ns": inside}
        # What belongs to no batch is no part of another visit.
        columns["place"] = np.where(spans.batch == NONE, np.arange(len(inside)), NONE)
        rows = pd.DataFrame({name: column[inside > 0] for name, column in columns.items()})
        visits = rows.groupby(["stage", "batch", "sample", "place"], as_index=False)["ns"].sum()
        for number, name in enumerate(spans.names):
            own = visits[visits["stage"] == number]
            if len(own):
                by_stage[track.lane, name, track.background].append(own)
    for (lane, name, background), parts in by_stage.items():
        visits = pd.concat(parts)
        seconds, samples = visits["ns"].to_numpy() / NS_PER_S, visits["sample"].to_numpy()
        stats.append(stats_of(lane, name, seconds, samples, background=background))
    return stats


def work_by_iterator(processes: Iterable[ProcessSeen]) -> dict[int, dict[str, float]]:
    """Seconds in which the batches of each iterator were made, by stage; of all of the run."""
    found: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for process in processes:
        for _, spans, _, _ in process.lanes("worker"):
            keys = spans.batch // BATCHES_PER_ITERATOR
            for number, name in enumerate(spans.names):
                own = (spans.stage == number) & (spans.batch != NONE)
                for key in np.unique(keys[own]).tolist():
                    rows = own & (keys == key)
                    found[key][name] += float((spans.end_ns - spans.begin_ns)[rows].sum()) / NS_PER_S
    return found


def with_core_time(lanes: Sequence[LaneStats], seen: Seen, loop: Loop, window: Window) -> list[LaneStats]:
    """Lanes with what the scheduler has counted for their processes between two points in time.

    Where the main process loads, it does so while it waits for a batch: that is the worker lane's time, and the main
    lane's is the rest.
    """
    main = _core_time(loop.process.count("cores"), window)
    if loop.loader["num_workers"] == 0:
        loading = _loading_time(loop, window)
        of = {"worker": loading, "main": None if main is None or loading is None else main - loading}
    else:
        own = [
            _core_time(process.count("cores"), window)
            for processes in worker_processes(seen, loop).values()
            for process in processes
        ]
        of = {"worker": reduce(add, filter(None, own), CoreTime(0.0, 0.0, 0.0)) if any(own) else None, "main": main}
    return [lane.model_copy(update=asdict(used) if (used := of.get(lane.lane)) else {}) for lane in lanes]


def _core_time(cores: Count, window: Window) -> CoreTime | None:
    """What a process was on cores in the counted steps; None where it was not counted."""
    if len(cores.at_ns) < 2:
        return None
    bounds = np.clip([window.begin_ns, window.end_ns], cores.at_ns[0], cores.at_ns[-1])
    own, ready, whole = (
        float(np.diff(np.interp(bounds, cores.at_ns, column))[0]) / NS_PER_S
        for column in (cores.first, cores.second, cores.third)
    )
    return CoreTime(own, ready, max(0.0, whole - own))


def _loading_time(loop: Loop, window: Window) -> CoreTime | None:
    """What the main process was on cores from where its loop asked for batches until it had them.

    Of some steps that was counted at both ends; what it comes to in all is in proportion to the time that they took.
    """
    cores, steps = loop.process.count("cores"), slice(window.first, window.first + window.num_steps)
    asked, given = loop.step_ns[steps], loop.given_ns[steps]
    both = np.isin(asked, cores.at_ns) & np.isin(given, cores.at_ns)
    if not both.any():
        return None
    began, ended = (np.searchsorted(cores.at_ns, at[both]) for at in (asked, given))
    scale = float((given - asked).sum() / max((given - asked)[both].sum(), 1)) / NS_PER_S
    own, ready, whole = (
        float((column[ended] - column[began]).sum()) * scale for column in (cores.first, cores.second, cores.third)
    )
    return CoreTime(own, ready, max(0.0, whole - own))


def catalogue_of(tracks: Sequence[TrackSpans], collate: str) -> list[Stage]:
    """The stages of a script that are not those of the measured loop.

    Args:
        tracks: Its spans.
        collate: Name of its collate function: torch's own copies samples, and another one may do anything.
    """
    found: dict[tuple[Lane, str], Stage] = {}
    for track in tracks:
        for name in track.spans.names:
            stage = _stage(track.lane, name)
            if (track.lane, name) == ("worker", COLLATE) and not collate.startswith("default_collate"):
                stage = replace(Catalogue().find("worker", COLLATE), moves_bytes=False)
            if stage is not None:
                found[track.lane, name] = stage
    return list(found.values())


def _stage(lane: Lane, name: str) -> Stage | None:
    if lane == "main":
        if name == "your code":
            meaning = "what the script does in a step beside all that is named: losses, metrics, logging."
            return Stage(name, lane, "end", colour="#B279A2", meaning=meaning)
        if name.startswith(VALIDATION):
            return Stage(name, lane, "end", colour="#72B7B2" if name == VALIDATION else "")
        if name == "workbench":
            return Stage(name, lane, "end", meaning="the workbench looks for the model.")
        if name.startswith("forward "):
            return Stage(name, lane, "submit")
        return None
    return DECODE if (lane, name) == (DECODE.lane, DECODE.name) else None
