"""The replay device keeps to its times, exactly, on a clock that only its own sleeping moves."""

from __future__ import annotations

import pandas as pd
import pytest
import torch
from measure.devices.fake_cuda import MS, FakeBatch

from workbench.measure.devices.replay import RecordedTimes, ReplayDevice, recorded_times


class FakeTime:
    def __init__(self) -> None:
        self.now = 0
        self.slept = 0.0

    def clock(self) -> int:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.now += round(seconds * 1e9)


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


def make(time: FakeTime, recorded: RecordedTimes | None = None) -> ReplayDevice:
    return ReplayDevice(
        ms_per_sample=2.0,
        placeholder=lambda batch: torch.tensor(float(batch.number)),
        recorded=recorded,
        clock=time.clock,
        sleep=time.sleep,
    )


def submit(device: ReplayDevice, number: int, num_samples: int = 4):
    return device.submit("forward", pytest.fail, FakeBatch(number, tuple(range(num_samples))), fetch=True)


def durations(device: ReplayDevice) -> list[int]:
    return [span.end_ns - span.begin_ns for span in device.spans()]


def test_work_is_enqueued_and_returns_at_once(time):
    device = make(time)
    submit(device, 0)
    submit(device, 1)
    assert time.now == 0
    assert [(span.begin_ns, span.end_ns) for span in device.spans()] == [(0, 8 * MS), (8 * MS, 16 * MS)]


def test_a_result_waits_until_the_device_has_finished_it(time):
    device = make(time)
    submit(device, 0)
    second = submit(device, 1)
    assert second.result().item() == 1.0
    assert time.now == 16 * MS


def test_a_result_does_not_wait_for_later_batches(time):
    device = make(time)
    first = submit(device, 0)
    submit(device, 1)
    first.result()
    assert time.now == 8 * MS


def test_work_on_the_host_overlaps_with_the_device(time):
    device = make(time)
    pending = submit(device, 0)
    time.now += 5 * MS
    pending.result()
    assert time.slept == pytest.approx(0.003)


def test_a_late_step_starts_when_it_is_submitted(time):
    device = make(time)
    submit(device, 0).result()
    time.now += 100 * MS
    submit(device, 1)
    assert device.spans()[1].begin_ns == 108 * MS


def test_the_host_runs_ahead_by_two_steps_and_no_more(time):
    device = make(time)
    for number in range(3):
        submit(device, number)
    assert time.now == 8 * MS  # the third had to wait until the first was done


def test_recorded_times_are_replayed_in_order_and_scaled_by_samples(time):
    device = make(time, RecordedTimes([10 * MS, 20 * MS], samples_per_batch=[4, 2], source="run"))
    for number, num_samples in enumerate((4, 4, 2)):
        submit(device, number, num_samples).result()
    assert durations(device) == [10 * MS, 40 * MS, 5 * MS]


def test_a_step_costs_its_time_once(time):
    device = make(time)
    for number in range(3):
        for stage in ("forward", "loss", "backward", "optimizer"):
            device.submit(stage, pytest.fail, FakeBatch(number))
    device.drain()
    assert time.now == 24 * MS
    assert [(span.stage, span.batch) for span in device.spans()] == [("forward", 0), ("forward", 1), ("forward", 2)]


def test_later_work_of_a_batch_has_its_result_when_the_batch_is_done(time):
    device = make(time)
    submit(device, 0)
    assert submit(device, 0).result().item() == 0.0
    assert time.now == 8 * MS


def test_batches_that_are_counted_anew_cost_their_time_again(time):
    device = make(time)
    submit(device, 0)
    device.drain()
    submit(device, 0)
    device.drain()
    assert time.now == 16 * MS


def test_a_result_that_nobody_asks_for_is_not_made():
    device = ReplayDevice(ms_per_sample=1.0, placeholder=pytest.fail)
    device.submit("forward", pytest.fail, FakeBatch(0))


def test_a_result_is_made_while_the_batch_is_there(time):
    data = torch.ones(1)
    device = ReplayDevice(
        ms_per_sample=1.0, placeholder=lambda batch: batch.data.clone(), clock=time.clock, sleep=time.sleep
    )
    pending = device.submit("forward", pytest.fail, FakeBatch(0, data=data), fetch=True)
    data.zero_()  # the slot of the batch is given back, and filled again
    assert pending.result().item() == 1.0


def test_what_it_gives_is_marked():
    device = ReplayDevice(ms_per_sample=3.0, placeholder=lambda batch: torch.ones(1))
    assert device.simulated
    assert device.description == "replay device: 3 ms per sample (simulated)"


def spans_of(rows: list[tuple[str, str, int, int, int, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["lane", "stage", "begin_ns", "end_ns", "batch", "origin"])


def test_the_device_time_of_a_batch_is_that_of_all_its_stages():
    spans = spans_of(
        [
            ("device", "forward", 0, 8, 0, "measured"),
            ("main", "forward", 0, 99, 0, "measured"),
            ("device", "backward", 8, 13, 0, "measured"),
            ("device", "forward", 20, 21, 1, "measured"),
            ("device", "forward", 30, 99, 2, "measured"),
        ]
    )
    assert recorded_times(spans, {0: 4, 1: 2}, "run") == RecordedTimes([13, 1], [4, 2], "run")


def test_there_are_no_times_where_none_were_measured():
    assert recorded_times(spans_of([("device", "forward", 0, 8, 0, "simulated")]), {0: 4}, "run") is None
