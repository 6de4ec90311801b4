"""The replay device keeps to its times, exactly, on a clock that only its own sleeping moves."""

from __future__ import annotations

import pytest
import torch

from workbench.measure.devices.replay import RecordedTimes, ReplayDevice

MS = 1_000_000


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


def make(time: FakeTime, **settings: object) -> ReplayDevice:
    return ReplayDevice(**{"ms_per_sample": 2.0, **settings}, clock=time.clock, sleep=time.sleep)  # type: ignore[arg-type]


def submit(device: ReplayDevice, batch: int, num_pages: int = 4):
    return device.submit("forward", pytest.fail, batch=batch, num_pages=num_pages, placeholder=torch.tensor(float(batch)))


def test_work_is_enqueued_and_returns_at_once(time):
    device = make(time)
    submit(device, 0)
    submit(device, 1)
    assert time.now == 0
    assert [(span.begin_ns, span.end_ns) for span in device.spans()] == [(0, 8 * MS), (8 * MS, 16 * MS)]


def test_a_result_waits_until_the_device_is_through(time):
    device = make(time)
    submit(device, 0)
    second = submit(device, 1)
    assert second.result().item() == 1.0
    assert time.now == 16 * MS


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
    for batch in range(3):
        submit(device, batch)
    assert time.now == 8 * MS  # the third had to wait until the first was done


def test_recorded_times_are_replayed_in_order_and_scaled_by_pages(time):
    device = make(time, recorded=RecordedTimes([10 * MS, 20 * MS], pages_per_batch=4, source="run"))
    for batch, num_pages in enumerate((4, 4, 2)):
        submit(device, batch, num_pages).result()
    assert [span.end_ns - span.begin_ns for span in device.spans()] == [10 * MS, 20 * MS, 5 * MS]


def test_a_part_of_a_step_costs_nothing_of_its_own(time):
    device = make(time)
    submit(device, 0)
    submit(device, 0, num_pages=0)
    device.drain()
    assert time.now == 8 * MS
    assert len(device.spans()) == 1


def test_what_it_gives_is_marked():
    device = ReplayDevice(ms_per_sample=3.0)
    assert device.simulated
    assert "simulated" in device.description
