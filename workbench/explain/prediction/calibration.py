"""From a run's record to a model of its pipeline: what everything costs on a core.

A span's wall time is more than its cost: its process may have waited for a core. The scheduler has counted how long
each lane was on one. Where the main process loads by itself, samples cost something else (no memory is shared, and what
was freed is there again); that was timed after the counted steps (`record.isolated`).

What is then left between the simulated run and the measured one is put down to cores that slow each other down where
all of them are at work: one number, set so that the simulated throughput is the measured one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import scipy

from workbench.errors import BadInput, Problem
from workbench.explain.prediction.cost_model import BatchStage, CostModel, SampleCosts, station_of
from workbench.explain.prediction.pipeline import PipelineConfig, Seconds
from workbench.explain.prediction.recorded import Recorded, counted_spans, implausible_isolated
from workbench.explain.prediction.simulator import simulate
from workbench.explain.words.items import plural
from workbench.records import Policy, Record
from workbench.stages import UNATTRIBUTED, Lane
from workbench.units import counted, format_duration

#: No more than this is put down to cores that are busy: with more, something else is going on.
_MOST_SLOWDOWN = 0.6

#: Simulated runs whose mean is compared with the measured one.
_RUNS = 3

#: Steps in the queue of a device for which no bound is known: CUDA's holds about a thousand launches, of which a step
#: takes some dozens or hundreds.
_UNBOUNDED_STEPS = 64

#: Batches that a background thread may fall behind where the run has none, and so does not say.
_BACKGROUND_BATCHES = 3


def calibrate(record: Record, spans: pd.DataFrame) -> CostModel:
    """The model of a run's pipeline.

    Args:
        record: The run's record.
        spans: Its spans (`run_folder.read_spans`).

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
    elif counted_spans(record.steady, spans).empty:
        problems.append(Problem("it has no spans of the counted steps", remedy="Run it again"))
    if record.knobs.loader != "torch":
        remedy = "Compare it instead: workbench compare --variant"
        problems.append(Problem(f"the inside of the {record.knobs.loader} loader is not modelled", remedy=remedy))
    if record.ranks:
        remedy = f"Take the run of one of them ({record.run_id}/rank-0), or measure the change: workbench compare"
        problems.append(Problem("several ranks that wait for each other are not modelled", remedy=remedy))
    if record.script is not None and sum(loader.in_step for loader in record.script.loaders) > 1:
        remedy = "Measure the change: workbench compare --variant"
        problems.append(Problem("a step that takes batches of several loaders is not modelled", remedy=remedy))
    if record.script is None and "cpu" in (record.knobs.device, record.device):
        remedy = (
            "Take a run with -p device=replay -p replay_ms_per_sample=T, where T is what the model takes, or measure "
            "the change: workbench compare --variant"
        )
        problems.append(Problem("a model on the CPU takes cores in a way that is not modelled", remedy=remedy))
    if problems:
        raise BadInput(f"a prediction from run {record.run_id}", problems)


#: Of the steps of a model on the CPU, this share is done with nobody beside them.
_UNDISTURBED = 0.1

#: A step that takes this many times as long was disturbed.
_IS_DISTURBED = 1.5


class _Calibration:
    def __init__(self, record: Record, spans: pd.DataFrame) -> None:
        self._on_cpu = record.script is not None and record.device == "cpu"
        self._recorded = Recorded(record, spans)
        self._record = record
        self._knobs = record.knobs
        self._in_main = self._recorded.in_main
        restarts = not self._in_main and not self._knobs.persistent_workers
        self._first_steps, self._after_start_s = self._recorded.first_steps() if restarts else (set(), 0.0)

    def model(self) -> CostModel:
        main, worker = self._recorded.on_core("main"), self._recorded.on_core("worker")
        pause = 0.0
        if self._on_cpu:
            main, pause = self._recorded.pauses()
        model = CostModel(
            config=self._config(),
            catalogue=self._record.catalogue,
            batch_size=self._knobs.batch_size,
            num_samples=self._recorded.num_samples,
            shuffled=self._knobs.shuffles,
            samples=self._samples(worker),
            batches=self._batches(worker, main),
            blocked_share=self._recorded.blocked_share("worker"),
            device_s=self._device(),
            recorded_workers=self._knobs.num_workers,
            bytes_per_sample=self._record.batches.bytes_per_sample,
            item=self._record.item,
            is_observed=self._record.script is not None,
            pause_share=pause,
            helping_share=self._recorded.helping_share() / max(main, 1e-9) if self._on_cpu else 0.0,
            assumptions=tuple(self._assumptions()),
        )
        return replace(model, config=replace(model.config, slowdown=self._slowdown(model)))

    def _config(self) -> PipelineConfig:
        knobs, steady, limits = self._knobs, self._recorded.steady, self._record.limits
        epoch = self._record.stage("epoch", "main")  # by visits: what else happens there cuts one into several spans
        start = self._recorded.of("worker", "start")["wall_s"]
        restarts = not knobs.persistent_workers
        return PipelineConfig(
            num_workers=knobs.num_workers,
            prefetch_factor=knobs.prefetch_factor,
            cores=self._record.environment.cores if self._record.environment else 1,
            quota=self._record.environment.quota if self._record.environment else None,
            slowdown=0.0,
            steps_per_epoch=-(-self._recorded.num_samples // knobs.batch_size),
            num_steps=steady.num_steps,
            warmup_steps=steady.warmup_steps,
            epoch_overlap=knobs.epoch_overlap,
            in_order=knobs.in_order,
            epoch_s=epoch.p50_s if epoch is not None else 0.0,
            start_s=float(start.median()) if len(start) and restarts else 0.0,
            restarts=restarts,
            after_start_s=self._after_start_s,
            device_steps=_UNBOUNDED_STEPS if limits.device_steps is None else max(limits.device_steps, 1),
            background=self._recorded.has_background(receiver=False),
            background_batches=limits.background_batches or _BACKGROUND_BATCHES,
            side_by_side=max((row.side_by_side for row in self._record.stages if row.lane == "main"), default=1),
            receiver=self._recorded.has_background(receiver=True),
            helpers=self._helpers(),
        )

    def _helpers(self) -> int:
        """Threads that torch works with beside the main process's loop."""
        script = self._record.script
        if script is None or not self._on_cpu or not self._recorded.helping_share():
            return 0
        return max(1, (script.torch_threads or 2) - 1)

    def _samples(self, on_core: float) -> SampleCosts:
        rows = self._recorded.work("worker")
        rows = rows[(rows["sample"] >= 0) & ~rows["background"]]
        if rows.empty:
            return SampleCosts((), np.zeros(0, np.int64), np.zeros((0, 0)))
        stages = tuple(dict.fromkeys(rows["stage"]))
        visits = rows.groupby(["batch", "sample", "stage"])["wall_s"].sum().unstack("stage", fill_value=0)
        cost_s = visits[list(stages)].to_numpy() * on_core
        sample = visits.index.get_level_values("sample").to_numpy(np.int64)
        isolated = None
        if self._recorded.isolated and not self._in_main:
            isolated = np.array([self._recorded.isolated_share(stage, on_core) for stage in stages])
        return SampleCosts(stages, sample, cost_s, isolated)

    def _batches(self, on_core: float, main_on_core: float) -> dict[str, BatchStage]:
        found: dict[str, BatchStage] = {}
        lanes: tuple[tuple[Lane, float], ...] = (("worker", on_core), ("main", main_on_core))
        for lane, share in lanes:
            rows = self._recorded.work(lane)
            if lane == "main":  # what these take longer is a cost of the start
                longer = self._recorded.submits(rows[rows["batch"].isin(list(self._first_steps))])
                rows = rows.drop(longer.index)
            for stage, own in rows[rows["sample"] < 0].groupby("stage", sort=False):
                name = str(stage)
                in_background = bool(own["background"].all())
                station = station_of(self._recorded.kind(lane, name).role, lane, background=in_background)
                per_sample = self._recorded.per_sample(own)
                cost_s = per_sample * self._recorded.share(own, lane, share)
                if station == "send":
                    cost_s = self._recorded.sending(per_sample)
                alone_s = None
                if station == "submit" and self._helpers():
                    # Threads that wait for one another spin, or wait for a core: beside others they take far longer.
                    alone_s = float(np.quantile(per_sample, _UNDISTURBED))
                    disturbed = cost_s[per_sample > _IS_DISTURBED * alone_s]
                    cost_s = disturbed if len(disturbed) else cost_s
                found[name] = BatchStage(station, cost_s, self._recorded.isolated_per_sample(lane, name), alone_s)
        rest_s = self._recorded.unattributed("worker", on_core)
        if rest_s > 0.0 and not self._in_main:
            found[UNATTRIBUTED] = BatchStage("load", np.array([rest_s]), 0.0)
        return found

    def _device(self) -> Seconds:
        rows = self._recorded.of("device")
        return np.zeros(0) if rows.empty else self._recorded.per_sample(rows)

    def _slowdown(self, model: CostModel) -> float:
        """The slow-down with which the simulated throughput is the measured one; 0 where none does that."""
        measured = self._recorded.steady.samples_per_s

        def excess(slowdown: float) -> float:
            config = replace(model.config, slowdown=slowdown)
            runs = [simulate(config, model.draw(np.random.default_rng(seed))) for seed in range(_RUNS)]
            return float(np.mean([run.samples_per_s for run in runs])) / measured - 1.0

        at_none, at_most = excess(0.0), excess(_MOST_SLOWDOWN)
        if at_none <= 0.0 or at_most >= 0.0:
            return 0.0
        return float(scipy.optimize.brentq(excess, 0.0, _MOST_SLOWDOWN, xtol=0.005))

    def _assumptions(self) -> list[str]:
        sentences = [
            f"What is done for a batch as a whole costs in proportion to its {plural(self._record.item)}.",
            "Cores are shared fairly; work on a busy machine is slower in proportion to the cores at work.",
        ]
        if not self._recorded.isolated and not self._in_main:
            sentences.append("No stage was timed isolated in this run (isolated_samples=32 does that).")
        sentences += [
            f"'{name}' took {format_duration(isolated)} isolated and {format_duration(busy)} beside others, which "
            "cannot be: its isolated time is not used."
            for (_, name), (isolated, busy) in implausible_isolated(self._record).items()
        ]
        machine = self._record.machine
        if machine is not None and machine.other_cores >= Policy().disturbed_share * machine.num_cores:
            busy = f"{machine.other_cores:.2f} of {counted(machine.num_cores, 'core')} busy"
            sentences.append(f"Other processes kept {busy} meanwhile; what rests on such a run is off by as much.")
        steps, ahead = self._recorded.steady.num_steps, self._knobs.num_workers * self._knobs.prefetch_factor
        if not self._in_main and steps <= ahead:
            only = f"Only {counted(steps, 'step')} {'was' if steps == 1 else 'were'} counted"
            sentences.append(
                f"{only}, and workers may be {ahead} batches ahead: much of what they do lies before, here and in what "
                "is predicted. Take more steps (num_steps)."
            )
        if self._in_main:
            sentences.append("The run had no workers: how much they would slow each other down is not known.")
        if self._recorded.counted("worker") is None:
            sentences.append(
                "The scheduler's counters could not be read, so time spent waiting for a core counts as work."
            )
        return sentences
