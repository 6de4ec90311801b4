"""From spans to sums: the times of every stage over the steady part, and how much of each lane they explain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from workbench.errors import BadInput, unknown_name
from workbench.measure.timing.channel import Channel
from workbench.measure.timing.core_time import CoreWatch
from workbench.measure.timing.spans import NONE, Spans, TrackSpans, fitting_name
from workbench.records import LaneStats, Origin, StageStats
from workbench.records.run_folder import writing
from workbench.records.tables import write_table
from workbench.stages import Lane
from workbench.units import NS_PER_S

if TYPE_CHECKING:
    from workbench.measure.devices.device import Device  # imports torch, which whoever observes a script has no use for


def collect(channel: Channel, device: Device) -> list[TrackSpans]:
    """The spans of all lanes. To be called when nobody writes any more."""
    tracks = [TrackSpans(of.lane, of.process, of.background, "measured", of.track.read()) for of in channel.tracks()]
    origin: Origin = "simulated" if device.simulated else "measured"
    return [*tracks, TrackSpans("device", 0, False, origin, _device_spans(device))]


def refuse_unknown_stages(knob: str, stages: Iterable[str], tracks: Sequence[TrackSpans]) -> None:
    """See whether every stage that a knob names has run, now that it is known which stages there are.

    Raises:
        BadInput: For those that have not.
    """
    known = sorted({name for track in tracks if track.lane != "device" for name in track.spans.names})
    problems = [unknown_name("stage", name, known) for name in stages if fitting_name(name) not in known]
    if problems:
        raise BadInput(knob, problems)


def stage_stats(tracks: Sequence[TrackSpans], begin_ns: int, end_ns: int) -> list[StageStats]:
    """Sum up every stage between two points in time.

    All figures are of what lies in between: of a span that began before or ended after, the part inside. So no span
    outlives the time there was, a stage's mean times its count is its total, and the totals add up to the lane's wall
    time. The order is that of the lanes, then of the stages' first appearance.
    """
    by_stage: dict[tuple[Lane, str, bool, Origin], list[npt.NDArray[np.int64]]] = {}
    for track in tracks:
        spans = track.spans
        for number, name in enumerate(spans.names):
            rows = spans.stage == number
            columns = np.stack([spans.begin_ns[rows], spans.end_ns[rows], spans.sample[rows]])
            by_stage.setdefault((track.lane, name, track.background, track.origin), []).append(columns)
    stats = []
    for (lane, name, background, origin), parts in by_stage.items():
        begin, end, sample = np.concatenate(parts, axis=1)
        inside = (end > begin_ns) & (begin < end_ns) | (begin == end) & (end > begin_ns) & (end <= end_ns)
        if not inside.any():
            continue
        seconds = (np.minimum(end, end_ns) - np.maximum(begin, begin_ns))[inside] / NS_PER_S
        stats.append(
            stats_of(lane, name, seconds, sample[inside], origin=origin, background=background).model_copy(
                update={"side_by_side": len(parts) if lane == "main" and background else 1}
            )
        )
    return stats


def stats_of(
    lane: Lane,
    name: str,
    seconds: npt.NDArray[np.float64],
    samples: npt.NDArray[np.int64],
    *,
    background: bool,
    origin: Origin = "measured",
) -> StageStats:
    """The times of one stage.

    Args:
        lane: Where it runs.
        name: Its name.
        seconds: float64 [N]: what each visit took; N > 0.
        samples: int64 [N]: the sample of each, or `NONE`.
        background: Whether a background thread does it.
        origin: Whether it was measured or simulated.
    """
    return StageStats(
        lane=lane,
        name=name,
        per="sample" if (samples != NONE).any() else "batch",
        count=len(seconds),
        mean_s=float(seconds.mean()),
        p50_s=float(np.quantile(seconds, 0.5)),
        p95_s=float(np.quantile(seconds, 0.95)),
        total_s=float(seconds.sum()),
        origin=origin,
        background=background,
    )


def lane_stats(
    tracks: Sequence[TrackSpans], begin_ns: int, end_ns: int, cores: CoreWatch | None = None
) -> list[LaneStats]:
    """How much of each lane's wall time lies inside its stages. Time that several spans cover counts once."""
    lanes: dict[Lane, list[TrackSpans]] = {}
    for track in tracks:
        if not track.background:
            lanes.setdefault(track.lane, []).append(track)
    return [
        LaneStats(
            lane=lane,
            processes=len(members),
            wall_s=len(members) * (end_ns - begin_ns) / NS_PER_S,
            attributed_s=sum(covered_ns(member.spans, begin_ns, end_ns) for member in members) / NS_PER_S,
            origin=members[0].origin,
            **_core_time(cores, lane),
        )
        for lane, members in lanes.items()
        if any(len(member.spans.stage) for member in members)  # else nothing in this lane was timed
    ]


def _core_time(cores: CoreWatch | None, lane: Lane) -> dict[str, float]:
    used = cores.used(lane) if cores is not None else None
    return {} if used is None else asdict(used)


def covered_ns(spans: Spans, begin_ns: int, end_ns: int) -> int:
    """Length of the union of all spans between two points in time."""
    order = np.argsort(spans.begin_ns, kind="stable")
    begin = np.clip(spans.begin_ns[order], begin_ns, end_ns)
    end = np.clip(spans.end_ns[order], begin_ns, end_ns)
    if len(begin) == 0:
        return 0
    reached = np.maximum.accumulate(np.concatenate([[begin_ns], end[:-1]]))
    return int(np.clip(end - np.maximum(begin, reached), 0, None).sum())


def write_spans(tracks: Sequence[TrackSpans], path: Path) -> None:
    """Write all spans as Parquet, with the columns of `records.SPAN_COLUMNS`; no file where there are none.

    Raises:
        CannotWrite: Where there is no room for them; then there is no file.
    """
    import pyarrow as pa

    tables = []
    for track in tracks:
        spans = track.spans
        count = len(spans.stage)
        if count:
            tables.append(
                pa.table(
                    {
                        "lane": [track.lane] * count,
                        "process": np.full(count, track.process, np.int32),
                        "stage": np.array(spans.names, dtype=object)[spans.stage],
                        "begin_ns": spans.begin_ns,
                        "end_ns": spans.end_ns,
                        "sample": spans.sample.astype(np.int32),
                        "batch": spans.batch.astype(np.int32),
                        "background": np.full(count, track.background),
                        "origin": [track.origin] * count,
                    }
                )
            )
    if not tables:
        return
    with writing(path, partial=True):
        write_table(pa.concat_tables(tables), path)


def _device_spans(device: Device) -> Spans:
    spans = device.spans()
    names = tuple(dict.fromkeys(span.stage for span in spans))
    stage = np.array([names.index(span.stage) for span in spans], np.int64)
    begin = np.array([span.begin_ns for span in spans], np.int64)
    end = np.array([span.end_ns for span in spans], np.int64)
    batch = np.array([span.batch for span in spans], np.int64)
    return Spans(names, stage, begin, end, np.full(len(spans), NONE, np.int64), batch)


class LiveTotals:
    """Sums up the spans of the worker and main lanes as they are written.

    Args:
        channel: The tracks of the trial. What background threads do beside their lane is left out.
    """

    def __init__(self, channel: Channel) -> None:
        self._tracks = [(entry.lane, entry.track) for entry in channel.tracks() if not entry.background]
        self._read = [0] * len(self._tracks)

    def __call__(self) -> dict[str, dict[str, float]]:
        """Seconds by lane and stage since this was asked last, over all processes of the lane."""
        totals: dict[str, dict[str, float]] = {}
        for number, (lane, track) in enumerate(self._tracks):
            spans = track.read(self._read[number])
            self._read[number] += len(spans.stage)
            if not len(spans.stage):
                continue
            took_ns = np.bincount(spans.stage, weights=spans.end_ns - spans.begin_ns, minlength=len(spans.names))
            own = totals.setdefault(lane, defaultdict(float))
            for name, sum_ns in zip(spans.names, took_ns, strict=False):
                if sum_ns:
                    own[name] += round(float(sum_ns) / NS_PER_S, 6)
        return {lane: dict(own) for lane, own in totals.items()}
