"""From a run's record to a model of its pipeline: what everything costs on a core.

A span's wall time is more than its cost: its process may have waited for a core. The scheduler has counted how long
each lane was on one. Where the main process loads by itself, pages cost something else (no memory is shared, and what
was freed is there again); that was timed after the counted steps (`record.isolated`).

What is then left between the simulated run and the measured one is put down to cores that slow each other down where
all of them are at work: one number, set so that the two come to the same throughput.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import optimize

from workbench.errors import BadInput, Problem
from workbench.explain.breakdown import NO_WORK
from workbench.explain.prediction.cost_model import FINISH, LAUNCH, BatchStage, CostModel, PageCosts
from workbench.explain.prediction.pipeline import PipelineConfig, Seconds
from workbench.explain.prediction.recorded import Recorded
from workbench.explain.prediction.simulator import simulate
from workbench.records import Policy, Record

#: No more than this is put down to cores that are busy: with more, something else is going on.
_MOST_SLOWDOWN = 0.6

#: Simulated runs whose mean is held against the measured one.
_RUNS = 3


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
        remedy = "ComparisonRun it instead: workbench compare --variant"
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
        model = CostModel(
            config=self._shape(),
            batch_size=self._knobs.batch_size,
            num_pages=self._recorded.num_pages,
            shuffled=self._knobs.mode == "train",
            pages=pages,
            batches=batches,
            blocked_share=self._recorded.blocked_share("worker"),
            device_s=self._device(),
            recorded_workers=self._knobs.num_workers,
            assumptions=tuple(self._assumptions()),
        )
        return replace(model, config=replace(model.config, slowdown=self._slowdown(model)))

    def _shape(self) -> PipelineConfig:
        knobs, steady = self._knobs, self._record.steady
        assert steady is not None
        cores = self._record.environment.cores if self._record.environment else 1
        num_pages = self._recorded.num_pages
        epoch = self._recorded.of("main", "epoch")["wall_s"]
        start = self._recorded.of("worker", "start")["wall_s"]
        return PipelineConfig(
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
        rows = self._recorded.of("worker", background=False)
        rows = rows[(rows["page"] >= 0) & ~rows["stage"].isin(NO_WORK)]
        if rows.empty:
            return PageCosts((), np.zeros(0, np.int64), np.zeros((0, 0)))
        stages = tuple(dict.fromkeys(rows["stage"]))
        visits = rows.groupby(["batch", "page", "stage"])["wall_s"].sum().unstack("stage", fill_value=0)
        cost_s = visits[list(stages)].to_numpy() * on_core
        page = visits.index.get_level_values("page").to_numpy(np.int64)
        alone = None
        if self._recorded.isolated and not self._in_main:
            alone = np.array([self._recorded.isolated_share(stage, on_core) for stage in stages])
        return PageCosts(stages, page, cost_s, alone)

    def _batches(self, on_core: float, main_on_core: float) -> dict[str, BatchStage]:
        sizes = self._recorded.sizes()
        found: dict[str, BatchStage] = {}
        for lane, share in (("worker", on_core), ("main", main_on_core)):
            rows = self._recorded.of(lane)
            rows = rows[(rows["page"] < 0) & ~rows["stage"].isin((*NO_WORK, "epoch"))]
            for stage, own in rows.groupby("stage", sort=False):
                name = str(stage)
                station = _station(name, lane)
                per_page = self._recorded.per_page(own, sizes)
                cost_s = per_page * self._recorded.share(own, lane, share)
                if station == "send":
                    cost_s = self._recorded.sending(per_page)
                found[name] = BatchStage(station, cost_s, self._recorded.isolated_per_page(lane, name))
        rest_s = self._recorded.unattributed("worker", on_core)
        if rest_s > 0.0 and not self._in_main:
            found["unattributed"] = BatchStage("make", np.array([rest_s]), 0.0)
        return found

    def _device(self) -> Seconds:
        rows = self._recorded.of("device")
        if rows.empty:
            return np.zeros(0)
        return self._recorded.per_page(rows, self._recorded.sizes())

    def _slowdown(self, model: CostModel) -> float:
        """The slow-down with which the simulated run comes to the measured throughput; 0 where none does."""
        assert self._record.steady is not None
        measured = self._record.steady.samples_per_s

        def excess(slowdown: float) -> float:
            config = replace(model.config, slowdown=slowdown)
            runs = [simulate(config, model.draw(np.random.default_rng(seed))) for seed in range(_RUNS)]
            return float(np.mean([run.samples_per_s for run in runs])) / measured - 1.0

        at_none, at_most = excess(0.0), excess(_MOST_SLOWDOWN)
        if at_none <= 0.0 or at_most >= 0.0:
            return 0.0
        return float(optimize.brentq(excess, 0.0, _MOST_SLOWDOWN, xtol=0.005))

    def _assumptions(self) -> list[str]:
        told = [
            "What is done for a batch as a whole costs in proportion to its pages.",
            "Cores are shared fairly; work on a busy machine is slower in proportion to the cores at work.",
        ]
        if not self._recorded.isolated and not self._in_main:
            told.append("No stage was timed alone in this run (isolated_samples=32 times them).")
        machine = self._record.machine
        if machine is not None and machine.other_cores >= Policy().disturbed_share * machine.num_cores:
            busy = f"{machine.other_cores:.2f} of {machine.num_cores} cores busy"
            told.append(f"Other processes kept {busy} meanwhile; what rests on such a run is off by as much.")
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
