"""The parts of a lane add up to its whole, whatever is in it."""

from __future__ import annotations

import pytest
from record_factory import make_failed, make_lane, make_record, make_stage, make_stages

from workbench.explain.breakdown import bound_by_background, break_down, explain_lanes, find_lane
from workbench.stages import Stage


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
    assert main.attributed_share == pytest.approx(0.5)
    assert not main.closes


def test_background_threads_are_not_parts():
    worker = find_lane(break_down(make_record()), "worker")
    assert "send" not in [part.stage for part in worker.parts]
    assert [part.stage for part in worker.background] == ["send"]


def test_per_sample_is_of_the_counted_steps():
    worker = find_lane(break_down(make_record()), "worker")
    decode = next(part for part in worker.parts if part.stage == "decode")
    assert decode.per_sample_s == pytest.approx(0.014)
    assert decode.share == pytest.approx(0.7)


def test_waiting_and_starting_are_not_work():
    stages = [*make_stages(), make_stage("worker", "start", 0.01), make_stage("worker", "thought_up", 0.01)]
    lanes = break_down(make_record(stages=stages))
    main, worker = find_lane(lanes, "main"), find_lane(lanes, "worker")
    assert [part.stage for part in main.parts if part.is_waiting] == ["wait", "fetch"]
    assert [part.stage for part in worker.parts if part.is_waiting] == ["idle"]
    assert [part.stage for part in worker.parts if not part.is_work] == ["idle", "start"]


def test_a_stage_of_a_workload_is_what_its_own_catalogue_says():
    record = make_record(stages=[make_stage("main", "listen", 0.4)], lanes=[make_lane("main", 1.0, 0.4)])
    record = record.model_copy(update={"workload_stages": [Stage("listen", "main", "wait")]})
    (main,) = break_down(record)
    assert [part.stage for part in main.parts if part.is_waiting] == ["listen"]


@pytest.mark.parametrize(
    ("waits", "busy", "on_device", "bound"),
    [
        ({"backlog": 0.8, "wait": 0.1}, 0.95, 0.7, True),
        ({"backlog": 0.1, "wait": 0.8}, 0.95, 0.7, False),  # it follows a slow loader
        ({"backlog": 0.8, "wait": 0.1}, 0.95, 0.99, False),  # it waits for the device
        ({"backlog": 0.8, "wait": 0.1}, 0.60, 0.7, False),
    ],
)
def test_a_busy_background_thread_bounds_a_run_where_the_main_process_waits_for_it(waits, busy, on_device, bound):
    stages = [make_stage("main", name, share) for name, share in waits.items()]
    stages += [
        make_stage("main", "postprocess", busy, background=True),
        make_stage("main", "fetch", 0.9, background=True),
    ]
    stages += [make_stage("device", "forward", on_device)]
    lanes = [make_lane("main", 1.0, 0.9), make_lane("device", 1.0, on_device)]
    assert bound_by_background(break_down(make_record(stages=stages, lanes=lanes))) is bound


def test_processes_beside_the_lane_are_as_busy_as_they_are_on_the_average():
    stages = [
        make_stage("main", "wait", 0.9),
        make_stage("main", "results", 0.5, background=True),
        make_stage("main", "hand over", 0.3, background=True),
        make_stage("main", "postprocess", 1.4, background=True, side_by_side=2),
        make_stage("main", "metric", 0.2, background=True, side_by_side=2),
    ]
    (main,) = break_down(make_record(stages=stages, lanes=[make_lane("main", 1.0, 0.9)]))
    assert [part.share for part in main.background] == pytest.approx([0.5, 0.3, 0.7, 0.1])
    assert main.background_busy == pytest.approx(0.8), "of the thread that hands over and the processes, the busier"


def test_a_failed_run_has_no_breakdown():
    assert break_down(make_failed()) == []


def test_stages_that_count_twice_do_not_close():
    """The study's mistake: parts timed on another input than in their place are twice the whole."""
    stages = [make_stage("worker", "Normalize", 3.15), make_stage("worker", "PadIfNeeded", 0.44)]
    (worker,) = break_down(make_record(stages=stages, lanes=[make_lane("worker", 1.8, 1.8)]))
    assert worker.explained == pytest.approx(1.99, abs=0.01)
    assert not worker.closes
    assert sum(part.share for part in worker.parts) == pytest.approx(worker.explained), "and nothing is left over"
    assert min(part.share for part in worker.parts) == 0.0, "no share is below nothing"


def test_a_device_may_be_free():
    stages = [make_stage("device", "forward", 0.1)]
    (device,) = break_down(make_record(stages=stages, lanes=[make_lane("device", 1, 0.1)]))
    assert device.closes
    assert device.parts[-1].stage == "free"


def test_samples_loaded_in_the_main_process_are_explained():
    lanes = break_down(make_record(num_workers=0))
    assert [lane.lane for lane in lanes if lane.in_main] == ["worker"]
    text = explain_lanes(lanes, "image")
    assert "Images are loaded in the main process" in text
    assert "waits for a batch" not in text, "it loads it itself"
    assert "'wait' of the main lane is that loading" in text
    assert "within 'wait'" not in explain_lanes(break_down(make_record()))


def test_only_stages_that_are_there_are_explained():
    text = explain_lanes(break_down(make_record()))
    assert "'wait': the main process waits for a batch." in text
    assert "'start'" not in text
