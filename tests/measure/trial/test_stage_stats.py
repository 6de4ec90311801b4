"""Sums of spans, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.measure.timing.spans import Spans
from workbench.measure.trial.stage_stats import TrackSpans, closure, covered_ns, lane_stats, stage_stats

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


def test_totals_are_clipped_to_the_steady_part_and_means_are_not():
    decoded = spans(("decode", 0, 2, 1), ("decode", 3, 4, 2), ("decode", 9, 12, 3))
    track = TrackSpans("worker", 0, False, "measured", decoded)
    (row,) = stage_stats([track], 1 * S, 10 * S)
    assert row.count == 2  # the third ended after the steady part
    assert row.total_s == pytest.approx(1 + 1 + 1)
    assert row.mean_s == pytest.approx(1.5)
    assert (row.per, row.lane, row.background) == ("page", "worker", False)


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


def test_closure_is_the_covered_share_of_all_processes_and_leaves_helpers_out():
    tracks = [
        TrackSpans("worker", 0, False, "measured", spans(("decode", 0, 10, 1))),
        TrackSpans("worker", 1, False, "measured", spans(("decode", 0, 5, 1))),
        TrackSpans("worker", 1, True, "measured", spans(("send", 5, 10, -1))),
        TrackSpans("main", 0, False, "measured", spans(("wait", 0, 9, -1))),
    ]
    shares = closure(lane_stats(tracks, 0, 10 * S))
    assert shares.worker == pytest.approx(0.75)
    assert shares.main == pytest.approx(0.9)
