"""Self times: by a clock of the test's own, to the nanosecond."""

from __future__ import annotations

import os

from workbench.observer.lane import Lane
from workbench.observer.rows import BYTES_BEFORE_ROWS, COLUMNS, NONE, Rows, RowsFile, open_rows, size_of


class Clock:
    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        self.now += 10
        return self.now


def made() -> tuple[Lane, Rows]:
    rows = Rows(memoryview(bytearray(size_of(100))), 100)
    return Lane(rows, Clock()), rows


def segments(rows: Rows) -> list[tuple[str, int, int]]:
    names, table = rows.stage_names(), rows.written()
    return [(names[table[row]], table[row + 1], table[row + 2]) for row in range(0, len(table), COLUMNS)]


def test_a_stage_within_another_closes_its_segment_and_opens_it_again():
    lane, rows = made()
    lane.enter("outer")  # at 10
    lane.enter("inner")  # at 20
    lane.leave()  # at 30
    lane.leave()  # at 40

    assert segments(rows) == [("outer", 10, 20), ("inner", 20, 30), ("outer", 30, 40)]


def test_what_an_exception_has_left_open_is_closed_without_a_gap():
    lane, rows = made()
    for name in ("fetch", "sample", "decode"):
        lane.enter(name)
    lane.leave_to(1)
    found = segments(rows)

    assert lane.depth == 1
    assert [end for _, _, end in found[:-1]] == [begin for _, begin, _ in found[1:]]


def test_a_lane_that_starts_anew_leaves_no_gap():
    lane, rows = made()
    for name in ("your code", "forward"):
        lane.enter(name)
    lane.restart("wait")
    lane.leave()
    found = segments(rows)

    assert found[-1][0] == "wait"
    assert [end for _, _, end in found[:-1]] == [begin for _, begin, _ in found[1:]]


def test_what_comes_before_the_first_start_is_nothing():
    lane, rows = made()
    lane.restart("wait")  # at 10
    lane.leave()  # at 20
    lane.restart("wait")  # at 30: nothing was open in between
    lane.leave()

    assert segments(rows) == [("wait", 10, 20), ("wait", 30, 40)]


def test_segments_belong_to_the_sample_and_batch_of_their_end():
    lane, rows = made()
    lane.enter("idle")
    lane.enter("fetch")
    lane.batch, lane.sample = 7, 3
    lane.leave()

    assert rows.written().tolist()[3:5] == [NONE, NONE]
    assert rows.written().tolist()[8:10] == [3, 7]


def test_a_file_of_rows_is_never_seen_half_made(tmp_path, monkeypatch):
    path = tmp_path / "1.counts.0.rows"
    seen = []
    make_room = os.ftruncate
    monkeypatch.setattr(os, "ftruncate", lambda *arguments: (seen.append(path.exists()), make_room(*arguments)))
    RowsFile(str(path), 2)

    assert seen == [False] and open_rows(str(path)).stage_names() == ()


def test_rows_in_a_file_are_read_while_they_are_written_and_dropped_where_there_is_no_room(tmp_path):
    path = str(tmp_path / "1.main.0.rows")
    rows = RowsFile(path, 2)
    for begin in range(3):
        rows.add(rows.number_of("stage"), begin, begin + 1)
    read = open_rows(path)

    assert len(read.written()) == 2 * COLUMNS and read.dropped == 1 and read.stage_names() == ("stage",)
    assert (tmp_path / "1.main.0.rows").stat().st_size == BYTES_BEFORE_ROWS + 2 * COLUMNS * 8
