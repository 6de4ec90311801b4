"""Overhead: what timing every stage costs of the throughput.

The same loop over the same pages, with and without stage timing, alternating in one process in random order, so that
the drift of the machine hits both alike. The effect is the paired ratio; the interval comes from the pairs.
"""

from __future__ import annotations

import random
import sys
import time

import numpy as np
from promise.figure import Figure, main
from scipy import stats

from workbench.devices.replay import ReplayDevice
from workbench.knobs import Knobs
from workbench.loaders.parcel import become_receiver
from workbench.loaders.torch_loader import TorchLoader
from workbench.timing.channel import Channel
from workbench.timing.clock import monotonic_ns
from workbench.timing.stages import Stages
from workbench.trial.loop import Loop
from workbench.workloads.ocr import OcrWorkload

GOAL = 0.01
NUM_PAIRS = 16
SEGMENT_S = 2.0

CELLS = {
    "disk baseline, in the main process": Knobs(num_workers=0, batch_size=4, device="replay", replay_ms_per_page=0.1),
    "disk baseline, 2 workers": Knobs(num_workers=2, batch_size=4, device="replay", replay_ms_per_page=0.1),
    "prepared cache, in the main process": Knobs(
        num_workers=0, batch_size=4, cache="prepared", normalize="device", device="replay", replay_ms_per_page=0.1
    ),
}


class Segments:
    """Runs short stretches of one loop, timed or not."""

    def __init__(self, knobs: Knobs) -> None:
        self._knobs = knobs
        self._workload = OcrWorkload(knobs)
        self._workload.open()
        self._workload.fill_cache(lambda done, total: None)

    def pages_per_s(self, *, timed: bool, num_steps: int) -> float:
        """Throughput of one stretch."""
        knobs = self._knobs
        channel = Channel.open(num_workers=knobs.num_workers, spans_per_process=200_000) if timed else None
        stages = None
        if channel is not None:
            stages = Stages(channel.main)
            become_receiver(Stages(channel.receiver), monotonic_ns)
        device = ReplayDevice(ms_per_page=knobs.replay_ms_per_page)
        self._workload.build(device)
        loader = TorchLoader(self._workload.dataset, self._workload.collate, knobs, channel=channel)
        try:
            loop = Loop(
                self._workload, loader, device, stages=stages, clock=monotonic_ns, on_event=lambda event: None
            )
            times = loop.run(num_steps=num_steps, warmup_steps=6)
        finally:
            loader.close()
        return times.num_pages * 1e9 / (times.end_ns - times.begin_ns)


def cost(name: str, knobs: Knobs) -> Figure:
    """Share of the throughput that stage timing costs in one cell."""
    segments = Segments(knobs)
    rate = segments.pages_per_s(timed=True, num_steps=10)
    num_steps = max(6, round(SEGMENT_S * rate / knobs.batch_size))
    shuffle = random.Random(0)
    log_ratios = []
    for pair in range(NUM_PAIRS):
        rates = {}
        for timed in shuffle.sample([True, False], 2):
            rates[timed] = segments.pages_per_s(timed=timed, num_steps=num_steps)
        log_ratios.append(np.log(rates[False] / rates[True]))
        print(f"{name}: pair {pair + 1} of {NUM_PAIRS}: {np.expm1(log_ratios[-1]):+.2%}", file=sys.stderr)
    mean, error = np.mean(log_ratios), stats.sem(log_ratios)
    low, high = stats.t.interval(0.95, NUM_PAIRS - 1, mean, error)
    interval = (float(np.expm1(low)), float(np.expm1(high)))
    value = float(np.expm1(mean))
    detail = f"{NUM_PAIRS} pairs of {num_steps} steps, about {rate:.0f} pages/s"
    return Figure(f"stage timing, {name}", value, "share", f"<= {GOAL}", value <= GOAL, interval, detail)


def measure() -> list[Figure]:
    """All cells."""
    started = time.monotonic()
    figures = [cost(name, knobs) for name, knobs in CELLS.items()]
    print(f"took {time.monotonic() - started:.0f} s", file=sys.stderr)
    return figures


if __name__ == "__main__":
    main(__doc__, measure)
