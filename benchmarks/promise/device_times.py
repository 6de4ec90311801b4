"""Are the times of a device right, and what do they cost? A script of its own, whose output is JSON.

A CUDA context stays in this process, with whatever may go wrong in it. With ``--device cpu`` the same code runs over
the device `cpu`, whose times are the host's: nothing is found out about CUDA then.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import stats
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from workbench.measure.devices.cuda import CudaDevice, TorchCuda
from workbench.measure.devices.device import CpuDevice, Device

WITHIN, MOST_COST = 0.02, 0.01

#: Steps that are compared with the profiler, after the first few of them.
STEPS, SKIPPED = 12, 2

#: How often a step with a delay in it is timed, and how often one without.
PLANTED = 10
DELAY_MS = 20.0

LEAST_PAIRS, MOST_PAIRS = 6, 40

#: Layers of the work, and steps of a segment of work in which its cost is looked for.
LAYERS, SEGMENT = 6, 20

Work = Callable[[], torch.Tensor]
Row = dict[str, Any]


@dataclass(frozen=True)
class Numbered:
    """A batch, as far as a device looks at it."""

    number: int
    samples: Sequence[int] = (0,)
    data: object = None


@dataclass(frozen=True)
class Setting:
    """A device with work for it.

    Attributes:
        name: "cuda" or "cpu".
        device: The device.
        work: A step of some milliseconds.
        small: A step that is over at once, so that only the host's time for it is left.
        delay: A work of about `DELAY_MS` more.
        synchronize: Waits for the device.
        activities: What the profiler looks at.
        is_operation: Whether an event of the profiler is a piece of the work.
        clock_s: Reads the host's time in seconds.
    """

    name: str
    device: Device
    work: Work
    small: Work
    delay: Work
    synchronize: Callable[[], None]
    activities: Sequence[ProfilerActivity]
    is_operation: Callable[[Any], bool]
    clock_s: Callable[[], float] = time.perf_counter


def on_cuda() -> Setting:
    """The current CUDA device."""
    device = CudaDevice(TorchCuda())
    work, small = convolutions(device.torch_device, 32, 64, 320), convolutions(device.torch_device, 1, 16, 16)
    cycles = _cycles_of(DELAY_MS)

    def delay() -> torch.Tensor:
        torch.cuda._sleep(cycles)
        return work()

    activities = (ProfilerActivity.CPU, ProfilerActivity.CUDA)
    return Setting("cuda", device, work, small, delay, torch.cuda.synchronize, activities, _is_on_gpu)


def _is_on_gpu(event: Any) -> bool:
    """A kernel, a copy or a fill; marks on the stream are none."""
    return event.device_type == DeviceType.CUDA and not any(mark in event.name for mark in ("Event", "Synchronize"))


def on_cpu() -> Setting:
    """The host's own cores."""
    torch.set_num_threads(1)  # on busy cores, threads that wait for each other scatter too much
    device = CpuDevice()
    work, small = convolutions(device.torch_device, 1, 16, 64), convolutions(device.torch_device, 1, 4, 8)

    def delay() -> torch.Tensor:
        until = time.perf_counter() + DELAY_MS * 1e-3
        while time.perf_counter() < until:
            pass
        return work()

    return Setting(
        "cpu", device, work, small, delay, lambda: None, (ProfilerActivity.CPU,),
        lambda event: event.name == "aten::conv2d",
    )  # fmt: skip


def convolutions(where: torch.device, batch: int, channels: int, side: int) -> Work:
    """Work of a few layers, one after the other: float32 [batch, channels, side, side]."""
    torch.manual_seed(0)
    layers = [torch.nn.Conv2d(channels, channels, 3, padding=1).to(where) for _ in range(LAYERS)]
    images = torch.randn(batch, channels, side, side, device=where)

    def work() -> torch.Tensor:
        with torch.inference_mode():
            found = images
            for layer in layers:
                found = layer(found)
            return found

    return work


def against_profiler(setting: Setting) -> Row:
    """Spans of the device against torch.profiler, step by step: from the first kernel's begin to the last one's end."""
    device = setting.device
    for number in range(SKIPPED):  # chooses algorithms, takes memory
        device.submit("forward", setting.work, Numbered(number))
    device.drain()
    with profile(activities=setting.activities) as profiler:
        for number in range(SKIPPED, SKIPPED + STEPS):
            device.submit("forward", setting.work, Numbered(number))
        device.drain()
    spans_ms = [(span.end_ns - span.begin_ns) * 1e-6 for span in device.spans() if span.batch >= SKIPPED][:STEPS]
    seen = [
        (event.time_range.start * 1e-3, event.time_range.end * 1e-3)
        for event in profiler.events()
        if setting.is_operation(event)
    ]
    return compared(spans_ms, extents(seen, STEPS), setting.name)


def compared(spans_ms: Sequence[float], extents_ms: Sequence[float], where: str) -> Row:
    """The figure: the largest difference between the two, as a share; without the first steps, which fill the queue."""
    off = np.abs(np.array(spans_ms) / np.array(extents_ms) - 1.0)[SKIPPED:]
    value = float(off.max())
    detail = (
        f"largest of {len(off)} steps of {np.median(spans_ms):.3g} ms, median {np.median(off):.2%}; in the trace a "
        "step is from the begin of its first kernel to the end of its last"
    )
    return _row(f"spans against torch.profiler, {where}", value, f"<= {WITHIN}", value <= WITHIN, detail=detail)


def extents(seen: Iterable[tuple[float, float]], steps: int) -> list[float]:
    """From begins and ends of operations, in their order, to the time from the first to the last of each step.

    Args:
        seen: Begin and end of each operation.
        steps: Steps that they belong to, each with equally many.

    Raises:
        ValueError: Where they cannot be shared out.
    """
    ordered = sorted(seen)
    if not ordered or len(ordered) % steps:
        raise ValueError(f"the profiler has {len(ordered)} operations, which {steps} equal steps cannot have")
    size = len(ordered) // steps
    groups = [ordered[begin : begin + size] for begin in range(0, len(ordered), size)]
    return [max(end for _, end in group) - group[0][0] for group in groups]


def planted_delay(setting: Setting) -> Row:
    """A delay in a step: its length by the device's spans against its length by the host's clock."""
    device = setting.device
    host_ms: dict[str, list[float]] = {"plain": [], "delayed": []}
    device.drain()
    already = len(device.spans())
    for number in range(PLANTED):
        for stage, work in (("plain", setting.work), ("delayed", setting.delay)):
            setting.synchronize()
            begin = setting.clock_s()
            device.submit(stage, work, Numbered(number))
            setting.synchronize()
            host_ms[stage].append((setting.clock_s() - begin) * 1e3)
    device.drain()
    own_ms: dict[str, list[float]] = {"plain": [], "delayed": []}
    for span in device.spans()[already:]:
        own_ms[span.stage].append((span.end_ns - span.begin_ns) * 1e-6)
    known, found = (
        float(np.median(times["delayed"][1:]) - np.median(times["plain"][1:])) for times in (host_ms, own_ms)
    )
    off = abs(found / known - 1.0)
    detail = f"{found:.3f} ms by spans, {known:.3f} ms by the host's clock; medians of {PLANTED - 1} steps each"
    name = f"a planted delay in the spans, {setting.name}"
    return _row(name, off, f"<= {WITHIN}", off <= WITHIN, detail=detail)


def cost_of_spans(setting: Setting, seconds: float) -> Iterator[Row]:
    """What timing a step costs: segments of steps that are timed, and that are not, in turn."""
    until = setting.clock_s() + seconds
    apart: dict[str, list[tuple[float, float]]] = {"work": [], "small": []}
    while len(apart["work"]) < MOST_PAIRS and (len(apart["work"]) < LEAST_PAIRS or setting.clock_s() < until):
        is_first = len(apart["work"]) % 2 == 0
        for name, work in (("work", setting.work), ("small", setting.small)):
            times = {is_timed: _segment_s(setting, work, is_timed) for is_timed in (is_first, not is_first)}
            apart[name].append((times[True], times[False]))
    timed, plain = np.array(apart["small"]).T
    each_us = (timed - plain) / SEGMENT * 1e6
    detail = f"{len(each_us)} pairs of {SEGMENT} short steps, {np.median(plain) / SEGMENT * 1e6:.0f} us each"
    yield _row(
        f"timing a step, time of the host, {setting.name}", float(np.median(each_us)), "shown (>= 0)", True,
        unit="us", interval=median_interval(each_us), detail=detail,
    )  # fmt: skip
    timed, plain = np.array(apart["work"]).T
    shares = 1.0 - plain / timed
    interval = median_interval(shares)
    detail = f"{len(shares)} pairs of {SEGMENT} steps of {np.median(plain) / SEGMENT * 1e3:.3g} ms each"
    yield _row(
        f"timing a step, share of its time, {setting.name}", float(np.median(shares)), f"<= {MOST_COST}",
        interval[1] <= MOST_COST, interval=interval, detail=detail,
    )  # fmt: skip


def _segment_s(setting: Setting, work: Work, is_timed: bool) -> float:
    setting.synchronize()
    begin = setting.clock_s()
    for number in range(SEGMENT):
        if is_timed:
            setting.device.submit("forward", work, Numbered(number))
        else:
            work()
    setting.synchronize()
    return setting.clock_s() - begin


def median_interval(values: Sequence[float] | np.ndarray, confidence: float = 0.95) -> tuple[float, float]:
    """The interval of the median by order statistics: no assumption on how the values are distributed."""
    ordered = np.sort(values)
    outside = int(stats.binom.ppf((1.0 - confidence) / 2.0, len(ordered), 0.5))
    return float(ordered[max(outside - 1, 0)]), float(ordered[min(len(ordered) - outside, len(ordered) - 1)])


def _cycles_of(ms: float) -> int:
    """Cycles of `torch.cuda._sleep` that take about this long, by the host's clock."""
    cycles = 20_000_000
    for _ in range(2):  # the first call is slower, and the clock of the device may still rise
        torch.cuda.synchronize()
        begin = time.perf_counter()
        torch.cuda._sleep(cycles)
        torch.cuda.synchronize()
        took_ms = (time.perf_counter() - begin) * 1e3
    return max(1, round(cycles * ms / took_ms))


def _row(
    name: str,
    value: float | None,
    goal: str,
    met: bool,
    *,
    unit: str = "share",
    interval: tuple[float, float] | None = None,
    detail: str = "",
) -> Row:
    return {
        "name": name, "value": value, "unit": unit, "goal": goal, "met": met, "interval": interval, "detail": detail,
    }  # fmt: skip


def rows(setting: Setting, seconds: float) -> Iterator[Row]:
    """All figures; one that cannot be taken says why."""
    for name, take in (
        ("spans against torch.profiler", lambda: [against_profiler(setting)]),
        ("a planted delay in the spans", lambda: [planted_delay(setting)]),
        ("timing a step", lambda: list(cost_of_spans(setting, seconds))),
    ):
        try:
            yield from take()
        except Exception as error:  # the others may be had all the same
            reason = f"{type(error).__name__}: {error}"
            yield _row(f"{name}, {setting.name}", None, "taken", False, unit="", detail=reason)


def main() -> None:
    """Take the figures, and print them line by line as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=("cuda", "cpu"), required=True)
    parser.add_argument("--seconds", type=float, default=10.0, help="for the cost of timing")
    arguments = parser.parse_args()
    setting = on_cuda() if arguments.device == "cuda" else on_cpu()
    for row in rows(setting, arguments.seconds):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
