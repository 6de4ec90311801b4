"""Real devices do the work, and say when they did it, on the axis of all other spans."""

from __future__ import annotations

import pytest
import torch

from workbench.measure.devices.cpu import CpuDevice
from workbench.measure.timing.clock import monotonic_ns

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")


def test_the_cpu_does_the_work_at_once():
    times = iter([10, 30])
    device = CpuDevice(clock=lambda: next(times))
    pending = device.submit("forward", lambda: torch.ones(2), batch=5, num_pages=2)
    assert pending.result().tolist() == [1.0, 1.0]
    (span,) = device.spans()
    assert (span.stage, span.begin_ns, span.end_ns, span.batch) == ("forward", 10, 30, 5)
    assert not device.simulated


@needs_cuda
def test_cuda_work_is_enqueued_and_timed_on_the_same_axis():
    from workbench.measure.devices.cuda import CudaDevice

    device = CudaDevice()
    matrix = device.put(torch.rand(2048, 2048).pin_memory())
    before = monotonic_ns()
    pending = device.submit("forward", lambda: matrix @ matrix, batch=0, num_pages=1)
    result = pending.result()
    after = monotonic_ns()
    device.drain()
    assert result.device.type == "cpu"
    (span,) = device.spans()
    assert before - 1_000_000 < span.begin_ns < span.end_ns < after + 1_000_000
    assert device.peak_bytes() >= matrix.nbytes
