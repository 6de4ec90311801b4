"""torch.profiler on the main process: operators and kernels, by time and by memory.

What is recorded, and when: `observer.torch_trace`, which a script of somebody's own is looked at with as well.

TensorBoard 2.21 opens the trace with torch-tb-profiler 0.4.3. The plugin draws with scripts from gstatic.com and
cdnjs.cloudflare.com, and stays empty without a network.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from workbench.measure.profilers.profiler import BaseProfiler, Findings, ProfilerContext
from workbench.observer.torch_trace import MARK, STAGE, WARM_UP, TorchRecorder
from workbench.units import counted
from workbench.workload import Timed

_MEGABYTE = 1e6


class TorchTrace(BaseProfiler):
    """See `Profiler`."""

    def __init__(self, context: ProfilerContext) -> None:
        self._folder = context.folder
        self._recorder = TorchRecorder(str(context.folder), context.clock)

    def mark(self, stage: str) -> Timed:
        """See `Profiler`. The stage is seen in torch's own trace, too."""
        from torch.profiler import record_function

        block: Timed = record_function(f"{STAGE}{stage}")
        return block

    def steady(self) -> None:
        """See `Profiler`."""
        self._recorder.start()

    def step(self) -> None:
        """See `Profiler`."""
        self._recorder.step()

    def stop(self) -> None:
        """See `Profiler`."""
        self._recorder.stop()

    def collect(self) -> Findings:
        """See `Profiler`."""
        self._recorder.write()
        return torch_findings(self._folder, self._recorder.num_recorded)


def torch_findings(folder: Path, num_recorded: int) -> Findings:
    """What a recorder has left.

    Args:
        folder: Where.
        num_recorded: Steps in the trace; 0: there is none.
    """
    if not num_recorded:
        return Findings(notes=[f"torch: nothing was recorded; it takes num_steps={WARM_UP + 1} or more"])
    (trace,) = (folder / "torch").glob("*.pt.trace.json")
    size = trace.stat().st_size / _MEGABYTE
    recorded = counted(num_recorded, "counted step")
    notes = [f"torch: recorded {recorded}, {size:.1f} MB; the others run without it"]
    return Findings({"torch trace": trace, "torch operators": folder / "operators.json"}, notes)


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
