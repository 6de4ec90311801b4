"""A few batches once more, with nothing beside them: what the stages take where no other process is at work.

While workers and main process share cores, caches and memory, each of them is slower than it would be by itself. How
much slower is what a prediction for another number of workers needs to know.
"""

from __future__ import annotations

from workbench.knobs.knobs import Knobs
from workbench.knobs.measuring import LoaderKnobs
from workbench.measure.devices.device import Device
from workbench.measure.loaders.torch_loader import TorchLoader
from workbench.measure.timing.channel import Channel
from workbench.measure.timing.spans import Clock
from workbench.measure.trial.loop import Loop
from workbench.measure.trial.stage_stats import collect, stage_stats
from workbench.records import Isolated
from workbench.workload import Workload

#: The first of them meets cold code and memory that isn't there yet.
_WARMUP_STEPS = 1

_SPANS = 100_000


def can_time_isolated(knobs: Knobs) -> bool:
    """Whether a trial has workers whose samples the main process can make as well, and nothing that slows it down."""
    has_workers = knobs.loader == "torch" and knobs.num_workers > 0
    return has_workers and knobs.stage_timing and not knobs.profilers and knobs.isolated_samples > 0


def steps_isolated(knobs: Knobs) -> int:
    """How many batches are made for it, the first one included, which counts nowhere."""
    return _WARMUP_STEPS + -(-knobs.isolated_samples // knobs.batch_size)


def time_isolated(workload: Workload, device: Device, knobs: Knobs, clock: Clock) -> Isolated:
    """Load batches in this process and do their steps, one after the other. The workers must be gone."""
    channel = Channel.open(
        num_workers=0,
        spans_per_process=_SPANS,
        clock=clock,
        delays_ms=knobs.slow_down,
        knocked_out=knobs.knock_out,
    )
    # What only workers can do (a ring) is of no account here.
    here = knobs.slice(LoaderKnobs).model_copy(update={"num_workers": 0})
    loader = TorchLoader(workload.dataset(), workload.collate(), here, channel=channel)
    try:
        loop = Loop(
            workload,
            loader,
            device,
            stages=channel.stages(channel.main),
            background=channel.stages(channel.background),
            clock=clock,
            on_event=lambda event: None,
            step_by_step=True,
        )
        times = loop.run(num_steps=steps_isolated(knobs) - _WARMUP_STEPS, warmup_steps=_WARMUP_STEPS)
    finally:
        loader.close()
    stages = stage_stats(collect(channel, device), times.begin_ns, times.end_ns)
    return Isolated(samples=times.sample_numbers, stages=stages)
