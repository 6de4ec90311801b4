"""A few batches once more, with nothing beside them: what the stages take where no other process is at work.

While workers and main process share cores, caches and memory, each of them is slower than it would be alone. How much
slower is what a prediction for another number of workers needs to know.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from workbench.knobs.knobs import Knobs
from workbench.measure.devices.device import Device
from workbench.measure.timing.channel import Channel
from workbench.measure.timing.clock import Clock
from workbench.measure.timing.stages import Stages
from workbench.measure.trial.loop import Loop
from workbench.measure.trial.stage_stats import collect, stage_stats
from workbench.records import StageStats

if TYPE_CHECKING:
    from workbench.workload import Timers, Workload

#: The first of them meets cold code and memory that isn't there yet.
_WARMUP_STEPS = 1

_SPANS = 100_000


def can_time_isolated(knobs: Knobs) -> bool:
    """Whether a trial has workers whose pages the main process can make as well, and nothing that slows it down."""
    has_workers = knobs.loader == "torch" and knobs.num_workers > 0
    return has_workers and knobs.stage_timing and not knobs.profilers and knobs.isolated_samples > 0


def time_isolated(workload: Workload, device: Device, knobs: Knobs, clock: Clock) -> list[StageStats]:
    """Load batches in this process and do their steps, one after the other. The workers must be gone.

    Returns:
        The stages, as in a record of a trial without workers.
    """
    from workbench.measure.loaders.torch_loader import TorchLoader

    delays_ns = {name: int(ms * 1e6) for name, ms in knobs.delays_ms.items()}
    channel = Channel.open(num_workers=0, spans_per_process=_SPANS, clock=clock, delays_ns=delays_ns)
    # Copied without a check: what only workers can do (a ring) is of no account here.
    here = knobs.model_copy(update={"num_workers": 0})
    loader = TorchLoader(workload.dataset, workload.collate, here, channel=channel)
    try:
        loop = Loop(
            _OneByOne(workload),  # type: ignore[arg-type]
            loader,
            device,
            stages=Stages(channel.main, clock, delays_ns),
            background=Stages(channel.background, clock, delays_ns),
            clock=clock,
            on_event=lambda event: None,
        )
        times = loop.run(num_steps=-(-knobs.isolated_samples // knobs.batch_size), warmup_steps=_WARMUP_STEPS)
    finally:
        loader.close()
    return stage_stats(collect(channel, device), times.begin_ns, times.end_ns)


class _OneByOne:
    """A workload whose steps leave nothing running beside the loop."""

    def __init__(self, workload: Workload) -> None:
        self._workload = workload
        self.flush: Callable[[], None] = workload.flush

    def step(self, batch: Any, number: int, pages: list[int], timers: Timers, *, counted: bool) -> None:
        self._workload.step(batch, number, pages, timers, counted=counted)
        self._workload.flush()
