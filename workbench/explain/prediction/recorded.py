"""What a run has recorded, asked for what stages cost: on a core, beside others, and alone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.explain.breakdown import NO_WORK
from workbench.explain.prediction.pipeline import Seconds
from workbench.explain.steady_spans import steady_spans
from workbench.records import LaneStats, Record, StageStats
from workbench.units import NS_PER_S

#: A stage that was timed on fewer pages alone says too little by itself.
_MIN_ALONE = 8


class Recorded:
    """A run's record and spans, asked for costs. Counted steps only.

    Attributes:
        record: The record.
        in_main: Whether the main process loads the pages itself.
        isolated: The stages that were timed alone, by lane and name.
    """

    def __init__(self, record: Record, spans: pd.DataFrame) -> None:
        assert record.steady is not None
        self.record = record
        self.in_main = record.knobs.num_workers == 0
        self.isolated: dict[tuple[str, str], StageStats] = {(row.lane, row.name): row for row in record.isolated}
        self._knobs = record.knobs
        self._lanes: dict[str, LaneStats] = {lane.lane: lane for lane in record.lanes}
        counted = steady_spans(record, spans)
        assert counted is not None
        self._spans = counted.assign(wall_s=(counted["end_ns"] - counted["begin_ns"]) / NS_PER_S)

    @property
    def num_pages(self) -> int:
        """Pages in an epoch."""
        return self.record.pages.num_pages if self.record.pages else 1

    def of(self, lane: str, stage: str | None = None, *, background: bool | None = None) -> pd.DataFrame:
        """The spans of a lane, of one of its stages, or of what runs beside it; with `wall_s`."""
        wanted = self._spans["lane"] == lane
        if stage is not None:
            wanted &= self._spans["stage"] == stage
        if background is not None:
            wanted &= self._spans["background"].astype(bool) == background
        rows: pd.DataFrame = self._spans[wanted]
        return rows

    def work_s(self, lane: str) -> float:
        """Wall time in which a lane was at work, or ready to be."""
        stats = self._lanes[lane]
        waiting = ("fetch", "backlog", "drain") if lane == "main" and self.in_main else NO_WORK
        own = [row for row in self.record.stages if row.lane == lane and not row.background]
        return max(stats.wall_s - sum(row.total_s for row in own if row.name in waiting), 1e-9)

    def on_core(self, lane: str) -> float:
        """Share of a lane's work that it was on a core; 1 where that isn't known."""
        stats = self.counted(lane)
        return 1.0 if stats is None or stats.cpu_s is None else min(1.0, stats.cpu_s / self.work_s(self.source(lane)))

    def source(self, lane: str) -> str:
        """The lane whose process does the work of `lane`."""
        return "main" if self.in_main else lane

    def counted(self, lane: str) -> LaneStats | None:
        """A lane with what the scheduler has counted; None where it could not be read."""
        stats = self._lanes.get(self.source(lane))
        return stats if stats is not None and stats.cpu_s is not None else None

    def blocked_share(self, lane: str) -> float:
        """Time in which a lane's stages were neither on a core nor ready for one, over that on a core."""
        stats = self.counted(lane)
        if stats is None or stats.cpu_s is None or stats.ready_s is None or self.in_main:
            return 0.0
        return max(0.0, self.work_s(lane) - stats.cpu_s - stats.ready_s) / max(stats.cpu_s, 1e-9)

    def isolated_order(self) -> list[int]:
        """The pages that were timed isolated: those of the batches after the first, in as many as `isolated_samples` fill."""
        size = self._knobs.batch_size
        num_pages = self.num_pages
        batches = [list(range(begin, min(begin + size, num_pages))) for begin in range(0, num_pages, size)]
        count = -(-self._knobs.isolated_samples // size)
        return [page for number in range(1, 1 + count) for page in batches[number % len(batches)]]

    def isolated_share(self, stage: str, on_core: float) -> float:
        """What a stage of loading costs where the main process loads, over its cost in a worker, on the same pages."""
        alone = self.isolated.get(("worker", stage))
        if alone is None or alone.per != "page" or alone.count < _MIN_ALONE:
            return 1.0
        rows = self.of("worker", stage, background=False)
        if self._knobs.mode == "validate":
            own = rows[rows["page"].isin(self.isolated_order())]
            rows = own if len(own) >= _MIN_ALONE else rows
        in_worker_s = float(rows["wall_s"].mean()) * on_core if len(rows) else 0.0
        return alone.mean_s / in_worker_s if in_worker_s > 0.0 else 1.0

    def share(self, own: pd.DataFrame, lane: str, share: float) -> float:
        """Share of its wall time that a stage was on a core. A helper thread's own time was counted apart."""
        stats = self.counted(lane)
        is_beside = bool(own["background"].astype(bool).all())
        if not is_beside or stats is None or not stats.background_cpu_s:
            return share
        beside = self.of(lane, background=True)
        return min(1.0, stats.background_cpu_s / max(float(beside["wall_s"].sum()), 1e-9))

    def sizes(self) -> dict[int, int]:
        """Pages of each batch, by number."""
        num_pages = self.num_pages
        size, per_epoch = self._knobs.batch_size, -(-num_pages // self._knobs.batch_size)
        last = num_pages - size * (per_epoch - 1)
        most = int(self._spans["batch"].max()) + 1
        return {batch: last if batch % per_epoch == per_epoch - 1 else size for batch in range(most)}

    @staticmethod
    def per_page(own: pd.DataFrame, sizes: dict[int, int]) -> Seconds:
        """float64 [batches]: seconds of a stage for each page of a batch."""
        known = own[own["batch"] >= 0]
        if known.empty:  # told now and then, for no batch in particular
            return np.array([float(own["wall_s"].sum()) / max(sum(sizes.values()), 1)])
        by_batch = known.groupby("batch")["wall_s"].sum()
        return np.asarray(by_batch.to_numpy() / np.array([sizes[int(batch)] for batch in by_batch.index]))

    def isolated_per_page(self, lane: str, stage: str) -> float | None:
        """Seconds a page of a stage that was timed alone."""
        row = self.isolated.get((lane, stage))
        return row.total_s / len(self.isolated_order()) if row is not None else None

    def unattributed(self, lane: str, on_core: float) -> float:
        """Seconds a page of a lane that no stage explains, on a core."""
        stats = self._lanes.get(lane)
        assert self.record.steady is not None
        if stats is None:
            return 0.0
        return float(stats.wall_s - stats.attributed_s) * on_core / self.record.steady.num_pages

    def sending(self, per_page: Seconds) -> Seconds:
        """What sending costs: the worker's other threads do nothing else, and more of it than is timed."""
        stats = self.counted("worker")
        if stats is None or self.in_main or not stats.background_cpu_s:
            return per_page
        assert self.record.steady is not None
        level = stats.background_cpu_s / self.record.steady.num_pages
        return per_page * (level / per_page.mean()) if per_page.mean() > 0.0 else per_page
