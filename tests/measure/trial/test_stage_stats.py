"""Sums of spans, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from workbench.errors import BadInput
from workbench.measure.devices.replay import ReplayDevice
from workbench.measure.loaders.indexed_batch import IndexedBatch
from workbench.measure.timing.channel import Channel
from workbench.measure.timing.core_time import CoreTime, CoreWatch
from workbench.measure.timing.spans import Spans, Track, TrackSpans, fitting_name
from workbench.measure.trial.stage_stats import (
    LiveTotals,
    collect,
    covered_ns,
    lane_stats,
    refuse_unknown_stages,
    stage_stats,
    write_spans,
)
from workbench.records.run_folder import SPANS, read_spans
from workbench.records.trial import SPAN_COLUMNS

S = 1_000_000_000


def spans(*rows: tuple[str, float, float, int]) -> Spans:
    names = tuple(dict.fromkeys(row[0] for row in rows))
    columns = [
        [names.index(row[0]) for row in rows],
        [int(row[1] * S) for row in rows],
        [int(row[2] * S) for row in rows],
        [row[3] for row in rows],
        [0 for _ in rows],
    ]
    return Spans(names, *(np.array(column, np.int64) for column in columns))


def test_of_a_span_only_what_lies_in_the_steady_part_counts():
    decoded = spans(("decode", 0, 2, 1), ("decode", 3, 4, 2), ("decode", 9, 12, 3))
    track = TrackSpans("worker", 0, False, "measured", decoded)
    (row,) = stage_stats([track], 1 * S, 10 * S)
    assert row.count == 3
    assert row.total_s == pytest.approx(1 + 1 + 1)
    assert (row.mean_s, row.p95_s) == pytest.approx((1.0, 1.0))
    assert (row.per, row.lane, row.background) == ("sample", "worker", False)


def test_a_worker_that_is_idle_before_and_after_was_not_idle_longer_than_there_was_time():
    idle = spans(("idle", 0, 3, -1), ("decode", 3, 4, 1), ("idle", 4, 9, -1))
    row, _ = stage_stats([TrackSpans("worker", 0, False, "measured", idle)], 2 * S, 5 * S)
    assert (row.count, row.mean_s, row.total_s) == pytest.approx((2, 1.0, 2.0))
    assert row.p95_s <= 3.0


def test_a_stage_outside_the_steady_part_is_no_row():
    track = TrackSpans("main", 0, False, "measured", spans(("wait", 0, 1, -1)))
    assert stage_stats([track], 2 * S, 3 * S) == []


@pytest.mark.parametrize(
    ("rows", "covered"),
    [
        ([("a", 0, 10, -1)], 10),
        ([("a", 0, 4, -1), ("b", 6, 10, -1)], 8),
        ([("a", 0, 6, -1), ("b", 2, 4, -1), ("c", 5, 8, -1)], 8),  # nested and overlapping count once
        ([("a", -5, 2, -1), ("b", 9, 20, -1)], 3),
        ([], 0),
    ],
)
def test_what_spans_cover_counts_once(rows, covered):
    assert covered_ns(spans(*rows), 0, 10 * S) == covered * S


def test_a_lane_is_attributed_what_its_processes_cover_and_background_threads_are_left_out():
    tracks = [
        TrackSpans("worker", 0, False, "measured", spans(("decode", 0, 10, 1))),
        TrackSpans("worker", 1, False, "measured", spans(("decode", 0, 5, 1))),
        TrackSpans("worker", 1, True, "measured", spans(("send", 5, 10, -1))),
        TrackSpans("main", 0, False, "measured", spans(("wait", 0, 9, -1))),
        TrackSpans("device", 0, False, "simulated", spans()),
    ]
    lanes = {lane.lane: lane for lane in lane_stats(tracks, 0, 10 * S)}
    assert {name: lane.attributed_share for name, lane in lanes.items()} == {
        "worker": pytest.approx(0.75),
        "main": pytest.approx(0.9),
    }
    assert (lanes["worker"].processes, lanes["worker"].wall_s) == (2, 20.0)
    assert lanes["worker"].cpu_s is None


def test_a_lane_carries_what_its_processes_used_of_the_cores():
    class Watched(CoreWatch):
        def used(self, lane):
            return CoreTime(3.0, 0.5, 0.25) if lane == "worker" else None

    tracks = [TrackSpans(lane, 0, False, "measured", spans(("a", 0, 1, -1))) for lane in ("worker", "main")]
    worker, main = lane_stats(tracks, 0, S, Watched(None))
    assert (worker.cpu_s, worker.ready_s, worker.background_cpu_s) == (3.0, 0.5, 0.25)
    assert main.cpu_s is None


def test_a_stage_of_a_background_thread_is_a_row_of_its_own():
    tracks = [
        TrackSpans("main", 0, False, "measured", spans(("receive", 0, 1, -1))),
        TrackSpans("main", 0, True, "measured", spans(("receive", 1, 4, -1))),
    ]
    own, background = stage_stats(tracks, 0, 10 * S)
    assert (own.background, own.total_s) == (False, 1.0)
    assert (background.background, background.total_s) == (True, 3.0)


def test_work_that_processes_of_the_main_lane_share_says_how_many_there_are():
    tracks = [TrackSpans("main", number, True, "measured", spans(("metric", 0, 2, -1))) for number in (1, 2)]
    tracks += [TrackSpans("worker", number, True, "measured", spans(("send", 0, 2, -1))) for number in (0, 1)]
    metric, send = stage_stats(tracks, 0, 10 * S)
    assert (metric.total_s, metric.side_by_side) == (4.0, 2)
    assert send.side_by_side == 1, "a lane of several processes has that much more time"


def test_stages_that_have_not_run_are_refused_together():
    long = "x" * 120
    tracks = [
        TrackSpans("worker", 0, False, "measured", spans(("decode", 0, 1, 1), (fitting_name(long), 1, 2, 1))),
        TrackSpans("device", 0, False, "measured", spans(("forward", 0, 1, -1))),
    ]
    refuse_unknown_stages("slow_down", ["decode", long], tracks)
    with pytest.raises(BadInput) as caught:
        refuse_unknown_stages("slow_down", ["decoded", "decode", "forward"], tracks)
    assert [problem.what for problem in caught.value.problems] == [
        "there is no stage named 'decoded'",
        "there is no stage named 'forward'",
    ]


def test_spans_are_read_as_they_were_written(tmp_path):
    tracks = [
        TrackSpans("worker", 1, True, "measured", spans(("send", 0, 1, -1), ("pack", 1, 2, 7))),
        TrackSpans("worker", 0, False, "measured", spans()),
        TrackSpans("device", 0, False, "simulated", spans(("forward", 3, 4, -1))),
    ]
    write_spans(tracks, tmp_path / SPANS)
    frame = read_spans(tmp_path)
    assert tuple(frame.columns) == SPAN_COLUMNS
    assert frame.to_dict("records") == [
        dict(zip(SPAN_COLUMNS, row, strict=True))
        for row in (
            ("worker", 1, "send", 0, S, -1, 0, True, "measured"),
            ("worker", 1, "pack", S, 2 * S, 7, 0, True, "measured"),
            ("device", 0, "forward", 3 * S, 4 * S, -1, 0, False, "simulated"),
        )
    ]


def test_what_is_collected_says_whose_it_is_and_what_is_simulated():
    channel = Channel.open(num_workers=2, spans_per_process=4)
    for of in channel.tracks():
        of.track.add(of.track.number_of("read"), 1, 2)
    device = ReplayDevice(ms_per_sample=1.0, placeholder=lambda batch: torch.zeros(1))
    device.submit("forward", pytest.fail, IndexedBatch(None, 5, [0, 1]))
    tracks = collect(channel, device)
    assert [(track.lane, track.background) for track in tracks].count(("worker", True)) == 2
    assert {track.origin for track in tracks if track.lane != "device"} == {"measured"}
    last = tracks[-1]
    assert (last.lane, last.origin, last.spans.names, last.spans.batch.tolist()) == (
        "device",
        "simulated",
        ("forward",),
        [5],
    )


def add(track: Track, stage: str, begin_s: float, end_s: float) -> None:
    track.add(track.number_of(stage), int(begin_s * S), int(end_s * S))


def test_live_totals_give_each_span_once_summed_over_the_lane():
    channel = Channel.open(num_workers=2, spans_per_process=100)
    totals = LiveTotals(channel)
    add(channel.workers[0], "decode", 0.0, 1.0)
    add(channel.workers[1], "decode", 0.0, 2.0)
    add(channel.main, "wait", 0.0, 0.5)
    add(channel.senders[0], "send", 0.0, 9.0)

    assert totals() == {"worker": {"decode": 3.0}, "main": {"wait": 0.5}}
    assert totals() == {}
    add(channel.workers[0], "Normalize", 1.0, 1.25)
    add(channel.workers[0], "decode", 1.25, 1.5)
    assert totals() == {"worker": {"Normalize": 0.25, "decode": 0.25}}


def test_where_nothing_was_timed_there_is_no_file(tmp_path) -> None:
    write_spans([TrackSpans("main", 0, False, "measured", spans())], tmp_path / SPANS)
    assert list(tmp_path.iterdir()) == []
