"""Idle time of the device is charged to what held it up: exact times, each second once."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from planted_run import Pipeline
from record_factory import make_lane, make_record, make_stage, make_steady

from workbench.explain.breakdown import break_down
from workbench.explain.diagnosis.charges import charge
from workbench.explain.diagnosis.critical_path import CriticalPath, Holder
from workbench.records import SPAN_COLUMNS, Description, Record

MS = 1_000_000


def spans_of(*rows: tuple) -> pd.DataFrame:
    """Spans in milliseconds: lane (``"results"``: the background thread), stage, begin, end, batch."""
    found = []
    for lane, stage, begin, end, *batch in rows:
        where, _, process = lane.partition(" ")
        is_background = where == "results"
        found.append(
            ("main" if is_background else where, int(process or 0), stage, begin * MS, end * MS, -1, *(batch or [-1]),
             is_background, "measured")
        )  # fmt: skip
    return pd.DataFrame(found, columns=list(SPAN_COLUMNS))


def record_of(end: int, **settings) -> Record:
    """A run of two steps, from 0 to `end` milliseconds."""
    base = make_record(**{"num_workers": 1, "batch_size": 10, "epoch_overlap": True, **settings})
    return base.model_copy(update={"steady": make_steady(end / 1e3, num_steps=2, num_samples=20)})


def charged(record: Record, spans: pd.DataFrame, **settings) -> dict[tuple[str, str], float]:
    """Milliseconds by holder; the device's idle time is all that there is."""
    assert record.steady is not None
    path = CriticalPath(record, record.steady, spans, **settings)
    found = path.charges()
    idle_s = (1.0 - path.busy_share) * record.steady.wall_s
    assert sum(found.values()) == pytest.approx(idle_s)
    return {(holder.kind, holder.stage): round(seconds * 1e3, 6) for holder, seconds in found.items() if seconds > 0.0}


def test_work_between_two_steps_of_a_device_that_is_waited_for_is_what_holds_it_up():
    spans = spans_of(
        ("device", "forward", 0, 50, 0), ("main", "fetch", 0, 50, 0),
        ("main", "postprocess", 50, 70, 0), ("main", "metric", 70, 80, 0), ("main", "transfer", 80, 100, 1),
        ("device", "forward", 100, 150, 1), ("main", "fetch", 100, 150, 1),
    )  # fmt: skip
    assert charged(record_of(150), spans) == {
        ("main", "postprocess"): 20.0, ("main", "metric"): 10.0, ("main", "transfer"): 20.0,
    }  # fmt: skip


def test_a_main_process_that_is_always_at_work_holds_up_by_all_that_it_does_and_not_by_what_it_did_last():
    """The device is at work for the first 60 of 100 ms: all that the loop did in the 100 ms had to be done."""
    spans = spans_of(
        ("device", "forward", 0, 60, 0), ("main", "log", 0, 80, 0), ("main", "transfer", 80, 100, 1),
        ("device", "forward", 100, 160, 1), ("main", "log", 100, 160, 1),
    )  # fmt: skip
    assert charged(record_of(160), spans) == {("main", "log"): 32.0, ("main", "transfer"): 8.0}


#: The loop waits for its background thread while the device is at work; when that is idle, it goes on.
BACKGROUND = spans_of(
    ("device", "forward", 0, 60, 0), ("main", "backlog", 0, 90, 0), ("main", "receive", 90, 100, 1),
    ("results", "postprocess", 0, 70, -1), ("results", "metric", 70, 90, -1),
    ("device", "forward", 100, 160, 1), ("main", "backlog", 100, 160, 1), ("results", "postprocess", 100, 160, 0),
)  # fmt: skip


def test_a_background_thread_that_the_loop_waits_for_is_charged_though_the_device_is_at_work_meanwhile():
    assert charged(record_of(160), BACKGROUND) == {
        ("background", "postprocess"): 28.0, ("background", "metric"): 8.0, ("main", "receive"): 4.0,
    }  # fmt: skip


def test_a_charge_is_missed_where_its_thread_is_left_out():
    """Planted: spans without the background thread's; then its time is late, and nobody's."""
    without = BACKGROUND[~BACKGROUND["background"]]
    assert charged(record_of(160), without) == {("late", ""): 36.0, ("main", "receive"): 4.0}


def test_who_goes_on_after_the_device_was_through_is_late():
    spans = spans_of(
        ("device", "forward", 0, 50, 0), ("main", "fetch", 0, 58, 0), ("main", "metric", 58, 60, 0),
        ("device", "forward", 60, 100, 1), ("main", "fetch", 60, 100, 1),
    )  # fmt: skip
    assert charged(record_of(100), spans) == {("late", ""): 8.0, ("main", "metric"): 2.0}


def test_waiting_for_a_batch_is_charged_to_what_its_worker_made_it_of():
    """Made from 0 to 180: half of it decoding, a quarter nothing that was timed; the loop waits from 100 to 190."""
    spans = spans_of(
        ("device", "forward", 0, 100, 0), ("main", "fetch", 0, 100, 0), ("main", "wait", 100, 190, 1),
        ("worker 0", "decode", 0, 90, 1), ("worker 0", "collate", 135, 180, 1),
        ("device", "forward", 190, 200, 1), ("main", "fetch", 190, 200, 1),
    )  # fmt: skip
    found = charged(record_of(200), spans)
    made = 90 * 180 / 190
    assert found[("sending", "send")] == pytest.approx(90 - made, abs=1e-5)
    assert found[("loading", "decode")] == pytest.approx(made / 2, abs=1e-5)
    assert found[("loading", "collate")] == found[("loading", "")] == pytest.approx(made / 4, abs=1e-5)


def test_a_wait_for_a_batch_that_nobody_names_is_charged_as_any_batch_is_made():
    spans = spans_of(
        ("device", "forward", 0, 20, 0), ("main", "fetch", 0, 20, 0), ("main", "wait", 20, 100, -1),
        ("worker 0", "decode", 0, 75, 1), ("worker 0", "collate", 75, 100, 1),
        ("device", "forward", 100, 110, 1), ("main", "fetch", 100, 110, 1),
    )  # fmt: skip
    assert charged(record_of(110), spans) == {("loading", "decode"): 60.0, ("loading", "collate"): 20.0}


def test_a_wait_that_names_the_batch_before_is_for_the_one_that_comes_next():
    """As the loop of an observed script is: its batch is known when it has it."""
    spans = spans_of(
        ("device", "forward", 0, 20, 0), ("main", "your code", 0, 20, 0), ("main", "wait", 20, 100, 0),
        ("worker 0", "read", -20, 0, 0), ("worker 0", "decode", 0, 100, 1), ("main", "your code", 100, 110, 1),
        ("device", "forward", 100, 110, 1),
    )  # fmt: skip
    assert charged(record_of(110), spans) == {("loading", "decode"): 80.0}


def test_rare_slow_samples_have_their_share_of_their_batch():
    spans = spans_of(
        ("main", "wait", 0, 100, 0), ("worker 0", "decode", 0, 100, 0), ("device", "forward", 100, 200, 0),
        ("main", "fetch", 100, 200, 0),
    )  # fmt: skip
    assert charged(record_of(200), spans, rare={0: 0.6}) == {("rare", ""): 60.0, ("loading", "decode"): 40.0}


def test_a_start_of_workers_and_a_batch_that_comes_late_because_an_epoch_ended_are_told_from_loading():
    """A worker that was idle for 30 ms before the first batch of an epoch would have had these made before."""
    spans = spans_of(
        ("device", "forward", 0, 20, 0), ("main", "fetch", 0, 20, 0), ("main", "wait", 20, 100, 1),
        ("worker 0", "idle", 0, 30, -1), ("worker 0", "start", 30, 50, -1), ("worker 0", "decode", 50, 100, 1),
        ("device", "forward", 100, 110, 1), ("main", "fetch", 100, 110, 1),
    )  # fmt: skip
    record = record_of(110, epoch_overlap=False)
    record = record.model_copy(update={"description": Description(num_samples=10)})
    found = charged(record, spans)
    # Of 100 ms back to the step before: 30 + 10 of the epoch (idle, and in the loop's wait), 20 starting, 20 loading.
    assert found[("start", "start")] == pytest.approx(20.0)
    assert found[("epoch", "")] == pytest.approx(40.0)
    assert found[("loading", "decode")] == pytest.approx(20.0)
    assert "epoch" not in {kind for kind, _ in charged(record_of(110), spans_of_steady_epoch())}


def test_a_worker_that_has_just_started_has_no_order_for_a_moment_and_that_is_its_start():
    """As workers are: idle until the first order arrives, and a little before the first stage."""
    spans = spans_of(
        ("device", "forward", 0, 20, 0), ("main", "fetch", 0, 20, 0), ("main", "wait", 20, 100, 1),
        ("worker 0", "start", 20, 58, -1), ("worker 0", "idle", 58, 60, -1), ("worker 0", "decode", 60, 100, 1),
        ("device", "forward", 100, 110, 1), ("main", "fetch", 100, 110, 1),
    )  # fmt: skip
    found = charged(record_of(110), spans)  # idle for 80 of the 100 ms back to the step before
    assert found[("start", "start")] == found[("loading", "decode")] == pytest.approx(0.8 * 40)


def test_what_a_new_worker_does_before_its_first_stage_is_its_start_and_of_one_that_is_not_new_it_is_unexplained():
    """It imports what its data set needs, for 20 of 100 ms."""

    def found(before: str) -> dict[tuple[str, str], float]:
        spans = spans_of(
            ("device", "forward", 0, 20, 0), ("main", "fetch", 0, 20, 0), ("main", "wait", 20, 100, 1),
            ("worker 0", before, 0, 40, 0), ("worker 0", "idle", 40, 40, -1), ("worker 0", "decode", 60, 100, 1),
            ("device", "forward", 100, 110, 1), ("main", "fetch", 100, 110, 1),
        )  # fmt: skip
        return charged(record_of(110), spans)

    assert found("start") == {("start", "start"): pytest.approx(48.0), ("loading", "decode"): pytest.approx(32.0)}
    assert found("read")[("loading", "")] == pytest.approx(16.0)


def spans_of_steady_epoch() -> pd.DataFrame:
    """The same without an end of an epoch: the worker was at work all the time."""
    return spans_of(
        ("device", "forward", 0, 20, 0), ("main", "fetch", 0, 20, 0), ("main", "wait", 20, 100, 1),
        ("worker 0", "decode", 0, 100, 1),
        ("device", "forward", 100, 110, 1), ("main", "fetch", 100, 110, 1),
    )  # fmt: skip


def test_time_that_no_span_covers_is_unexplained():
    spans = spans_of(
        ("device", "forward", 0, 50, 0), ("main", "fetch", 0, 50, 0), ("main", "metric", 50, 60, 0),
        ("device", "forward", 100, 150, 1), ("main", "fetch", 100, 150, 1),
    )  # fmt: skip
    assert charged(record_of(150), spans) == {("main", "metric"): 10.0, ("unexplained", ""): 40.0}


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("background", [{}, {"postprocess": 0.03}, {"postprocess": 0.2}])
def test_in_whole_runs_all_idle_time_is_charged_and_next_to_nothing_of_it_is_unexplained(workers, background):
    record, spans = replace(Pipeline(workers=workers), background=background, start=0.1).run()
    found = charged(record, spans)
    assert found.get(("unexplained", ""), 0.0) < 0.01 * sum(found.values())


def test_without_a_device_it_is_workers_without_orders_that_are_charged():
    """Loading alone: the worker is idle for 40 of 100 ms, 30 of them while the loop writes a log."""
    spans = spans_of(
        ("worker 0", "decode", 0, 60, 0), ("worker 0", "idle", 60, 100, -1),
        ("main", "wait", 0, 60, 0), ("main", "log", 60, 90, 0), ("main", "wait", 90, 100, 1),
    )  # fmt: skip
    stages = [
        make_stage("worker", "decode", 0.06),
        make_stage("worker", "idle", 0.04),
        make_stage("main", "wait", 0.07),
    ]
    lanes = [make_lane("main", 0.1, 0.1), make_lane("worker", 0.1, 0.1)]
    record = record_of(100, stages=[*stages, make_stage("main", "log", 0.03)], lanes=lanes)
    found = charge(record, break_down(record), spans)
    assert (found.ceiling, found.reached) == ("loading", pytest.approx(0.6))
    assert {holder: pytest.approx(share) for holder, share in found.charges.items() if share} == {
        Holder("main", "log"): 0.3, Holder("epoch"): 0.1,
    }  # fmt: skip


def test_of_a_record_without_spans_the_main_process_says_what_holds_it_up():
    stages = [make_stage("main", "wait", 0.2), make_stage("main", "metric", 0.2), make_stage("main", "fetch", 0.6)]
    stages += [make_stage("device", "forward", 0.7), make_stage("worker", "decode", 1.0)]
    record = make_record(stages=stages, lanes=[make_lane(lane, 1.0, 1.0) for lane in ("main", "device", "worker")])
    found = charge(record, break_down(record), None)
    assert (found.ceiling, found.reached) == ("device", pytest.approx(0.7))
    assert found.charges == {
        Holder("loading", "decode"): pytest.approx(0.15),
        Holder("main", "metric"): pytest.approx(0.15),
        Holder("unexplained"): 0.0,
    }
