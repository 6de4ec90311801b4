"""CUDA work is timed without being waited for: exact on a fake with a clock of its own, and right on a real device.

The way of old, `LateDevice`, is held to the same checks and must fail them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Protocol

import pytest
import torch
from measure.devices.fake_cuda import MS, FakeBatch, FakeCuda, FakeEvent, S

from workbench.measure.devices.cuda import CudaDevice, TorchCuda, nvml_process_bytes
from workbench.measure.devices.device import Device, DeviceMemory, DeviceSpan, Pending
from workbench.measure.timing.spans import monotonic_ns

US = 1_000

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")


class Measured(Protocol):
    def submit(self, stage, work, batch, *, fetch: bool = False) -> Pending: ...

    def drain(self) -> None: ...

    def spans(self) -> list[DeviceSpan]: ...


class LateDevice:
    """Faulty: copies when it is asked, measures from one far origin, and keeps every event."""

    def __init__(self, cuda: FakeCuda) -> None:
        self._cuda = cuda
        self._origin = self._mark()
        self._origin.synchronize()
        self._origin_ns = cuda.clock()
        self._events: list[tuple[str, int, FakeEvent, FakeEvent]] = []

    def submit(self, stage, work, batch, *, fetch=False):
        begin, value, end = self._mark(), work(), self._mark()
        self._events.append((stage, batch.number, begin, end))
        return SimpleNamespace(result=lambda: self._fetched(value))

    def drain(self) -> None:
        self._cuda.synchronize()

    def spans(self) -> list[DeviceSpan]:
        return [DeviceSpan(stage, self._at(begin), self._at(end), batch) for stage, batch, begin, end in self._events]

    def _mark(self) -> FakeEvent:
        event = self._cuda.event(timed=True)
        event.record()
        return event

    def _fetched(self, value: torch.Tensor) -> torch.Tensor:
        host = self._cuda.pinned_empty(value)
        self._cuda.copy_to_host(value, host)
        self._mark().synchronize()
        return host

    def _at(self, event: FakeEvent) -> int:
        return self._origin_ns + int(self._origin.elapsed_time(event) * MS)


def make(cuda: FakeCuda) -> CudaDevice:
    return CudaDevice(cuda, clock=cuda.clock)


def test_spans_are_exact_where_the_clock_is():
    cuda = FakeCuda()
    device = make(cuda)
    begin_ns = cuda.now_ns
    device.submit("forward", cuda.kernel(5 * MS), FakeBatch(0))
    device.submit("loss", cuda.kernel(2 * MS), FakeBatch(0))
    cuda.wait_until(begin_ns + 20 * MS)
    device.submit("forward", cuda.kernel(4 * MS), FakeBatch(1))
    assert cuda.now_ns == begin_ns + 20 * MS  # nothing was waited for
    device.drain()
    assert device.spans() == [
        DeviceSpan("forward", begin_ns, begin_ns + 5 * MS, 0),
        DeviceSpan("loss", begin_ns + 5 * MS, begin_ns + 7 * MS, 0),
        DeviceSpan("forward", begin_ns + 20 * MS, begin_ns + 24 * MS, 1),
    ]


def test_the_copy_is_no_part_of_the_work():
    cuda = FakeCuda(copy_ns=3 * MS)
    device = make(cuda)
    for number in range(2):
        device.submit("forward", cuda.kernel(5 * MS), FakeBatch(number), fetch=True)
    device.drain()
    begin_ns = device.spans()[0].begin_ns
    assert [(span.begin_ns - begin_ns, span.end_ns - begin_ns) for span in device.spans()] == [
        (0, 5 * MS),
        (8 * MS, 13 * MS),
    ]


def check_that_a_result_waits_for_its_own_batch_only(cuda: FakeCuda, device: Measured) -> None:
    begin_ns = cuda.now_ns
    pending = [
        device.submit("forward", cuda.kernel(10 * MS, value=float(number)), FakeBatch(number), fetch=True)
        for number in range(3)
    ]
    waits = []
    for number, batch in enumerate(pending):
        assert batch.result().tolist() == [number, number]
        waits.append(cuda.now_ns - begin_ns)
    assert waits == [11 * MS, 22 * MS, 33 * MS]


def test_a_result_does_not_wait_for_later_batches():
    cuda = FakeCuda(copy_ns=1 * MS)
    check_that_a_result_waits_for_its_own_batch_only(cuda, make(cuda))


def test_a_copy_that_is_issued_late_is_found():
    cuda = FakeCuda(copy_ns=1 * MS)
    with pytest.raises(AssertionError, match="31000000"):
        check_that_a_result_waits_for_its_own_batch_only(cuda, LateDevice(cuda))


def test_a_result_is_not_read_before_its_copy_is_done():
    class WithoutWaiting(FakeCuda):
        def event(self, *, timed: bool) -> FakeEvent:
            event = super().event(timed=timed)
            if not timed:
                event.synchronize = lambda: None  # type: ignore[method-assign]
            return event

    for cuda, is_there in ((FakeCuda(), True), (WithoutWaiting(), False)):
        pending = make(cuda).submit("forward", cuda.kernel(MS, value=7.0), FakeBatch(0), fetch=True)
        assert (pending.result().tolist() == [7.0, 7.0]) is is_there


def test_the_graph_of_a_training_step_is_not_kept_with_the_copy():
    cuda = FakeCuda()
    device = make(cuda)
    weight = torch.ones(2, requires_grad=True)
    assert not device.submit("loss", lambda: weight * 2, FakeBatch(0), fetch=True).result().requires_grad


def check_times_of_a_long_run(cuda: FakeCuda, device: Measured, error_ns: Callable[[], int]) -> None:
    """An hour of work of 1.1 ms each: durations to a microsecond, positions to the error of the anchors."""
    first = len(cuda.true_spans)
    for number in range(20_000):
        device.submit("forward", cuda.kernel(1_100 * US), FakeBatch(number))
        cuda.wait_until(cuda.now_ns + 3600 * S // 20_000)
    device.drain()
    spans = device.spans()
    true = cuda.true_spans[first:]
    assert len(spans) == len(true) == 20_000
    assert max(abs(span.end_ns - span.begin_ns - 1_100 * US) for span in spans) <= 1 * US, "durations"
    worst_ns = max(abs(span.begin_ns - begin_ns) for span, (begin_ns, _) in zip(spans, true, strict=True))
    assert worst_ns <= error_ns() + 2 * US, "positions"


# Calls take between 2 and 40 µs on the host, and the device has them 2 µs later.
CALLS = {"call_ns": (2 * US, 5 * US, 3 * US, 40 * US, 4 * US, 7 * US, 3 * US), "launch_ns": 2 * US}


@pytest.mark.parametrize("drift_ppm", [50, -50, 0])
def test_an_hour_later_times_are_as_good_as_the_anchors(drift_ppm):
    cuda = FakeCuda(drift_ppm=drift_ppm, **CALLS)
    device = make(cuda)
    check_times_of_a_long_run(cuda, device, lambda: device.position_error_ns)
    assert device.position_error_ns < 20 * US


def test_times_from_a_far_origin_are_found():
    cuda = FakeCuda(**CALLS)
    with pytest.raises(AssertionError, match="durations"):
        check_times_of_a_long_run(cuda, LateDevice(cuda), lambda: 20 * US)


def test_a_drift_that_is_not_corrected_is_found():
    class WithoutDrift(CudaDevice):
        def spans(self) -> list[DeviceSpan]:
            spans = super().spans()
            drift_ns = [round((span.begin_ns - spans[0].begin_ns) * 50e-6) for span in spans]
            return [
                DeviceSpan(span.stage, span.begin_ns + drift, span.end_ns + drift, span.batch)
                for span, drift in zip(spans, drift_ns, strict=True)
            ]

    cuda = FakeCuda(drift_ppm=50, **CALLS)
    device = WithoutDrift(cuda, clock=cuda.clock)
    with pytest.raises(AssertionError, match="positions"):
        check_times_of_a_long_run(cuda, device, lambda: device.position_error_ns)


def check_that_few_events_live(cuda: FakeCuda, device: Measured) -> None:
    synchronized = cuda.num_synchronized
    most = 0
    for number in range(2_000):
        pending = device.submit("forward", cuda.kernel(1 * MS), FakeBatch(number), fetch=True)
        device.submit("loss", cuda.kernel(1 * MS), FakeBatch(number))
        if number % 2:
            pending.result()
        most = max(most, cuda.num_live_events)
    assert cuda.num_synchronized == synchronized, "a step has waited for the device"
    assert most < 200, "events are kept"
    device.drain()
    assert len(device.spans()) == 4_000


def test_a_long_run_keeps_few_events_and_waits_for_none():
    cuda = FakeCuda()
    check_that_few_events_live(cuda, make(cuda))


def test_events_that_are_kept_are_found():
    cuda = FakeCuda()
    with pytest.raises(AssertionError, match="events are kept"):
        check_that_few_events_live(cuda, LateDevice(cuda))


def test_a_step_that_waits_for_the_device_is_found():
    class Waiting(CudaDevice):
        def submit(self, *args, **settings):
            self.drain()
            return super().submit(*args, **settings)

    cuda = FakeCuda()
    with pytest.raises(AssertionError, match="waited"):
        check_that_few_events_live(cuda, Waiting(cuda, clock=cuda.clock))


def test_work_that_is_still_running_is_left_alone():
    cuda = FakeCuda()
    device = make(cuda)
    for number in range(500):  # the host runs far ahead: none of them is complete
        device.submit("forward", cuda.kernel(1 * MS), FakeBatch(number))
    assert device.spans() == []
    device.drain()
    assert [span.batch for span in device.spans()] == list(range(500))


def test_events_of_a_backlog_are_read_when_the_device_catches_up():
    cuda = FakeCuda()
    device = make(cuda)
    for number in range(500):
        device.submit("forward", cuda.kernel(1 * MS), FakeBatch(number))
    assert cuda.num_live_events > 1_000
    for number in range(500, 1_100):
        cuda.synchronize()
        device.submit("forward", cuda.kernel(1 * MS), FakeBatch(number))
    assert cuda.num_live_events < 200


def test_a_reading_that_was_interrupted_is_no_anchor():
    calls_ns = [2 * US] * 30
    calls_ns[1] = 5 * MS  # the first event is recorded to create it, then to be read
    cuda = FakeCuda(call_ns=tuple(calls_ns))
    assert make(cuda).position_error_ns <= 4 * US


def test_work_after_the_last_drain_is_not_placed_yet():
    cuda = FakeCuda()
    device = make(cuda)
    device.submit("forward", cuda.kernel(1 * MS), FakeBatch(0))
    device.drain()
    device.submit("forward", cuda.kernel(1 * MS), FakeBatch(1))
    assert [span.batch for span in device.spans()] == [0]
    device.drain()
    assert [span.batch for span in device.spans()] == [0, 1]


def test_work_that_fails_leaves_no_span():
    cuda = FakeCuda()
    device = make(cuda)

    def fails() -> torch.Tensor:
        raise ValueError("out of memory")

    with pytest.raises(ValueError, match="out of memory"):
        device.submit("forward", fails, FakeBatch(0))
    device.drain()
    assert device.spans() == []


def test_only_pinned_tensors_are_put_without_waiting():
    cuda = FakeCuda()
    device = make(cuda)
    begin_ns = cuda.now_ns
    device.submit("forward", cuda.kernel(10 * MS), FakeBatch(0))
    device.put(cuda.pin(torch.ones(2)))
    assert cuda.now_ns == begin_ns
    device.put(torch.ones(2))  # the fake refuses a copy from pageable memory that claims not to wait
    assert cuda.now_ns == begin_ns + 10 * MS


def test_memory_is_that_of_the_allocator_and_that_of_the_process():
    cuda = FakeCuda()
    cuda.reserved, cuda.in_use_bytes = 2_000, 5_000
    assert make(cuda).memory() == DeviceMemory(allocator_bytes=1_000, process_bytes=5_000)


def test_memory_of_another_process_with_the_same_number_is_not_taken():
    cuda = FakeCuda()
    cuda.reserved, cuda.in_use_bytes = 2_000, 1_999  # it cannot hold less than torch's allocator alone
    assert make(cuda).memory().process_bytes is None


class NVMLError(Exception):
    pass


def fake_nvml(uuid: str, processes: list[tuple[int, int | None]], *, has_driver: bool = True) -> SimpleNamespace:
    def init() -> None:
        if not has_driver:
            raise NVMLError("Driver Not Loaded")

    def handle(name: str) -> str:
        if name != uuid:
            raise NVMLError("Not Found")
        return name

    running = [SimpleNamespace(pid=pid, usedGpuMemory=used) for pid, used in processes]
    return SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=init,
        nvmlShutdown=lambda: None,
        nvmlDeviceGetHandleByUUID=handle,
        nvmlDeviceGetComputeRunningProcesses=lambda handle: running,
    )


@pytest.mark.parametrize(
    ("nvml", "expected"),
    [
        (fake_nvml("GPU-ab", [(3, 70), (7, 50)]), 50),
        (fake_nvml("MIG-ab", [(7, 50)]), 50),
        (fake_nvml("GPU-ab", [(7, 50), (7, 20)]), 70),  # listed once for each compute instance
        (fake_nvml("GPU-ab", [(3, 70)]), None),
        (fake_nvml("GPU-ab", [(7, None)]), None),
        (fake_nvml("GPU-cd", [(7, 50)]), None),
        (fake_nvml("GPU-ab", [(7, 50)], has_driver=False), None),
        (None, None),  # the package is not installed
    ],
)
def test_memory_of_the_process_is_read_where_it_can_be(monkeypatch, nvml, expected):
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    assert nvml_process_bytes("ab", pid=7) == expected


@pytest.fixture
def real() -> Iterator[CudaDevice]:
    yield CudaDevice(TorchCuda())
    torch.cuda.synchronize()


@needs_cuda
def test_real_work_is_enqueued_and_timed_on_the_axis_of_the_host(real):
    matrix = real.put(torch.rand(2048, 2048).pin_memory())
    begin_ns = monotonic_ns()
    result = real.submit("forward", lambda: matrix @ matrix, FakeBatch(0), fetch=True).result()
    end_ns = monotonic_ns()
    real.drain()
    torch.testing.assert_close(result, (matrix @ matrix).cpu())
    assert result.is_pinned()
    (span,) = real.spans()
    error_ns = real.position_error_ns + 1 * US
    assert begin_ns - error_ns <= span.begin_ns < span.end_ns <= end_ns + error_ns
    assert real.memory().allocator_bytes >= matrix.nbytes


@needs_cuda
def test_real_work_does_not_overlap_on_its_stream(real):
    matrix = real.put(torch.rand(1024, 1024))
    begin_ns = monotonic_ns()
    for number in range(200):
        real.submit("forward", lambda: matrix @ matrix, FakeBatch(number))
    real.drain()
    end_ns = monotonic_ns()
    spans = real.spans()
    assert [span.batch for span in spans] == list(range(200))
    assert sum(span.end_ns - span.begin_ns for span in spans) <= end_ns - begin_ns


def test_a_device_is_what_the_loop_expects():
    cuda = FakeCuda()
    device: Device = make(cuda)
    assert device.description == "cuda: fake"
    assert not device.simulated
