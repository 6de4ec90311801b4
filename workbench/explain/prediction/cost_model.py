"""What samples and batches cost, stage by stage, as measured; and batches drawn from that for the simulator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from workbench.explain.prediction.pipeline import STATIONS, BatchCosts, Numbers, PipelineConfig, Seconds, Station
from workbench.stages import Catalogue, Lane, Role

#: The device's time, which is asked about like a stage.
DEVICE = "device"

#: Stations by the role of a stage in the main process; those of its loop, and those of its background threads.
_IN_LOOP: Mapping[Role, Station] = {"receive": "receive", "work": "submit", "submit": "submit", "collect": "collect"}
_IN_BACKGROUND: Mapping[Role, Station] = {"receive": "receive", "submit": "receive"}

#: Stations at which a batch is in the main process's loop, but for receiving it and giving it to the model.
_BESIDE_THE_MODEL: tuple[Station, ...] = ("collect", "end")


def station_of(role: Role, lane: Lane, *, background: bool) -> Station:
    """Where a batch is when a stage is at work on it.

    Args:
        role: What the stage does.
        lane: Where it runs.
        background: Whether a background thread does it.
    """
    if lane == "worker":
        return "send" if background or role == "send" else "load"
    return _IN_BACKGROUND.get(role, "collect") if background else _IN_LOOP.get(role, "end")


@dataclass(frozen=True)
class SampleCosts:
    """What loading single samples costs: one row for each time that a sample was made.

    Attributes:
        stages: Names of the stages.
        sample: int64 [visits]: which sample it was.
        cost_s: float64 [visits, stages]: seconds on a core of its own, in the process that loaded them.
        isolated: float64 [stages]: what they cost where the main process loads, over that; None: as much.
    """

    stages: tuple[str, ...]
    sample: Numbers
    cost_s: Seconds
    isolated: Seconds | None = None

    def draw(self, samples: Numbers, scale: Seconds, rng: np.random.Generator) -> Seconds:
        """float64 [samples]: what they cost this time: one of their own visits, or any for a sample without one."""
        if not len(self.sample):
            return np.zeros(len(samples))
        total = self.cost_s @ scale
        order = np.argsort(self.sample, kind="stable")
        own = self.sample[order]
        first, end = np.searchsorted(own, samples, "left"), np.searchsorted(own, samples, "right")
        known = end > first
        place = np.where(known, first + (rng.random(len(samples)) * (end - first)).astype(np.int64), 0)
        drawn = total[order][place]
        drawn[~known] = rng.choice(total, int((~known).sum()))
        return np.asarray(drawn)


@dataclass(frozen=True)
class BatchStage:
    """A stage that is done once for a batch.

    Attributes:
        station: Where the batch is then.
        per_sample_s: float64 [batches]: seconds on a core of its own, for each sample of the batch.
        isolated_s: What it takes where the main process loads, for each sample; None: as much.
        alone_s: What it takes while no worker is at work, for each sample; None: as much.
    """

    station: Station
    per_sample_s: Seconds
    isolated_s: float | None = None
    alone_s: float | None = None


@dataclass(frozen=True)
class CostModel:
    """A pipeline as it was measured, or as a change has made it.

    Attributes:
        config: How it hangs together.
        catalogue: What its stages are.
        batch_size: Samples in a batch.
        num_samples: Samples in an epoch.
        shuffled: Whether they come in a new order in every epoch.
        samples: What loading the single samples costs.
        batches: What is done for batches, by stage.
        blocked_share: Time of loading that is spent on no core, over that on one.
        device_s: float64 [batches]: the device's time for each sample of a batch; empty without a device.
        recorded_workers: The workers of the run that was measured.
        bytes_per_sample: Bytes of a sample on its way to the device; None: not known.
        item: What one sample is called.
        scale: By stage: its cost over what was measured. `device` is the device.
        moved_s: Seconds on the device for each sample, of stages that were moved there.
        is_observed: Whether the run was that of a script, which nothing was timed isolated of.
        pause_share: Share of what the main loop does beside the model that is spent on no core, 0..1.
        helping_share: What torch's threads work for the model beside the main process's loop, over what that takes for
            it.
        assumptions: What rests on no measurement, in sentences.
    """

    config: PipelineConfig
    catalogue: Catalogue
    batch_size: int
    num_samples: int
    shuffled: bool
    samples: SampleCosts
    batches: Mapping[str, BatchStage]
    blocked_share: float
    device_s: Seconds
    recorded_workers: int
    bytes_per_sample: float | None = None
    item: str = "sample"
    scale: Mapping[str, float] = field(default_factory=dict)
    moved_s: float = 0.0
    is_observed: bool = False
    pause_share: float = 0.0
    helping_share: float = 0.0
    assumptions: tuple[str, ...] = ()

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that can be asked about."""
        names = (*self.samples.stages, *self.batches, *((DEVICE,) if len(self.device_s) else ()))
        return tuple(dict.fromkeys(names))

    def scaled(self, factor: float, *stages: str) -> CostModel:
        """The model with stages that take `factor` times what they take now."""
        return replace(self, scale={**self.scale, **{name: self.scale.get(name, 1.0) * factor for name in stages}})

    def assuming(self, *sentences: str) -> CostModel:
        """The model with more that rests on no measurement."""
        new = (sentence for sentence in sentences if sentence not in self.assumptions)
        return replace(self, assumptions=(*self.assumptions, *new))

    def moves_bytes(self, stage: str) -> bool:
        """Whether a stage's cost is in proportion to the bytes of a batch."""
        lanes: tuple[Lane, ...] = ("worker", "main")
        return any(self.catalogue.find(lane, stage).moves_bytes for lane in lanes)

    def costs_no_more_than(self, other: CostModel) -> bool:
        """Whether it is the other one with some stages cheaper, or none: nothing costs more, all else is as it was."""
        stages = dict.fromkeys([*self.stages, *other.stages])
        return (
            self.config == other.config
            and self.blocked_share <= other.blocked_share
            and self.batch_size == other.batch_size
            and all(self.cost_per_sample(stage) <= other.cost_per_sample(stage) for stage in stages)
        )

    def cost_per_sample(self, stage: str) -> float:
        """Seconds of a stage for each sample, on a core of its own (or on the device), as the model has it now."""
        factor = self.scale.get(stage, 1.0)
        if stage == DEVICE:
            return float(self.device_s.mean()) * factor + self.moved_s
        cost_s = 0.0
        if stage in self.samples.stages:
            cost_s += float(self.samples.cost_s[:, self.samples.stages.index(stage)].mean())
        if stage in self.batches and len(self.batches[stage].per_sample_s):
            cost_s += float(self.batches[stage].per_sample_s.mean())
        return cost_s * factor

    def draw(self, rng: np.random.Generator) -> BatchCosts:
        """The costs of a run's batches, drawn from what was measured."""
        numbers, sizes = self._orders(rng)
        batches = len(sizes)
        own_scale = np.array([self.scale.get(stage, 1.0) for stage in self.samples.stages])
        if self.loads_itself and self.samples.isolated is not None:
            own_scale = own_scale * self.samples.isolated
        loading = self.samples.draw(numbers, own_scale, rng)
        starts = np.cumsum(sizes) - sizes
        load = np.add.reduceat(loading, starts) if len(loading) else np.zeros(batches)
        stations = {name: np.zeros(batches) for name in STATIONS}
        stations["load"] = load
        for name, stage in self.batches.items():
            sends_itself = self.config.num_workers == 0 and stage.station == "send"
            stations["load" if sends_itself else stage.station] += self._batch_cost(name, stage, sizes, rng)
        blocked = stations["load"] * self.blocked_share
        device = np.zeros(batches)
        if len(self.device_s):
            device = rng.choice(self.device_s, batches) * sizes * self.scale.get(DEVICE, 1.0) + self.moved_s * sizes
        helping = stations["submit"] * self.helping_share / max(self.config.helpers, 1)
        alone = self._alone(sizes) if self.config.helpers else None
        pause = np.zeros(batches)
        for station in _BESIDE_THE_MODEL:
            pause += stations[station] * self.pause_share
            stations[station] = stations[station] * (1.0 - self.pause_share)
        return BatchCosts(
            blocked=blocked, device=device, samples=sizes, pause=pause, helping=helping, alone=alone, **stations
        )

    def _alone(self, sizes: Numbers) -> Seconds:
        """float64 [batches]: what the model takes in the main process's loop while no worker is at work."""
        alone = np.zeros(len(sizes))
        for name, stage in self.batches.items():
            if stage.station == "submit":
                cost_s = float(stage.per_sample_s.mean()) if stage.alone_s is None else stage.alone_s
                alone += cost_s * self.scale.get(name, 1.0) * sizes
        return alone

    @property
    def loads_itself(self) -> bool:
        """Whether the main process would load what workers have loaded in the run."""
        return self.config.num_workers == 0 < self.recorded_workers

    def _orders(self, rng: np.random.Generator) -> tuple[Numbers, Numbers]:
        """Numbers of the samples in the order of the run, and the batches' sizes."""
        steps, per_epoch = self.config.all_steps, self.config.steps_per_epoch
        sizes = np.full(per_epoch, self.batch_size, np.int64)
        sizes[-1] = self.num_samples - self.batch_size * (per_epoch - 1)
        epochs = -(-steps // per_epoch)
        order = np.arange(self.num_samples)
        orders = [rng.permutation(order) if self.shuffled else order for _ in range(epochs)]
        all_sizes = np.tile(sizes, epochs)[:steps]
        return np.concatenate(orders)[: all_sizes.sum()], all_sizes

    def _batch_cost(self, name: str, stage: BatchStage, sizes: Numbers, rng: np.random.Generator) -> Seconds:
        factor = self.scale.get(name, 1.0)
        if self.loads_itself:
            if stage.station in ("send", "receive"):
                return np.zeros(len(sizes))
            if stage.isolated_s is not None:
                return np.asarray(stage.isolated_s * factor * sizes, np.float64)
        if not len(stage.per_sample_s):
            return np.zeros(len(sizes))
        return np.asarray(rng.choice(stage.per_sample_s, len(sizes)) * factor * sizes)
