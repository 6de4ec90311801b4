"""What would it gain? The simulated pipeline after a change, over the simulated pipeline before it.

Both are drawn with the same random numbers, so what they have in common drops out, and the ratio is applied to what was
measured. The interval holds three things: how the samples' times scatter (several draws); how far one run of this
machine is from the next, by what this run and others show; and how wrong the model is, which grows with the size of the
change, and with how far the simulated run is from the measured one before any change. What rests on the second or two
that were timed isolated is as uncertain as such a part of the run.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
import pandas as pd

from workbench.errors import BadInput
from workbench.explain.breakdown import BUSY_FROM
from workbench.explain.prediction.calibration import calibrate
from workbench.explain.prediction.changes import Change, apply_all, settings_of, with_workers
from workbench.explain.prediction.cost_model import CostModel
from workbench.explain.prediction.noise import noise_of, noise_of_isolated
from workbench.explain.prediction.pipeline import Outcome, Seconds
from workbench.explain.prediction.simulator import simulate
from workbench.explain.words.items import plural
from workbench.records import PredictedValue, Prediction, Record
from workbench.units import format_rate


@dataclass(frozen=True)
class Confidence:
    """How wide intervals are.

    Attributes:
        level: Share of the measured values that should lie inside.
        run_to_run: Standard deviation of the log of a run's throughput, from one run to the next on a quiet machine.
        of_change: Standard deviation of the model's error, as a share of the log of the change.
        draws: Simulated runs.
        seed: Of the drawing.
    """

    level: float = 0.90
    run_to_run: float = 0.02
    of_change: float = 0.12
    draws: int = 8
    seed: int = 0


#: What the defaults rest on: the errors that `benchmarks/prediction.py` has found on two shared cores.
CONFIDENCE = Confidence()


#: From this log of simulated over measured throughput on (10 %), it is said that the simulation is off.
_MUCH_OFF = 0.1

#: A diagnosis and a plan simulate a run some sixty times; of a long run this many steps tell what bounds it.
_ENOUGH_STEPS = 400


class Predictor:
    """Predicts changes of one run. Its model is calibrated once; who has a predictor hands it on.

    Args:
        record: The run's record.
        spans: Its spans (`run_folder.read_spans`).
        confidence: How wide intervals are.
        others: Runs of the same machine, of any knobs: repeated ones tell how far they are from each other.

    Attributes:
        record: The run's record.
        model: Its pipeline.
        measured: Its throughput, in samples per second.
        confidence: How wide intervals are.
        run_to_run: How far one run is from the next here.

    Raises:
        BadInput: Where the record doesn't tell what a prediction needs.
    """

    def __init__(
        self,
        record: Record,
        spans: pd.DataFrame,
        *,
        confidence: Confidence = CONFIDENCE,
        others: Sequence[Record] = (),
    ) -> None:
        self.record = record
        self.model = calibrate(record, spans)
        self.confidence = confidence
        self.run_to_run = float(np.hypot(confidence.run_to_run, noise_of(record, others)))
        self._isolated_noise = noise_of_isolated(record)
        assert record.steady is not None  # else it could not have been calibrated
        self.measured = record.steady.samples_per_s
        self._before = self.outcomes(self.model)
        simulated = float(np.mean([run.samples_per_s for run in self._before]))
        self._off = abs(float(np.log(simulated / self.measured)))
        if self._off >= _MUCH_OFF:
            rate, there = (format_rate(value, record.item) for value in (simulated, self.measured))
            self.model = self.model.assuming(
                f"Simulated as it is, the run makes {rate}; measured were {there}. What is predicted may be as far off."
            )

    def shortened(self) -> Predictor:
        """The same for a part of a long run, for whoever asks much; nothing is calibrated again."""
        if self.model.config.num_steps <= _ENOUGH_STEPS:
            return self
        short = copy.copy(self)
        short.model = replace(self.model, config=replace(self.model.config, num_steps=_ENOUGH_STEPS))
        short._before = short.outcomes(short.model)
        return short

    def outcomes(self, model: CostModel) -> list[Outcome]:
        """Simulated runs of a model, always with the same random numbers."""
        seeds = np.random.SeedSequence(self.confidence.seed).spawn(self.confidence.draws)
        return [simulate(model.config, model.draw(np.random.default_rng(seed))) for seed in seeds]

    def predict(self, changes: Sequence[Change] = ()) -> Prediction:
        """What changes would do to the run, all of them together."""
        changed = apply_all(self.model, changes)
        gain, rate, after = self._compared(changed)
        return Prediction(
            run_id=self.record.run_id,
            changes=[change.text for change in changes],
            settings=settings_of(changes),
            measured_samples_per_s=self.measured,
            samples_per_s=rate,
            gain=gain,
            limited_by=limit_of(after, changed),
            assumptions=list(changed.assumptions),
        )

    def gain(self, changed: CostModel) -> PredictedValue:
        """What a changed model gains: samples per second over those of the run as it is, less 1."""
        return self._compared(changed)[0]

    def limit(self) -> str:
        """What bounds the run as it is, as text."""
        return limit_of(self._before, self.model)

    def _rates(self, changed: CostModel, after: Sequence[Outcome]) -> Seconds:
        """float64 [draws]: samples per second of a changed model, of which `after` are the simulated runs.

        Of a few steps, the simulated rate also depends on which batch is where when counting begins, so that more cores
        may seem to make a run slower by some per cent. They cannot: whoever has more may leave them idle. So the best
        of the numbers up to the one that is asked about is taken, and of fewer cores the worst. Likewise for more
        workers, as long as there is a core for each process.
        """
        rates = np.array([run.samples_per_s for run in after])
        if changed.costs_no_more_than(self.model):  # nor does less work
            rates = np.maximum(rates, [run.samples_per_s for run in self._before])
        for model in _on_the_way(self.model, changed):
            others = [run.samples_per_s for run in self.outcomes(model)]
            is_less = model.config.cores > changed.config.cores
            rates = np.minimum(rates, others) if is_less else np.maximum(rates, others)
        return rates

    def _compared(self, changed: CostModel) -> tuple[PredictedValue, PredictedValue, list[Outcome]]:
        """Gain and throughput of a changed model, with the runs that they rest on."""
        after = self.outcomes(changed)
        rates = self._rates(changed, after)
        logs = np.log(rates / np.array([run.samples_per_s for run in self._before]))
        centre, scatter = float(logs.mean()), float(logs.std(ddof=1))
        z = NormalDist().inv_cdf(0.5 + self.confidence.level / 2)
        model = (self.confidence.of_change + self._off) * abs(centre)
        if changed.loads_itself:
            model = float(np.hypot(model, self._isolated_noise))
        gain_half = z * float(np.hypot(scatter, model))
        # Both runs scatter: the one that the prediction rests on, and the one that it is compared with.
        rate_half = z * float(np.sqrt(scatter**2 + model**2 + 2 * self.run_to_run**2))
        gain = [float(np.expm1(centre + side * gain_half)) for side in (0, -1, 1)]
        rate = [float(self.measured * np.exp(centre + side * rate_half)) for side in (0, -1, 1)]
        return (
            PredictedValue(estimate=gain[0], low=gain[1], high=gain[2]),
            PredictedValue(estimate=rate[0], low=rate[1], high=rate[2]),
            after,
        )


def _on_the_way(before: CostModel, after: CostModel) -> Iterator[CostModel]:
    """The models between a run's own and a changed one, where that has other cores, or more workers and cores for all.

    Beyond a core for each process only every doubling is looked at.
    """
    had, has = before.config.cores, after.config.cores
    processes = 2 * after.config.num_workers + 3  # workers, their sending threads, and the main process with its two
    between = range(min(had, has), max(had, has) + 1)
    for cores in between:
        if cores != has and (cores <= max(processes, had) or cores & (cores - 1) == 0):
            yield replace(after, config=replace(after.config, cores=cores))
    workers = range(max(before.config.num_workers, 1), after.config.num_workers)
    if has >= had and after.config.num_workers < has:
        yield from (with_workers(after, number) for number in workers)


def predictor_for(record: Record, spans: pd.DataFrame | None) -> Predictor | None:
    """What predicts changes of a run; None where its record doesn't tell what that needs."""
    if spans is None:
        return None
    try:
        return Predictor(record, spans)
    except BadInput:
        return None


#: A main process that waits for batches for this share of its time is bound by loading; a device that is at work for at
#: least as much takes turns with it.
_WAITS = 0.15


def limit_of(outcomes: Sequence[Outcome], model: CostModel) -> str:
    """What bounds a simulated run, as text."""

    def mean(share: str) -> float:
        return float(np.mean([getattr(outcome, share) for outcome in outcomes]))

    waiting, device, background = mean("main_wait_share"), mean("device_busy_share"), mean("background_busy_share")
    # As in `breakdown.bound_by_background`: it holds others up, and does not just follow a slow loader.
    follows = mean("backlog_share") < waiting and background < 1.0 - mean("worker_idle_share")
    always_busy = {
        "the device": device,
        "the background thread": 0.0 if follows else background,
        "the thread that receives batches": mean("receiver_busy_share"),
        "the threads that send batches": mean("sender_busy_share"),
    }
    busiest = max(always_busy, key=always_busy.__getitem__)
    if always_busy[busiest] >= BUSY_FROM:
        return busiest
    if mean("load") >= BUSY_FROM and model.config.num_workers + 1 > model.config.cores:
        return "the cores"
    if model.config.num_workers == 0:
        return f"the main process, which loads the {plural(model.item)} itself"
    if waiting >= _WAITS:
        return "loading"
    return "the main process and the device in turn" if device >= _WAITS else "the main process"
