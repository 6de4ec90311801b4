"""Work on the device, by events on the stages of the loop: exact on a fake device, and no copy is missed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from measure.devices.fake_cuda import MS, FakeCuda

from workbench.observer.device import DeviceTimes, goes_to_device
from workbench.observer.event_times import EventTimes
from workbench.observer.lane import Lane
from workbench.observer.rows import Rows, size_of


def device_of(cuda: FakeCuda, batches: list[int]) -> DeviceTimes:
    times = EventTimes(lambda: cuda.event(timed=True), cuda.clock)
    return DeviceTimes(lambda: batches[-1], times)


def spans_of(cuda: FakeCuda, device: DeviceTimes):
    cuda.synchronize()
    device._times.anchor()
    return list(device._times.spans())


def test_the_device_works_on_after_the_host_has_gone_on():
    cuda = FakeCuda()
    batches = [7]
    device = device_of(cuda, batches)
    begin_ns = cuda.now_ns
    device.entered("your code")
    for stage, duration in (("transfer", 1), ("forward", 5), ("backward", 9)):
        device.entered(stage)
        cuda.kernel(duration * MS)()
        device.left()
    device.left()
    assert cuda.now_ns == begin_ns  # nothing was waited for
    assert spans_of(cuda, device) == [
        ("transfer", begin_ns, begin_ns + 1 * MS, 7),
        ("forward", begin_ns + 1 * MS, begin_ns + 6 * MS, 7),
        ("backward", begin_ns + 6 * MS, begin_ns + 15 * MS, 7),
    ]


def test_a_stage_within_another_takes_its_time_from_it():
    cuda = FakeCuda()
    device = device_of(cuda, [0])
    begin_ns = cuda.now_ns
    device.entered("optimizer")
    cuda.kernel(1 * MS)()
    device.entered("your code")  # a closure
    cuda.kernel(2 * MS)()
    device.entered("forward")
    cuda.kernel(4 * MS)()
    device.left()
    device.left()
    cuda.kernel(8 * MS)()
    device.left()
    own = [(stage, (end - begin) / MS) for stage, begin, end, _ in spans_of(cuda, device)]
    assert own == [("optimizer", 1.0), ("forward", 4.0), ("optimizer", 8.0)]
    assert begin_ns == 1_000_000 * MS


def test_watchers_that_come_late_or_fail_do_no_harm(monkeypatch):
    faults = []
    monkeypatch.setattr("workbench.observer.lane.on_fault", [faults.append])
    lane = Lane(Rows(memoryview(bytearray(size_of(100))), 100))
    lane.enter("your code")
    seen = []
    late = SimpleNamespace(entered=lambda name: seen.append(name), left=lambda: seen.append("left"))

    def fails(*_: object) -> None:
        raise RuntimeError("on purpose")

    lane.watchers.append(late)
    lane.enter("forward")
    lane.leave()
    lane.leave()
    assert seen == ["forward", "left", "left"]
    lane.watchers.append(SimpleNamespace(entered=fails, left=fails))
    lane.enter("forward")
    assert [str(fault) for fault in faults] == ["on purpose"]
    cuda = FakeCuda()
    device_of(cuda, [0]).left()


@pytest.mark.parametrize(
    ("arguments", "goes"),
    [
        ((torch.device("cuda", 1),), True),
        (("cuda:0", torch.float16), True),
        ((0,), True),
        ((SimpleNamespace(is_cuda=True),), True),
        (("cpu",), False),
        ((torch.device("cpu"), True), False),
        ((torch.float32,), False),
        ((torch.zeros(1),), False),
        ((True, torch.channels_last), False),
    ],
)
def test_copies_to_the_device_are_told_from_other_conversions(arguments, goes):
    assert goes_to_device(arguments) is goes
