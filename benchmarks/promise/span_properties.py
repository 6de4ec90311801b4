"""Whatever spans a trial has left, its record adds up: no part is negative, none counts twice, nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from promise.hunt import Property
from promise.made_by_hand import make_record, make_steady

from workbench.explain.breakdown import FREE, LEFT_OVER, break_down
from workbench.measure.timing.ranks import with_waits
from workbench.measure.timing.spans import NONE, Spans, TrackSpans
from workbench.measure.trial.stage_stats import lane_stats, stage_stats, write_spans
from workbench.records import Record
from workbench.records.run_folder import RECORD, SPANS, read_record, read_spans, write_json

_NAMES = ("decode", "idle", "collate", "wait", "forward", "Normalize")
_LANES: Sequence[tuple[Any, int, bool]] = (
    ("worker", 0, False), ("worker", 1, False), ("worker", 0, True), ("main", 0, False), ("main", 0, True),
    ("main", 1, True), ("device", 0, False),
)  # fmt: skip

#: Of sums of seconds, relative and absolute.
_NEAR, _NEAR_S = 1e-9, 1e-9

#: When clocks begin: at nought, after days, and as late as nanoseconds in 64 bits leave room for.
_CLOCKS = (0, 10**15, 2**62)


@dataclass(frozen=True)
class Trial:
    """Spans, and the window of the counted steps.

    Attributes:
        tracks: The spans.
        begin_ns: The window's begin.
        end_ns: Its end.
        is_plain: Whether no span lies within another.
        order: Reorders the spans.
    """

    tracks: tuple[TrackSpans, ...]
    begin_ns: int
    end_ns: int
    is_plain: bool
    order: int

    def shuffled(self) -> list[TrackSpans]:
        """The same in another order."""
        rng = np.random.default_rng(self.order)
        return [self._shuffled(self.tracks[number], rng) for number in rng.permutation(len(self.tracks))]

    @staticmethod
    def _shuffled(track: TrackSpans, rng: np.random.Generator) -> TrackSpans:
        spans = track.spans
        order = rng.permutation(len(spans.stage))
        columns = {name: getattr(spans, name)[order] for name in ("stage", "begin_ns", "end_ns", "sample", "batch")}
        return replace(track, spans=replace(spans, **columns))


def _whole_numbers(draw: DrawFn, most: int, kind: Any) -> Any:
    """int64 [N <= most]: drawn as bytes, which takes a tenth of the time."""
    data = draw(st.binary(max_size=most * np.dtype(kind).itemsize))
    return np.frombuffer(data[: len(data) // np.dtype(kind).itemsize * np.dtype(kind).itemsize], kind).astype(np.int64)


@st.composite
def trials(draw: DrawFn) -> Trial:
    """Spans of several processes: one after the other, with gaps and without, some of no length, some within others."""
    base, is_plain = draw(st.sampled_from(_CLOCKS)), draw(st.booleans())
    tracks = []
    for lane, process, background in draw(st.lists(st.sampled_from(_LANES), unique=True, max_size=5)):
        lengths = _whole_numbers(draw, 24, draw(st.sampled_from((np.uint8, np.uint32))))
        edges = base + np.cumsum(lengths)
        begin, end = edges[:-1:2], edges[1::2]
        if not is_plain and len(begin):
            inner = draw(st.lists(st.integers(0, len(begin) - 1), max_size=4))
            middle = begin[inner] + (end[inner] - begin[inner]) // 2 if inner else begin[:0]
            begin, end = np.concatenate([begin, begin[inner] if inner else middle]), np.concatenate([end, middle])
        count = len(begin)
        stage = np.resize(_whole_numbers(draw, count, np.uint8), count) % len(_NAMES)
        sample = np.where(stage < 2, np.arange(count), NONE)
        spans = Spans(_NAMES, stage, begin, end, sample, np.full(count, NONE, np.int64))
        origin: Any = "simulated" if lane == "device" else "measured"
        tracks.append(TrackSpans(lane, process, background, origin, spans))
    first, last = sorted((draw(st.integers(-100, 10**10)), draw(st.integers(-100, 10**10))))
    return Trial(tuple(tracks), base + first, base + last, is_plain, draw(st.integers(0, 9)))


def near(value: float) -> Any:
    """Equal but for rounding."""
    return pytest.approx(value, rel=_NEAR, abs=_NEAR_S)


def adds_up(trial: Trial, folder: Path) -> None:
    """Sums of stages and of lanes: positive, within the window, the same in any order, and window by window."""
    begin_ns, end_ns = trial.begin_ns, trial.end_ns
    stages, lanes = stage_stats(trial.tracks, begin_ns, end_ns), lane_stats(trial.tracks, begin_ns, end_ns)
    window_s = (end_ns - begin_ns) / 1e9
    for row in stages:
        assert row.count > 0
        assert min(row.mean_s, row.p50_s, row.p95_s) >= 0.0
        assert max(row.mean_s, row.p50_s, row.p95_s) <= window_s * (1 + _NEAR)
        assert row.p50_s <= row.p95_s
        assert row.count * row.mean_s == near(row.total_s)
    for lane in lanes:
        assert 0.0 <= lane.attributed_s <= lane.wall_s
        assert lane.wall_s == near(lane.processes * window_s)
        summed = sum(row.total_s for row in stages if row.lane == lane.lane and not row.background)
        assert summed >= lane.attributed_s - _NEAR_S, "time of a lane that is in none of its stages"
        if trial.is_plain:
            assert summed == near(lane.attributed_s), "time that counts twice, though nothing overlaps"
    _same(_totals(trial.shuffled(), begin_ns, end_ns), _totals(trial.tracks, begin_ns, end_ns))
    middle_ns = (begin_ns + end_ns) // 2
    parts = [_totals(trial.tracks, *window) for window in ((begin_ns, middle_ns), (middle_ns, end_ns))]
    both = {key: sum(part.get(key, 0.0) for part in parts) for part in parts for key in part}
    _same(both, _totals(trial.tracks, begin_ns, end_ns))


def _totals(tracks: Sequence[TrackSpans], begin_ns: int, end_ns: int) -> dict[Any, float]:
    """Seconds of each stage and of each lane that have any."""
    found: dict[Any, float] = {
        (row.lane, row.name, row.background): row.total_s for row in stage_stats(tracks, begin_ns, end_ns)
    }
    found |= {lane.lane: lane.attributed_s for lane in lane_stats(tracks, begin_ns, end_ns)}
    return {key: seconds for key, seconds in found.items() if seconds}


def _same(found: dict[Any, float], wanted: dict[Any, float]) -> None:
    for key in found.keys() | wanted.keys():
        assert found.get(key, 0.0) == near(wanted.get(key, 0.0)), f"{key} is not the same"


def makes_a_record(trial: Trial, folder: Path) -> None:
    """The record of the spans is read back as it was written, and its breakdown adds up."""
    window_s = (trial.end_ns - trial.begin_ns) / 1e9
    if window_s <= 0.0:
        return  # a trial counts a step at least
    record = make_record(
        stages=stage_stats(trial.tracks, trial.begin_ns, trial.end_ns),
        lanes=lane_stats(trial.tracks, trial.begin_ns, trial.end_ns),
    ).model_copy(update={"steady": make_steady(window_s, begin_ns=trial.begin_ns)})
    write_json(folder / RECORD, record)
    read = read_record(folder)
    assert read == record, "the record is read back as another one"
    breaks_down(read, is_plain=trial.is_plain)
    _check_table(trial, folder)


def breaks_down(record: Record, *, is_plain: bool) -> None:
    """The parts of each lane are shares of it, and add up to it."""
    for lane in break_down(record):
        named = [part for part in lane.parts if part.stage not in LEFT_OVER]
        assert len(lane.parts) == len(named) + 1
        assert all(part.share >= 0.0 and part.total_s >= 0.0 for part in (*lane.parts, *lane.background))
        assert 0.0 <= lane.attributed_share <= 1.0
        assert sum(part.share for part in lane.parts) == near(max(1.0, lane.explained))
        assert sum(part.total_s for part in lane.parts) == near(max(lane.wall_s, lane.explained * lane.wall_s))
        if is_plain:
            assert lane.explained == near(lane.attributed_share)
            assert all(part.share <= 1.0 + _NEAR for part in (*lane.parts, *lane.background))
        assert not lane.closes or lane.explained <= 1.05
        assert not lane.closes or lane.parts[-1].stage == FREE or lane.parts[-1].share <= 0.05 + _NEAR


def _check_table(trial: Trial, folder: Path) -> None:
    (folder / SPANS).unlink(missing_ok=True)
    write_spans(trial.tracks, folder / SPANS)
    if not (folder / SPANS).exists():
        assert not any(len(track.spans.stage) for track in trial.tracks), "spans that were not written"
        return
    table = read_spans(folder)
    assert len(table) == sum(len(track.spans.stage) for track in trial.tracks)
    assert int((table.end_ns - table.begin_ns).sum()) == sum(
        int((track.spans.end_ns - track.spans.begin_ns).sum()) for track in trial.tracks
    )


@st.composite
def _backward_passes(draw: DrawFn) -> tuple[TrackSpans, Any, int]:
    """A track with backward passes, when each rank had its gradients, int64 [passes, ranks], and the rank."""
    count, ranks = draw(st.integers(0, 6)), draw(st.integers(1, 3))
    rank = draw(st.integers(0, ranks - 1))
    at, begins, ends, ready = draw(st.sampled_from(_CLOCKS[:2])), [], [], []
    for _ in range(count):
        begin = at + draw(st.integers(0, 50))
        own = begin + draw(st.integers(0, 50))
        end = own + draw(st.integers(0, 50))
        ready.append([own if number == rank else own + draw(st.integers(-90, 90)) for number in range(ranks)])
        begins.append(begin)
        ends.append(end)
        at = end + 1
    stage = np.array(draw(st.lists(st.integers(0, 1), min_size=count, max_size=count)), np.int64)
    nobody = np.full(count, NONE, np.int64)
    spans = Spans(("backward", "forward"), stage, np.array(begins, np.int64), np.array(ends, np.int64), nobody, nobody)
    passes = np.array([row for row, of in zip(ready, stage, strict=True) if of == 0], np.int64).reshape(-1, ranks)
    return TrackSpans("main", 0, False, "measured", spans), passes, rank


def parts_backward(drawn: tuple[TrackSpans, Any, int], folder: Path) -> None:
    """Backward passes, parted into work, waiting and exchange, take as long together as before."""
    track, ready_ns, rank = drawn
    spans = with_waits(track, ready_ns, rank).spans
    took = spans.end_ns - spans.begin_ns
    assert (took >= 0).all(), f"a span of {took.min()} ns"
    assert took.sum() == (track.spans.end_ns - track.spans.begin_ns).sum()


PROPERTIES: tuple[Property, ...] = (
    Property("spans, summed up", trials(), adds_up),
    Property("spans, record and breakdown", trials(), makes_a_record),
    Property("backward passes of ranks, parted", _backward_passes(), parts_backward),
)
