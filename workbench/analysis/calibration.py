"""From a run's record to a model of its pipeline: what everything would cost on a core of its own.

A span's wall time is more than its cost: its process may have waited for a core, and while it ran, other cores shared
caches and memory with it. The record tells both apart. The scheduler has counted how long each lane was on a core; and
the same stages were timed once more with no other process at work (`record.alone`). What remains, by how much work is
slower where all cores are at work, is then the one number that makes the simulated run as slow as the measured one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from workbench.analysis.breakdown import WAITING
from workbench.analysis.cost_model import FINISH, LAUNCH, BatchStage, CostModel, PageCosts
from workbench.analysis.pipeline import Seconds, Shape
from workbench.analysis.simulator import simulate
from workbench.errors import BadInput, Problem
from workbench.records import LaneStats, Record, StageStats

#: Stages in which a worker isn't at work.
_NO_WORK = ("idle", "start")

#: A stage that was timed on fewer pages alone says too little by itself; the lane as a whole then speaks for it.
_MIN_ALONE = 8

#: Rounds in which the slow-down and the simulated crowding find each other.
_ROUNDS = 4

#: More than twice as slow beside busy cores as alone: something else is going on.
_MOST_SLOWDOWN = 1.5

_NS = 1e-9


def calibrate(record: Record, spans: pd.DataFrame) -> CostModel:
    """The model of a run's pipeline.

    Args:
        record: The run's record.
        spans: Its spans (`run_store.read_spans`).

    Raises:
        BadInput: Where the record doesn't tell what a prediction needs.
    """
    _refuse(record)
    return _Calibration(record, spans).model()


def _refuse(record: Record) -> None:
    problems = []
    if record.steady is None:
        problems.append(Problem("the run failed", remedy="Take a run that ended well"))
    elif not record.stages:
        problems.append(Problem("no stages were timed", remedy="Run with stage_timing=true"))
    if record.knobs.loader != "torch":
        remedy = "Race it instead: workbench compare --variant"
        problems.append(Problem(f"the inside of the {record.knobs.loader} loader is not modelled", remedy=remedy))
    if record.knobs.device == "cpu":
        remedy = "Take device=replay with the time that the model takes"
        problems.append(Problem("a model on the CPU takes cores in a way that is not modelled", remedy=remedy))
    if problems:
        raise BadInput(f"a prediction from run {record.run_id}", problems)


class _Calibration:
    def __init__(self, record: Record, spans: pd.DataFrame) -> None:
        assert record.steady is not None
        assert record.pages is not None
        self._record = record
        self._knobs = record.knobs
        self._lanes: dict[str, LaneStats] = {lane.lane: lane for lane in record.lanes}
        end_ns = spans.loc[(spans["lane"] == "main") & (spans["stage"] == "drain"), "end_ns"].max()
        begin_ns = end_ns - record.steady.wall_s / _NS
        inside = (spans["end_ns"] > begin_ns) & (spans["end_ns"] <= end_ns)
        self._spans = spans[inside].assign(wall_s=(spans["end_ns"] - spans["begin_ns"]) * _NS)
        self._alone: dict[tuple[str, str], StageStats] = {(row.lane, row.name): row for row in record.alone}
        self._in_main = self._knobs.num_workers == 0

    def model(self) -> CostModel:
        main, worker = self._on_core("main"), self._on_core("worker")
        batches = self._batches(worker, main)
        pages = self._pages(worker)
        ratio = self._ratio(worker)
        model = CostModel(
            shape=self._shape(),
            batch_size=self._knobs.batch_size,
            num_pages=self._record.pages.num_pages if self._record.pages else 1,
            shuffled=self._knobs.mode == "train",
            pages=pages,
            batches=batches,
            blocked_share=self._blocked_share("worker"),
            device_s=self._device(),
            recorded_workers=self._knobs.num_workers,
            assumptions=tuple(self._assumptions(ratio)),
        )
        return self._with_slowdown(model, 1.0 if ratio is None else ratio, has_alone=ratio is not None)

    def _shape(self) -> Shape:
        knobs, steady = self._knobs, self._record.steady
        assert steady is not None
        cores = self._record.environment.cores if self._record.environment else 1
        num_pages = self._record.pages.num_pages if self._record.pages else 1
        epoch = self._of("main", "epoch")["wall_s"]
        start = self._of("worker", "start")["wall_s"]
        return Shape(
            num_workers=knobs.num_workers,
            prefetch_factor=knobs.prefetch_factor,
            cores=cores,
            slowdown=0.0,
            steps_per_epoch=-(-num_pages // knobs.batch_size),
            num_steps=steady.num_steps,
            warmup_steps=steady.warmup_steps,
            joined=knobs.epochs == "joined",
            in_order=knobs.in_order,
            epoch_s=float(epoch.median()) if len(epoch) else 0.0,
            start_s=float(start.median()) if len(start) and not knobs.persistent_workers else 0.0,
            restarts=not knobs.persistent_workers,
            beside=knobs.postprocess == "threads",
            device_queue=2,
        )

    def _of(self, lane: str, stage: str | None = None, *, overlapped: bool | None = None) -> pd.DataFrame:
        wanted = self._spans["lane"] == lane
        if stage is not None:
            wanted &= self._spans["stage"] == stage
        if overlapped is not None:
            wanted &= self._spans["overlapped"].astype(bool) == overlapped
        rows: pd.DataFrame = self._spans[wanted]
        return rows

    def _work_s(self, lane: str) -> float:
        """Wall time in which a lane was at work, or ready to be."""
        stats = self._lanes[lane]
        waiting = ("fetch", "drain") if lane == "main" and self._in_main else (*WAITING, *_NO_WORK)
        own = [row for row in self._record.stages if row.lane == lane and not row.overlapped]
        return max(stats.wall_s - sum(row.total_s for row in own if row.name in waiting), 1e-9)

    def _on_core(self, lane: str) -> float:
        """Share of a lane's work that it was on a core; 1 where that isn't known."""
        stats = self._counted(lane)
        return 1.0 if stats is None or stats.cpu_s is None else min(1.0, stats.cpu_s / self._work_s(self._source(lane)))

    def _source(self, lane: str) -> str:
        return "main" if self._in_main else lane

    def _counted(self, lane: str) -> LaneStats | None:
        stats = self._lanes.get(self._source(lane))
        return stats if stats is not None and stats.cpu_s is not None else None

    def _blocked_share(self, lane: str) -> float:
        stats = self._counted(lane)
        if stats is None or stats.cpu_s is None or stats.ready_s is None or self._in_main:
            return 0.0
        return max(0.0, self._work_s(lane) - stats.cpu_s - stats.ready_s) / max(stats.cpu_s, 1e-9)

    def _pages(self, on_core: float) -> PageCosts:
        rows = self._of("worker", overlapped=False)
        rows = rows[(rows["page"] >= 0) & ~rows["stage"].isin(_NO_WORK)]
        if rows.empty:
            return PageCosts((), np.zeros(0, np.int64), np.zeros((0, 0)))
        stages = tuple(dict.fromkeys(rows["stage"]))
        visits = rows.groupby(["batch", "page", "stage"])["wall_s"].sum().unstack("stage", fill_value=0)
        cost_s = visits[list(stages)].to_numpy() * on_core
        page = visits.index.get_level_values("page").to_numpy(np.int64)
        return PageCosts(stages, page, cost_s / (self._ratio(on_core) or 1.0), self._alone_costs(stages))

    def _alone_costs(self, stages: tuple[str, ...]) -> Seconds | None:
        """float64 [stages]: what each costs a page where the main process loads, over what it costs in a worker."""
        if self._in_main or not self._alone:
            return None
        overall = self._ratio(1.0)
        ratios = [self._stage_ratio(stage, 1.0) for stage in stages]
        return np.array([overall / ratio if ratio and overall else 1.0 for ratio in ratios])

    def _alone_order(self) -> list[int]:
        """The pages that were timed alone: those of the batches after the first, in as many as `alone_pages` fill."""
        size = self._knobs.batch_size
        num_pages = self._record.pages.num_pages if self._record.pages else 1
        batches = [list(range(begin, min(begin + size, num_pages))) for begin in range(0, num_pages, size)]
        count = -(-self._knobs.alone_pages // size)
        return [page for number in range(1, 1 + count) for page in batches[number % len(batches)]]

    def _stage_ratio(self, stage: str, on_core: float) -> float | None:
        """How many times what it costs alone a page's stage has cost beside the others, on the same pages."""
        alone = self._alone.get(("worker", stage))
        if alone is None or alone.per != "page" or alone.count < _MIN_ALONE or alone.mean_s <= 0.0:
            return None
        rows = self._of("worker", stage, overlapped=False)
        if self._knobs.mode == "validate":
            own = rows[rows["page"].isin(self._alone_order())]
            rows = own if len(own) >= _MIN_ALONE else rows
        return max(float(rows["wall_s"].mean()) * on_core / alone.mean_s, 0.1) if len(rows) else None

    def _ratio(self, on_core: float) -> float | None:
        """Likewise of loading as a whole; None where nothing was timed alone.

        It is the median of the stages, each with the weight of its time: stages that take fresh memory cost a worker
        more than the main process for other reasons than busy neighbours.
        """
        rows = [row for (lane, _), row in self._alone.items() if lane == "worker"]
        found = sorted((ratio, row.total_s) for row in rows if (ratio := self._stage_ratio(row.name, on_core)))
        if not found:
            return None
        ratios, weights = np.array(found).T
        middle = np.searchsorted(np.cumsum(weights), weights.sum() / 2.0)
        return float(ratios[middle])

    def _batches(self, on_core: float, main_on_core: float) -> dict[str, BatchStage]:
        ratio = self._ratio(on_core) or 1.0
        sizes = self._sizes()
        found: dict[str, BatchStage] = {}
        for lane, share in (("worker", on_core), ("main", main_on_core)):
            rows = self._of(lane)
            rows = rows[(rows["page"] < 0) & ~rows["stage"].isin((*WAITING, *_NO_WORK, "epoch"))]
            for stage, own in rows.groupby("stage", sort=False):
                name = str(stage)
                station = _station(name, lane)
                per_page = self._per_page(own, sizes)
                cost_s = per_page * self._share(own, lane, share)
                if station == "send":
                    cost_s = self._sending(per_page)
                alone = self._alone_per_page(lane, name)
                reference = alone if lane == "main" and name in (*LAUNCH, *FINISH) and alone else cost_s.mean() / ratio
                level = reference / cost_s.mean() if cost_s.mean() > 0.0 else 1.0
                found[name] = BatchStage(station, cost_s * level, alone)
        rest_s = self._unattributed("worker", on_core)
        if rest_s > 0.0 and not self._in_main:
            found["unattributed"] = BatchStage("make", np.array([rest_s / ratio]), 0.0)
        return found

    def _share(self, own: pd.DataFrame, lane: str, share: float) -> float:
        """Share of its wall time that a stage was on a core. A helper thread's own time was counted apart."""
        stats = self._counted(lane)
        is_beside = bool(own["overlapped"].astype(bool).all())
        if not is_beside or stats is None or not stats.helpers_cpu_s:
            return share
        beside = self._of(lane, overlapped=True)
        return min(1.0, stats.helpers_cpu_s / max(float(beside["wall_s"].sum()), 1e-9))

    def _sending(self, per_page: Seconds) -> Seconds:
        """What sending costs: the worker's other threads do nothing else, and more of it than is timed."""
        stats = self._counted("worker")
        if stats is None or self._in_main or not stats.helpers_cpu_s:
            return per_page
        assert self._record.steady is not None
        level = stats.helpers_cpu_s / self._record.steady.num_pages
        return per_page * (level / per_page.mean()) if per_page.mean() > 0.0 else per_page

    def _sizes(self) -> dict[int, int]:
        """Pages of each batch, by number."""
        num_pages = self._record.pages.num_pages if self._record.pages else 1
        size, per_epoch = self._knobs.batch_size, -(-num_pages // self._knobs.batch_size)
        last = num_pages - size * (per_epoch - 1)
        most = int(self._spans["batch"].max()) + 1
        return {batch: last if batch % per_epoch == per_epoch - 1 else size for batch in range(most)}

    @staticmethod
    def _per_page(own: pd.DataFrame, sizes: dict[int, int]) -> Seconds:
        """float64 [batches]: seconds of a stage for each page of a batch."""
        known = own[own["batch"] >= 0]
        if known.empty:  # told now and then, for no batch in particular
            return np.array([float(own["wall_s"].sum()) / max(sum(sizes.values()), 1)])
        by_batch = known.groupby("batch")["wall_s"].sum()
        return np.asarray(by_batch.to_numpy() / np.array([sizes[int(batch)] for batch in by_batch.index]))

    def _alone_per_page(self, lane: str, stage: str) -> float | None:
        row = self._alone.get((lane, stage))
        return row.total_s / len(self._alone_order()) if row is not None else None

    def _unattributed(self, lane: str, on_core: float) -> float:
        stats = self._lanes.get(lane)
        assert self._record.steady is not None
        if stats is None:
            return 0.0
        return float(stats.wall_s - stats.attributed_s) * on_core / self._record.steady.num_pages

    def _device(self) -> Seconds:
        rows = self._of("device")
        if rows.empty:
            return np.zeros(0)
        return self._per_page(rows, self._sizes())

    def _with_slowdown(self, model: CostModel, ratio: float, *, has_alone: bool) -> CostModel:
        """Find the slow-down with which the simulated batches cost as many times their cost alone as measured."""
        slowdown = 0.0
        for _ in range(_ROUNDS if has_alone else 0):
            shape = replace(model.shape, slowdown=slowdown)
            outcome = simulate(shape, model.draw(np.random.default_rng(0)))
            if outcome.crowding <= 0.01:
                break
            slowdown = min(max(0.0, (ratio - 1.0) / outcome.crowding), _MOST_SLOWDOWN)
        return replace(model, shape=replace(model.shape, slowdown=slowdown))

    def _assumptions(self, ratio: float | None) -> list[str]:
        told = [
            "What is done for a batch as a whole costs in proportion to its pages.",
            "Cores are shared fairly; work on a busy machine is slower in proportion to the cores at work.",
        ]
        if ratio is None and not self._in_main:
            told.append(
                "No stage was timed alone in this run, so stages cost as much with more or fewer busy cores "
                "(alone_pages=32 times them)."
            )
        if self._in_main:
            told.append("The run had no workers: how much they would slow each other down is not known.")
        if self._counted("worker") is None:
            told.append("The scheduler's counters could not be read, so time spent waiting for a core counts as work.")
        return told


def _station(stage: str, lane: str) -> str:
    if lane == "worker":
        return "send" if stage == "send" else "make"
    if stage == "receive":
        return "receive"
    if stage in LAUNCH:
        return "launch"
    return "finish" if stage in FINISH else "close"
