"""What pages and batches cost, stage by stage, as measured; and batches drawn from that for the simulator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from workbench.explain.prediction.pipeline import BatchCosts, Numbers, PipelineConfig, Seconds

#: At which station of a batch a stage of the main process is worked on; all others belong to `close`.
LAUNCH = ("pin", "transfer", "forward", "loss", "backward", "optimizer")
FINISH = ("postprocess", "metric")

STATIONS = ("make", "send", "receive", "launch", "finish", "close")


@dataclass(frozen=True)
class PageCosts:
    """What loading single pages cost: one row for each time that a page was made.

    Attributes:
        stages: Names of the stages.
        page: int64 [visits]: which page it was.
        cost_s: float64 [visits, stages]: seconds on a core of its own, in the process that loaded them.
        isolated: float64 [stages]: how many times that they cost where the main process loads; None: as much.
    """

    stages: tuple[str, ...]
    page: Numbers
    cost_s: Seconds
    isolated: Seconds | None = None

    def draw(self, pages: Numbers, scale: Seconds, rng: np.random.Generator) -> Seconds:
        """float64 [pages]: what the pages cost this time: one of their own visits, or any for a page without one."""
        if not len(self.page):
            return np.zeros(len(pages))
        total = self.cost_s @ scale
        order = np.argsort(self.page, kind="stable")
        own = self.page[order]
        first, end = np.searchsorted(own, pages, "left"), np.searchsorted(own, pages, "right")
        known = end > first
        place = np.where(known, first + (rng.random(len(pages)) * (end - first)).astype(np.int64), 0)
        drawn = total[order][place]
        drawn[~known] = rng.choice(total, int((~known).sum()))
        return np.asarray(drawn)


@dataclass(frozen=True)
class BatchStage:
    """A stage that is done once for a batch.

    Attributes:
        station: One of `STATIONS`.
        per_sample_s: float64 [batches]: seconds on a core of its own, for each page of the batch.
        isolated_s: What it takes where the main process loads, for each page; None: as much.
        fixed: Whether a batch costs the same however many pages are in it; then `per_sample_s` is for the batch.
    """

    station: str
    per_sample_s: Seconds
    isolated_s: float | None = None
    fixed: bool = False


@dataclass(frozen=True)
class CostModel:
    """A pipeline as it was measured, or as a question has changed it.

    Attributes:
        config: How it hangs together.
        batch_size: Pages in a batch.
        num_pages: Pages in an epoch.
        shuffled: Whether they come in a new order in every epoch.
        pages: What loading the single pages cost.
        batches: What is done for batches, by stage.
        blocked_share: Time of loading that is spent on no core, over that on one.
        device_s: float64 [batches]: the device's time for each page of a batch; empty without a device.
        recorded_workers: The workers of the run that was measured.
        scale: By stage: how many times what was measured. `device` is the device.
        moved_s: Seconds on the device for each page, of stages that were moved there.
        assumptions: What rests on no measurement, in sentences.
    """

    config: PipelineConfig
    batch_size: int
    num_pages: int
    shuffled: bool
    pages: PageCosts
    batches: Mapping[str, BatchStage]
    blocked_share: float
    device_s: Seconds
    recorded_workers: int
    scale: Mapping[str, float] = field(default_factory=dict)
    moved_s: float = 0.0
    assumptions: tuple[str, ...] = ()

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that can be asked about."""
        device = ("device",) if len(self.device_s) else ()
        return (*self.pages.stages, *self.batches, *device)

    def cost_per_page(self, stage: str) -> float:
        """Seconds of a stage for each page, on a core of its own (or on the device), as the model has it now."""
        factor = self.scale.get(stage, 1.0)
        if stage == "device":
            return float(self.device_s.mean()) * factor + self.moved_s
        if stage in self.pages.stages:
            return float(self.pages.cost_s[:, self.pages.stages.index(stage)].mean()) * factor
        one = self.batches[stage]
        per_page = float(one.per_sample_s.mean()) if len(one.per_sample_s) else 0.0
        return per_page * factor / (self.batch_size if one.fixed else 1.0)

    def draw(self, rng: np.random.Generator) -> BatchCosts:
        """The costs of a run's batches, drawn from what was measured."""
        numbers, sizes = self._orders(rng)
        batches = len(sizes)
        own_scale = np.array([self.scale.get(stage, 1.0) for stage in self.pages.stages])
        if self.config.num_workers == 0 and self.recorded_workers > 0 and self.pages.isolated is not None:
            own_scale = own_scale * self.pages.isolated
        loading = self.pages.draw(numbers, own_scale, rng)
        starts = np.cumsum(sizes) - sizes
        make = np.add.reduceat(loading, starts) if len(loading) else np.zeros(batches)
        blocked = make * self.blocked_share
        stations = {name: np.zeros(batches) for name in STATIONS}
        stations["make"] = make
        for name, stage in self.batches.items():
            stations[self._station(stage)] += self._batch_cost(name, stage, sizes, rng)
        device = np.zeros(batches)
        if len(self.device_s):
            device = rng.choice(self.device_s, batches) * sizes * self.scale.get("device", 1.0) + self.moved_s * sizes
        return BatchCosts(blocked=blocked, device=device, pages=sizes, **stations)

    def _orders(self, rng: np.random.Generator) -> tuple[Numbers, Numbers]:
        """Numbers of the pages in the order of the run, and the batches' sizes."""
        steps, per_epoch = self.config.all_steps, self.config.steps_per_epoch
        sizes = np.full(per_epoch, self.batch_size, np.int64)
        sizes[-1] = self.num_pages - self.batch_size * (per_epoch - 1)
        epochs = -(-steps // per_epoch)
        order = np.arange(self.num_pages)
        orders = [rng.permutation(order) if self.shuffled else order for _ in range(epochs)]
        all_sizes = np.tile(sizes, epochs)[:steps]
        return np.concatenate(orders)[: all_sizes.sum()], all_sizes

    def _station(self, stage: BatchStage) -> str:
        if self.config.num_workers == 0 and stage.station == "send":
            return "make"
        return stage.station

    def _batch_cost(
        self, name: str, stage: BatchStage, sizes: Numbers, rng: np.random.Generator
    ) -> Seconds:
        factor = self.scale.get(name, 1.0)
        if self.config.num_workers == 0 and self.recorded_workers > 0:
            if stage.station in ("send", "receive"):
                return np.zeros(len(sizes))
            if stage.isolated_s is not None:
                return np.full(len(sizes), stage.isolated_s * factor) * (1 if stage.fixed else sizes)
        if not len(stage.per_sample_s):
            return np.zeros(len(sizes))
        return np.asarray(rng.choice(stage.per_sample_s, len(sizes)) * factor * (1 if stage.fixed else sizes))
