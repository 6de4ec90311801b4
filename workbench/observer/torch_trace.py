"""torch.profiler on the loop of this process: a few counted steps, with a mark of the clock after each of them.

The first counted step warms the profiler up, and a few are recorded, which bounds the size of the trace. The marks put
the trace on the time axis of all other spans. What takes long is done outside of the counted steps: torch imports what
it needs where the warm-up begins, which is before the first of them, and the trace is written after the last.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from .clock import now_ns

#: Counted steps: warming up, recorded. A step to wait for would put the imports of the warm-up's begin into that step.
WARM_UP, RECORDED = 1, 8

#: A mark's name, before the clock's reading in nanoseconds.
MARK = "workbench clock "

#: What torch's trace calls a stage, before its name.
STAGE = "workbench "


class TorchRecorder:
    """Records some steps.

    Args:
        folder: Gets `torch/*.pt.trace.json`, as TensorBoard's plugin looks for it, and `operators.json`.
        clock: Reads the time in nanoseconds.

    Attributes:
        num_recorded: Steps in the trace; 0: there is none.
    """

    def __init__(self, folder: str, clock: Callable[[], int] = now_ns) -> None:
        self._folder = folder
        self._clock = clock
        self._profiler: Any = None
        self._is_recorded = False
        self._steps = 0

    @property
    def num_recorded(self) -> int:
        """See above."""
        return min(RECORDED, self._steps - WARM_UP) if self._is_recorded and self._steps > WARM_UP else 0

    @property
    def is_running(self) -> bool:
        """Whether steps are being recorded."""
        return self._profiler is not None and not self._is_recorded

    def start(self) -> None:
        """The counted steps are about to begin."""
        import torch
        from torch.profiler import ProfilerActivity, profile, schedule

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
        """A counted step is done."""
        if not self.is_running:
            return
        from torch.profiler import record_function

        self._steps += 1
        self._profiler.step()
        with record_function(f"{MARK}{self._clock()}"):
            pass

    def stop(self) -> None:
        """The counted steps are done."""
        if self.is_running:
            self._profiler.stop()

    def write(self) -> None:
        """Write what was recorded."""
        if not self.num_recorded:
            return
        from torch.profiler import tensorboard_trace_handler

        tensorboard_trace_handler(os.path.join(self._folder, "torch"), worker_name="main")(self._profiler)
        with open(os.path.join(self._folder, "operators.json"), "w", encoding="utf-8") as file:
            json.dump(_operators(self._profiler), file)

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


class StageMarks:
    """Shows the stages of a lane in torch's trace, too, as a watcher of the lane (`lane.Lane.watchers`).

    Args:
        recorder: Records the trace.
    """

    def __init__(self, recorder: TorchRecorder) -> None:
        self._recorder = recorder
        self._marks: list[Any] = []

    def entered(self, name: str) -> None:
        """A stage begins."""
        mark: Any = None
        if self._recorder.is_running:
            from torch.profiler import record_function

            mark = record_function(f"{STAGE}{name}")
            mark.__enter__()
        self._marks.append(mark)

    def left(self) -> None:
        """The innermost stage is over."""
        if self._marks and (mark := self._marks.pop()) is not None:
            mark.__exit__(None, None, None)
