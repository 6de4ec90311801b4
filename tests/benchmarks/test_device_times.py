"""What compares a device's times with others, tried with a CUDA device that isn't there and with planted faults."""

from __future__ import annotations

import pytest
from measure.devices.fake_cuda import MS, FakeCuda, S
from promise.device_times import Setting, compared, cost_of_spans, extents, median_interval, planted_delay

from workbench.measure.devices.cuda import CudaDevice


def setting(cuda: FakeCuda) -> Setting:
    device = CudaDevice(cuda, cuda.clock)
    work, delayed = cuda.kernel(5 * MS), cuda.kernel(25 * MS)
    clock = lambda: cuda.now_ns / S  # noqa: E731
    return Setting("fake", device, work, work, delayed, cuda.synchronize, (), lambda event: True, clock)


def test_a_planted_delay_is_found() -> None:
    row = planted_delay(setting(FakeCuda()))

    assert row["met"]
    assert row["value"] == pytest.approx(0.0, abs=1e-3)
    assert row["detail"].startswith("20.000 ms by spans, 20.000 ms by the host's clock")


def test_a_clock_that_is_wrong_by_5_percent_is_found() -> None:
    row = planted_delay(setting(FakeCuda(drift_ppm=50_000)))

    assert not row["met"]
    assert row["value"] == pytest.approx(0.05, abs=1e-3)


def test_a_step_in_the_trace_is_from_its_first_kernel_to_its_last() -> None:
    kernels = [(10.0, 11.0), (12.5, 13.0), (0.0, 1.0), (1.5, 4.0)]

    assert extents(kernels, 2) == [4.0, 3.0]


@pytest.mark.parametrize("kernels", [[], [(0.0, 1.0), (1.0, 2.0), (2.0, 3.0)]])
def test_kernels_that_cannot_be_shared_out_are_said(kernels: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match=f"has {len(kernels)} operations"):
        extents(kernels, 2)


@pytest.mark.parametrize(("span_ms", "met"), [(10.0, True), (10.1, True), (10.3, False), (9.7, False)])
def test_one_step_that_is_off_is_found(span_ms: float, met: bool) -> None:
    row = compared([50.0, 10.0, 10.0, span_ms], [10.0, 10.0, 10.0, 10.0], "fake")

    assert row["met"] is met  # the first two only fill the queue


def test_the_cost_of_timing_is_found() -> None:
    # Two events for each step; 4 ms to record one is more than the 5 ms of a step can hide.
    free, dear = FakeCuda(), FakeCuda(call_ns=(4 * MS,))
    (_, plain), (host, share) = (list(cost_of_spans(setting(cuda), 0.0)) for cuda in (free, dear))

    assert plain["met"] and plain["value"] == pytest.approx(0.0, abs=1e-9)
    assert host["value"] > 1000.0 and host["unit"] == "us"
    assert not share["met"] and share["value"] > 0.3


def test_the_interval_of_a_median_leaves_out_what_was_disturbed() -> None:
    low, high = median_interval([1.0] * 30 + [1000.0] * 3)

    assert (low, high) == (1.0, 1.0)
