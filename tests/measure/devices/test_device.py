"""What every device has in common, and the two plain ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from measure.devices.fake_cuda import MS, FakeBatch, FakeCuda

from workbench.measure.devices.cuda import CudaDevice, TorchCuda
from workbench.measure.devices.device import CpuDevice, Device, NoDevice
from workbench.measure.devices.replay import ReplayDevice


def fake_cuda() -> CudaDevice:
    cuda = FakeCuda()
    return CudaDevice(cuda, clock=cuda.clock)


def replay() -> ReplayDevice:
    return ReplayDevice(ms_per_sample=0.01, placeholder=lambda batch: torch.ones(2))


needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
real_cuda = pytest.param(lambda: CudaDevice(TorchCuda()), marks=needs_cuda, id="real_cuda")
devices = pytest.mark.parametrize("make", [CpuDevice, NoDevice, replay, fake_cuda, real_cuda])


@devices
def test_a_result_that_was_asked_for_comes_to_the_host(make: Callable[[], Device]):
    device = make()
    ones = device.put(torch.ones(2))
    pending = device.submit("forward", lambda: ones + 0, FakeBatch(0), fetch=True)
    result = pending.result()
    assert result.device.type == "cpu"
    assert result.tolist() == ([] if isinstance(device, NoDevice) else [1.0, 1.0])


@devices
def test_a_result_that_was_not_asked_for_stays_where_it_is(make: Callable[[], Device]):
    device = make()
    pending = device.submit("forward", lambda: torch.ones(2, device=device.torch_device), FakeBatch(0))
    with pytest.raises(RuntimeError, match="fetch=True"):
        pending.result()


@devices
def test_spans_come_in_order_with_their_batch(make: Callable[[], Device]):
    device = make()
    for number in range(100):
        device.submit("forward", lambda: torch.ones(2, device=device.torch_device), FakeBatch(number))
    device.drain()
    spans = device.spans()
    assert [span.batch for span in spans] == ([] if isinstance(device, NoDevice) else list(range(100)))
    assert all(span.stage == "forward" and span.begin_ns <= span.end_ns for span in spans)
    assert [span.begin_ns for span in spans] == sorted(span.begin_ns for span in spans)


@devices
def test_memory_is_there_where_it_is_the_devices_own(make: Callable[[], Device]):
    device = make()
    assert (device.memory() is not None) is isinstance(device, CudaDevice)


def test_the_cpu_does_the_work_when_it_is_submitted():
    times = iter([10, 30])
    device = CpuDevice(clock=lambda: next(times))
    device.submit("forward", lambda: torch.ones(2), FakeBatch(5))
    (span,) = device.spans()
    assert (span.stage, span.begin_ns, span.end_ns, span.batch) == ("forward", 10, 30, 5)
    assert not device.simulated


def test_no_device_does_no_work():
    NoDevice().submit("forward", pytest.fail, FakeBatch(0), fetch=True)


def test_the_fake_refuses_what_cuda_refuses():
    cuda = FakeCuda()
    begin, end = cuda.event(timed=True), cuda.event(timed=True)
    begin.record()
    cuda.kernel(MS)()
    end.record()
    with pytest.raises(RuntimeError, match="not ready"):
        begin.elapsed_time(end)
    with pytest.raises(AssertionError, match="pageable"):
        cuda.copy_to_host(torch.ones(2), torch.ones(2))
    with pytest.raises(AssertionError, match="pageable"):
        cuda.to_device(torch.ones(2), non_blocking=True)
