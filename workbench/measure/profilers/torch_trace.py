"""torch.profiler on the main process: operators and kernels, by time and by memory.

The first counted step warms the profiler up, and a few are recorded, which bounds the size of the trace. After each
recorded step the trace gets a mark that carries the clock's reading; the marks put the trace on the time axis of all
other spans. What takes long is done outside of the counted steps: torch imports what it needs where the warm-up begins,
which is before the first of them, and the trace is written after the last.

TensorBoard 2.21 opens the trace with torch-tb-profiler 0.4.3. The plugin draws with scripts from gstatic.com and
cdnjs.cloudflare.com, and stays empty without a network.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile, record_function, schedule, tensorboard_trace_handler

from workbench.measure.profilers.profiler import BaseProfiler, Findings, ProfilerContext
from workbench.units import counted
from workbench.workload import Timed

#: Counted steps: warming up, recorded. A step to wait for would put the imports of the warm-up's begin into that step.
WARM_UP, RECORDED = 1, 8

#: A mark's name, before the clock's reading in nanoseconds.
MARK = "workbench clock "

#: What torch's trace calls a stage, before its name.
STAGE = "workbench "

_MEGABYTE = 1e6


class TorchTrace(BaseProfiler):
    """See `Profiler`."""

    def __init__(self, context: ProfilerContext) -> None:
        self._clock = context.clock
        self._folder = context.folder / "torch"
        self._operators = context.folder / "operators.json"
        self._profiler: Any = None
        self._is_recorded = False
        self._steps = 0

    def mark(self, stage: str) -> Timed:
        """See `Profiler`. The stage is seen in torch's own trace, too."""
        block: Timed = record_function(f"{STAGE}{stage}")
        return block

    def steady(self) -> None:
        """See `Profiler`."""
        activities = [ProfilerActivity.CPU]
        if torch.cuda.is_available():
            activities.append(ProfilerActivity.CUDA)
        self._profiler = profile(
            activities=activities,
            schedule=schedule(wait=0, warmup=WARM_UP, active=RECORDED, repeat=1),
            on_trace_ready=self._recorded,
            record_shapes=True,
            profile_memory=True,
        )
        self._profiler.start()

    def step(self) -> None:
        """See `Profiler`."""
        if self._profiler is None or self._is_recorded:
            return
        self._steps += 1
        self._profiler.step()
        with record_function(f"{MARK}{self._clock()}"):
            pass

    def stop(self) -> None:
        """See `Profiler`."""
        if self._profiler is not None and not self._is_recorded:
            self._profiler.stop()

    def collect(self) -> Findings:
        """See `Profiler`."""
        if not self._is_recorded or self._steps <= WARM_UP:
            return Findings(notes=[f"torch: nothing was recorded; it takes num_steps={WARM_UP + 1} or more"])
        tensorboard_trace_handler(str(self._folder), worker_name="main")(self._profiler)
        self._operators.write_text(json.dumps(_operators(self._profiler)), encoding="utf-8")
        (trace,) = self._folder.glob("*.pt.trace.json")
        size = trace.stat().st_size / _MEGABYTE
        recorded = counted(min(RECORDED, self._steps - WARM_UP), "counted step")
        notes = [f"torch: recorded {recorded}, {size:.1f} MB; the others run without it"]
        return Findings({"torch trace": trace, "torch operators": self._operators}, notes)

    def _recorded(self, profiler: Any) -> None:
        self._is_recorded = True


def _operators(profiler: Any) -> list[dict[str, Any]]:
    """One row an operator: calls, seconds on CPU and device with and without what it calls, bytes allocated."""
    rows = []
    for event in profiler.key_averages():
        if event.key.startswith((STAGE, "ProfilerStep")):
            continue
        rows.append(
            {
                "name": event.key,
                "calls": int(event.count),
                "cpu_self_s": event.self_cpu_time_total * 1e-6,
                "cpu_s": event.cpu_time_total * 1e-6,
                "device_self_s": event.self_device_time_total * 1e-6,
                "device_s": event.device_time_total * 1e-6,
                "cpu_bytes": int(event.self_cpu_memory_usage),
                "device_bytes": int(event.self_device_memory_usage),
            }
        )
    return sorted(rows, key=lambda row: -(row["cpu_self_s"] + row["device_self_s"]))


def read_trace(path: Path) -> tuple[list[dict[str, Any]], float | None]:
    """A torch trace's events, and what is to be added to their times to get the clock's.

    Returns:
        The complete events ("X") without the marks; and the offset in microseconds, None where there are no marks.
    """
    events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    complete = [event for event in events if event.get("ph") == "X"]
    marks = [event for event in complete if str(event.get("name", "")).startswith(MARK)]
    offsets = sorted(int(str(event["name"]).removeprefix(MARK)) / 1e3 - float(event["ts"]) for event in marks)
    offset = offsets[len(offsets) // 2] if offsets else None
    return [event for event in complete if not str(event.get("name", "")).startswith(MARK)], offset
