"""The parts of a lane add up to its whole, whatever is in it."""

from __future__ import annotations

import pytest
from record_factory import make_failed, make_lane, make_record, make_stage

from workbench.analysis.breakdown import break_down, find_lane


def test_parts_add_up_to_the_whole():
    for lane in break_down(make_record()):
        assert sum(part.total_s for part in lane.parts) == pytest.approx(lane.wall_s)
        assert sum(part.share for part in lane.parts) == pytest.approx(1.0)


def test_what_no_stage_explains_is_a_part():
    stages = [make_stage("main", "wait", 0.5)]
    record = make_record(stages=stages, lanes=[make_lane("main", 1.0, 0.5)])
    (main,) = break_down(record)
    assert main.parts[-1].stage == "unattributed"
    assert main.parts[-1].share == pytest.approx(0.5)
    assert main.closure == pytest.approx(0.5)
    assert not main.closes


def test_helper_threads_are_no_parts():
    worker = find_lane(break_down(make_record()), "worker")
    assert "send" not in [part.stage for part in worker.parts]
    assert [part.stage for part in worker.overlapped] == ["send"]


def test_per_page_is_of_the_steady_part():
    worker = find_lane(break_down(make_record()), "worker")
    decode = next(part for part in worker.parts if part.stage == "decode")
    assert decode.per_page_s == pytest.approx(0.014)
    assert decode.share == pytest.approx(0.7)


def test_waiting_is_told_from_work():
    main = find_lane(break_down(make_record()), "main")
    assert [part.stage for part in main.parts if part.is_waiting] == ["wait", "fetch"]


def test_a_failed_run_has_no_breakdown():
    assert break_down(make_failed()) == []
