"""The parts of a lane add up to its whole, whatever is in it."""

from __future__ import annotations

import pytest
from record_factory import make_failed, make_lane, make_record, make_stage

from workbench.explain.breakdown import break_down, explain_lanes, find_lane


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
    assert [part.stage for part in worker.background] == ["send"]


def test_per_page_is_of_the_steady_part():
    worker = find_lane(break_down(make_record()), "worker")
    decode = next(part for part in worker.parts if part.stage == "decode")
    assert decode.per_sample_s == pytest.approx(0.014)
    assert decode.share == pytest.approx(0.7)


def test_waiting_is_told_from_work():
    main = find_lane(break_down(make_record()), "main")
    assert [part.stage for part in main.parts if part.is_waiting] == ["wait", "fetch"]


def test_a_failed_run_has_no_breakdown():
    assert break_down(make_failed()) == []


def test_stages_that_count_twice_do_not_close():
    """The study's mistake: parts timed on another input than in their place are twice the whole."""
    stages = [make_stage("worker", "Normalize", 3.15), make_stage("worker", "PadIfNeeded", 0.44)]
    (worker,) = break_down(make_record(stages=stages, lanes=[make_lane("worker", 1.8, 1.8)]))
    assert worker.explained == pytest.approx(1.99, abs=0.01)
    assert not worker.closes
    assert sum(part.total_s for part in worker.parts) == pytest.approx(worker.wall_s)


def test_a_device_may_be_free():
    stages = [make_stage("device", "forward", 0.1)]
    (device,) = break_down(make_record(stages=stages, lanes=[make_lane("device", 1, 0.1)]))
    assert device.closes
    assert device.parts[-1].stage == "free"


def test_pages_loaded_in_the_main_process_are_explained():
    lanes = break_down(make_record(num_workers=0))
    assert [lane.lane for lane in lanes if lane.in_main] == ["worker"]
    assert "within 'wait'" in explain_lanes(lanes)
    assert "within 'wait'" not in explain_lanes(break_down(make_record()))


def test_only_stages_that_are_there_are_explained():
    told = explain_lanes(break_down(make_record()))
    assert "'wait'" in told
    assert "'start'" not in told
