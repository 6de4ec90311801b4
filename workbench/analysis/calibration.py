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
from workbench.analysis.recorded import NO_WORK, Recorded
from workbench.analysis.simulator import simulate
from workbench.errors import BadInput, Problem
from workbench.records import Record

#: Rounds in which the slow-down and the simulated crowding find each other.
_ROUNDS = 4

#: More than twice as slow beside busy cores as alone: something else is going on.
_MOST_SLOWDOWN = 1.5


def calibrate(record: Record, spans: pd.DataFrame) -> CostModel:
    """The model of a run's pipeline.

    Args:
        record: The run's record.
        spans: Its spans (`run_store.read_spans`).

    Raises:
        BadInput: Where the record doesn't tell what a prediction needs.
    """
    _refuse(record, spans)
    return _Calibration(record, spans).model()


def _refuse(record: Record, spans: pd.DataFrame) -> None:
    problems = []
    if record.steady is None:
        problems.append(Problem("the run failed", remedy="Take a run that ended well"))
    elif not record.stages:
        problems.append(Problem("no stages were timed", remedy="Run with stage_timing=true"))
    elif not ((spans["lane"] == "main") & (spans["stage"] == "drain")).any():
        problems.append(Problem("its spans don't show where the counted steps end", remedy="Run it anew"))
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
        self._recorded = Recorded(record, spans)
        self._record = record
        self._knobs = record.knobs
        self._in_main = self._recorded.in_main

    def model(self) -> CostModel:
        main, worker = self._recorded.on_core("main"), self._recorded.on_core("worker")
        batches = self._batches(worker, main)
        pages = self._pages(worker)
        ratio = self._recorded.ratio(worker)
        model = CostModel(
            shape=self._shape(),
            batch_size=self._knobs.batch_size,
            num_pages=self._recorded.num_pages,
            shuffled=self._knobs.mode == "train",
            pages=pages,
            batches=batches,
            blocked_share=self._recorded.blocked_share("worker"),
            device_s=self._device(),
            recorded_workers=self._knobs.num_workers,
            assumptions=tuple(self._assumptions(ratio)),
        )
        return self._with_slowdown(model, 1.0 if ratio is None else ratio, has_alone=ratio is not None)

    def _shape(self) -> Shape:
        knobs, steady = self._knobs, self._record.steady
        assert steady is not None
        cores = self._record.environment.cores if self._record.environment else 1
        num_pages = self._recorded.num_pages
        epoch = self._recorded.of("main", "epoch")["wall_s"]
        start = self._recorded.of("worker", "start")["wall_s"]
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

    def _pages(self, on_core: float) -> PageCosts:
        rows = self._recorded.of("worker", overlapped=False)
        rows = rows[(rows["page"] >= 0) & ~rows["stage"].isin(NO_WORK)]
        if rows.empty:
            return PageCosts((), np.zeros(0, np.int64), np.zeros((0, 0)))
        stages = tuple(dict.fromkeys(rows["stage"]))
        visits = rows.groupby(["batch", "page", "stage"])["wall_s"].sum().unstack("stage", fill_value=0)
        cost_s = visits[list(stages)].to_numpy() * on_core
        page = visits.index.get_level_values("page").to_numpy(np.int64)
        return PageCosts(stages, page, cost_s / (self._recorded.ratio(on_core) or 1.0), self._alone_costs(stages))

    def _alone_costs(self, stages: tuple[str, ...]) -> Seconds | None:
        """float64 [stages]: what each costs a page where the main process loads, over what it costs in a worker."""
        if self._in_main or not self._recorded.alone:
            return None
        overall = self._recorded.ratio(1.0)
        ratios = [self._recorded.stage_ratio(stage, 1.0) for stage in stages]
        return np.array([overall / ratio if ratio and overall else 1.0 for ratio in ratios])

    def _batches(self, on_core: float, main_on_core: float) -> dict[str, BatchStage]:
        ratio = self._recorded.ratio(on_core) or 1.0
        sizes = self._recorded.sizes()
        found: dict[str, BatchStage] = {}
        for lane, share in (("worker", on_core), ("main", main_on_core)):
            rows = self._recorded.of(lane)
            rows = rows[(rows["page"] < 0) & ~rows["stage"].isin((*WAITING, *NO_WORK, "epoch"))]
            for stage, own in rows.groupby("stage", sort=False):
                name = str(stage)
                station = _station(name, lane)
                per_page = self._recorded.per_page(own, sizes)
                cost_s = per_page * self._recorded.share(own, lane, share)
                if station == "send":
                    cost_s = self._recorded.sending(per_page)
                alone = self._recorded.alone_per_page(lane, name)
                reference = alone if lane == "main" and name in (*LAUNCH, *FINISH) and alone else cost_s.mean() / ratio
                level = reference / cost_s.mean() if cost_s.mean() > 0.0 else 1.0
                found[name] = BatchStage(station, cost_s * level, alone)
        rest_s = self._recorded.unattributed("worker", on_core)
        if rest_s > 0.0 and not self._in_main:
            found["unattributed"] = BatchStage("make", np.array([rest_s / ratio]), 0.0)
        return found

    def _device(self) -> Seconds:
        rows = self._recorded.of("device")
        if rows.empty:
            return np.zeros(0)
        return self._recorded.per_page(rows, self._recorded.sizes())

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
        if self._recorded.counted("worker") is None:
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
