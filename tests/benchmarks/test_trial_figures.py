"""What must be true of every record of a real device, each with a fault that breaks it."""

from __future__ import annotations

import pandas as pd
import pytest
from promise.trial_figures import attributed, device_memory, device_sum, over_all, training, warm
from record_factory import make_lane, make_record, make_stage, make_steady

from workbench.records import SPAN_COLUMNS, Batches, Memory, Record

TRAINING = ("forward", "loss", "backward", "optimizer")


def on_device(*stages: str, each_s: float = 0.02, worker_s: float = 1.98) -> Record:
    """A record of ten steps in a second, with the same time on the device in every stage."""
    lanes = [
        make_lane("main", 1.0, 0.99),
        make_lane("worker", 2.0, worker_s, processes=2),
        make_lane("device", 1.0, 10 * each_s * len(stages)),
    ]
    return make_record(lanes=lanes, stages=[make_stage("device", stage, 10 * each_s) for stage in stages])


@pytest.mark.parametrize(("worker_s", "met"), [(1.98, True), (1.88, False)])
def test_a_lane_with_a_gap_is_found(worker_s: float, met: bool) -> None:
    figures = {figure.name: figure for figure in attributed(on_device("forward", worker_s=worker_s), "here")}

    assert figures["attributed share, worker lane, here"].met is met
    assert figures["attributed share, main lane, here"].met
    assert figures["attributed share, device lane, here"].met  # it may be free
    assert figures["attributed share, device lane, here"].value == pytest.approx(0.2)


@pytest.mark.parametrize(("each_s", "met"), [(0.099, True), (0.101, False)])
def test_more_work_on_the_device_than_there_was_time_is_found(each_s: float, met: bool) -> None:
    figure = device_sum(on_device("forward", each_s=each_s), "here")

    assert figure.met is met
    assert figure.value == pytest.approx(10 * each_s)


def test_a_step_that_is_missing_on_the_device_is_found() -> None:
    record = on_device("forward")
    stages = [record.stages[0].model_copy(update={"count": 9})]

    assert not device_sum(record.model_copy(update={"stages": stages}), "here").met


def test_a_record_without_device_spans_says_so() -> None:
    figure = device_sum(make_record(), "here")

    assert (figure.value, figure.met, figure.detail) == (None, False, "there are no device spans")


def cold_run(first_ms: float, *, small_ms: float = 4.0) -> tuple[Record, pd.DataFrame]:
    """Three epochs of two batches of 4 and one of 2, after one epoch of warm-up; the first counted one may be cold."""
    sizes = [4, 4, 2] * 4
    steady = make_steady(1.0, num_steps=9, num_samples=30, warmup_steps=3)
    batches = Batches(number=list(range(12)), samples=sizes, num_bytes=[1] * 12)
    record = make_record().model_copy(update={"steady": steady, "batches": batches})
    times_ms = [500.0, 8.0, 300.0, first_ms, 8.0, small_ms, *[8.0, 8.0, 4.0] * 2]
    rows = [
        ("device", 0, "forward", 10**9 * number, 10**9 * number + round(ms * 1e6), -1, number, False, "measured")
        for number, ms in enumerate(times_ms)
    ]
    return record, pd.DataFrame(rows, columns=list(SPAN_COLUMNS))


@pytest.mark.parametrize(("first_ms", "small_ms", "met"), [(8.1, 4.0, True), (500.0, 4.0, False), (8.0, 300.0, False)])
def test_a_counted_step_that_is_not_warm_is_found(first_ms: float, small_ms: float, met: bool) -> None:
    figure = warm(*cold_run(first_ms, small_ms=small_ms), "here")

    assert figure.met is met
    assert figure.value == pytest.approx(max(first_ms / 8.0, small_ms / 4.0))


def test_a_batch_size_that_was_seen_too_rarely_is_said() -> None:
    record, spans = cold_run(8.0)
    figure = warm(record, spans[spans["batch"] < 9], "here")

    assert figure.value is None
    assert "batches of 2" in figure.detail


def test_device_memory_that_the_driver_does_not_list_is_said() -> None:
    memory = Memory(peak_device_bytes=2 * 10**9, device_process_bytes=None)
    allocator, driver = device_memory(make_record().model_copy(update={"memory": memory}), "here")

    assert allocator.met and allocator.value == 2000.0
    assert not driver.met and "does not list this process" in driver.detail


def test_the_driver_cannot_hold_less_than_the_allocator() -> None:
    memory = Memory(peak_device_bytes=2 * 10**9, device_process_bytes=10**9)
    _, driver = device_memory(make_record().model_copy(update={"memory": memory}), "here")

    assert not driver.met


def test_a_training_step_has_all_its_stages() -> None:
    whole = training(on_device(*TRAINING), "here")
    assert whole.met and whole.value == pytest.approx(80.0)

    broken = training(on_device("forward", "loss", "backward"), "here")
    assert (broken.value, broken.detail) == (None, "no spans of optimizer")


def test_the_worst_of_all_trials_is_shown() -> None:
    sound, gap, too_much = on_device("forward"), on_device("forward", worker_s=1.0), on_device("forward", each_s=0.2)
    main, worker, whole = over_all([sound, gap, too_much])

    assert main.met
    assert (worker.met, worker.value) == (False, 0.5)
    assert not whole.met and whole.value == pytest.approx(2.0)


def test_without_any_trial_nothing_is_claimed() -> None:
    assert [figure.met for figure in over_all([])] == [False, False, False]
