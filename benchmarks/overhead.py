"""Overhead: what timing every stage costs of the throughput.

The same loop over the same pages, with and without stage timing, in short stretches that alternate in one process in
random order, so that the drift of the machine hits both alike. The effect is the median of the paired ratios; its
interval is the distribution-free one of order statistics, which stretches that something else disturbed don't widen.
The promise is kept only where the whole interval keeps it.

Beside it the same cost is found another way, which needs no quiet machine: the number of spans written, times what
writing one takes, over the wall time.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from promise.figure import Figure, main, not_taken
from scipy import stats

from workbench.knobs.measuring import LoaderKnobs
from workbench.measure.devices.replay import ReplayDevice
from workbench.measure.loaders.indexed_batch import become_receiver
from workbench.measure.loaders.torch_loader import TorchLoader
from workbench.measure.timing.channel import Channel
from workbench.measure.timing.spans import Track, monotonic_ns
from workbench.measure.timing.stages import Stages
from workbench.measure.trial.launcher import run_trial
from workbench.measure.trial.loop import Loop
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.workload import OcrWorkload

GOAL = 0.01
NUM_PAIRS = 80
SEGMENT_S = 0.6
WARMUP_STEPS = 5

COMMON = OcrKnobs(num_workers=0, batch_size=4, device="replay", replay_ms_per_sample=0.1)

CELLS = {
    "disk baseline, in the main process": COMMON,
    # One worker: with more processes than cores, their scheduling scatters far more than what is to be found.
    "disk baseline, 1 worker": COMMON.changed(num_workers=1),
    "prepared cache, in the main process": COMMON.changed(cache="prepared", normalize="device"),
}


class Segments:
    """Runs short stretches of one loop, timed or not."""

    def __init__(self, knobs: OcrKnobs) -> None:
        self._knobs = knobs
        self._workload = OcrWorkload(knobs)
        self._workload.fill_cache(lambda done, total: None)

    def samples_per_s(self, *, timed: bool, num_steps: int) -> float:
        """Throughput of one stretch."""
        knobs = self._knobs
        channel = Channel.open(num_workers=knobs.num_workers, spans_per_process=200_000) if timed else None
        stages = None
        if channel is not None:
            stages = Stages(channel.main)
            become_receiver(Stages(channel.receiver), monotonic_ns)
        device = ReplayDevice(ms_per_sample=knobs.replay_ms_per_sample, placeholder=self._workload.placeholder)
        self._workload.build(device)
        loader = TorchLoader(
            self._workload.dataset(), self._workload.collate(), knobs.slice(LoaderKnobs), channel=channel
        )
        try:
            loop = Loop(self._workload, loader, device, stages=stages, clock=monotonic_ns, on_event=lambda event: None)
            times = loop.run(num_steps=num_steps, warmup_steps=WARMUP_STEPS)
        finally:
            loader.close()
        return times.num_samples * 1e9 / (times.end_ns - times.begin_ns)


def cost(name: str, knobs: OcrKnobs) -> Figure:
    """Share of the throughput that stage timing costs in one cell."""
    segments = Segments(knobs)
    rate = segments.samples_per_s(timed=True, num_steps=10)
    num_steps = max(4, round(SEGMENT_S * rate / knobs.batch_size))
    shuffle = random.Random(0)
    costs: list[float] = []
    for pair in range(NUM_PAIRS):
        rates = {}
        for timed in shuffle.sample([True, False], 2):
            rates[timed] = segments.samples_per_s(timed=timed, num_steps=num_steps)
        costs.append(1.0 - rates[True] / rates[False])
        print(f"{name}: pair {pair + 1} of {NUM_PAIRS}: {costs[-1]:+.2%}", file=sys.stderr)
    low, high = median_interval(costs)
    detail = f"{NUM_PAIRS} pairs of {num_steps} steps, about {rate:.0f} pages/s"
    if high > GOAL >= float(np.median(costs)):
        detail += "; the machine is too busy for a narrower interval"
    value = float(np.median(costs))
    return Figure(f"stage timing, {name}", value, "share", f"<= {GOAL}", high <= GOAL, (low, high), detail)


def writing(name: str, knobs: OcrKnobs) -> Figure:
    """Share of the wall time of all lanes' processes that writing their spans takes: counted, times what one takes."""
    with tempfile.TemporaryDirectory() as runs:
        record = run_trial(knobs.changed(num_steps=40, checked_samples=0), Path(runs))
    goal = f"<= {GOAL}"
    if record.steady is None:
        reason = record.failure.message if record.failure else "no steady part"
        return not_taken(f"writing spans, {name}", reason, unit="share", goal=goal)
    span_s = seconds_per_span()
    # With several processes they write side by side: the share is that of the busiest lane.
    shares = [
        sum(row.count for row in record.stages if row.lane == lane.lane) * span_s / lane.wall_s
        for lane in record.lanes
        if lane.lane != "device"
    ]
    value = max(shares)
    detail = f"{sum(row.count for row in record.stages)} spans of {span_s * 1e9:.0f} ns each"
    return Figure(f"writing spans, {name}", value, "share", goal, value <= GOAL, detail=detail)


def seconds_per_span(count: int = 200_000) -> float:
    """What timing one stage takes, the median of several rounds."""
    rounds = []
    for _ in range(7):
        timed = Stages(Track(count))
        begin = monotonic_ns()
        for _ in range(count // 10):
            with timed("decode"):
                pass
        rounds.append((monotonic_ns() - begin) / (count // 10))
    return float(np.median(rounds)) * 1e-9


def median_interval(values: list[float], confidence: float = 0.95) -> tuple[float, float]:
    """The interval of the median by order statistics: no assumption on how the values are distributed."""
    outside = int(stats.binom.ppf((1.0 - confidence) / 2.0, len(values), 0.5))
    ordered = sorted(values)
    return ordered[max(outside - 1, 0)], ordered[min(len(values) - outside, len(values) - 1)]


def measure() -> list[Figure]:
    """All cells."""
    started = time.monotonic()
    figures = [writing(name, knobs) for name, knobs in CELLS.items()]
    figures += [cost(name, knobs) for name, knobs in CELLS.items()]
    print(f"took {time.monotonic() - started:.0f} s", file=sys.stderr)
    return figures


if __name__ == "__main__":
    main(__doc__, measure)
