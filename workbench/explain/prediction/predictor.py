"""What would it gain? The simulated pipeline after a change, over the simulated pipeline before it.

Both are drawn with the same random numbers, so what they have in common drops out, and the ratio is applied to what was
measured. The interval holds three things: how the pages' times scatter (several draws), how far one run of this machine
is from the next, and how wrong the model is, which grows with the size of the change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from workbench.explain.prediction.calibration import calibrate
from workbench.explain.prediction.changes import Change
from workbench.explain.prediction.cost_model import CostModel
from workbench.explain.prediction.pipeline import Outcome
from workbench.explain.prediction.questions import apply_all, parse_questions
from workbench.explain.prediction.simulator import simulate
from workbench.records import PredictedValue, Prediction, Record


@dataclass(frozen=True)
class Confidence:
    """How wide intervals are.

    Attributes:
        level: Share of the measured values that should lie inside.
        run_to_run: Standard deviation of the log of a run's throughput, from one run to the next on one machine.
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


class Predictor:
    """Answers questions to one run; its model is made once.

    Args:
        record: The run's record.
        spans: Its spans (`run_store.read_spans`).
        stage_cost: Gives what a stage costs in another run (see `questions.parse_questions`).
        confidence: How wide intervals are.

    Raises:
        BadInput: Where the record doesn't tell what a prediction needs.
    """

    def __init__(
        self,
        record: Record,
        spans: pd.DataFrame,
        *,
        stage_cost: Callable[[str, str], float] | None = None,
        confidence: Confidence = CONFIDENCE,
    ) -> None:
        assert record.steady is not None
        self.record = record
        self.model = calibrate(record, spans)
        self.confidence = confidence
        self._stage_cost = stage_cost
        self.measured = record.steady.samples_per_s
        self.before = self.outcomes(self.model)

    def outcomes(self, model: CostModel) -> list[Outcome]:
        """Simulated runs of a model, always with the same random numbers."""
        seeds = np.random.SeedSequence(self.confidence.seed).spawn(self.confidence.draws)
        return [simulate(model.config, model.draw(np.random.default_rng(seed))) for seed in seeds]

    def understand(self, questions: Sequence[str]) -> list[Change]:
        """The changes that questions describe.

        Raises:
            BadInput: With all questions that aren't understood, or that the record cannot answer.
        """
        return parse_questions(questions, self.model, self.record.knobs, self._stage_cost)

    def ask(self, questions: Sequence[str]) -> Prediction:
        """What the change that the questions describe together would come to.

        Raises:
            BadInput: For questions that aren't understood, or that the record cannot answer.
        """
        changes = self.understand(questions)
        knobs = {name: value for change in changes for name, value in change.knobs.items()}
        return self.predict(apply_all(self.model, changes), questions, knobs)

    def predict(self, changed: CostModel, questions: Sequence[str], knobs: dict[str, object]) -> Prediction:
        """What a changed model comes to."""
        after = self.outcomes(changed)
        logs = np.log([b.samples_per_s / a.samples_per_s for a, b in zip(self.before, after, strict=True)])
        centre, scatter = float(logs.mean()), float(logs.std(ddof=1))
        z = float(stats.norm.ppf(0.5 + self.confidence.level / 2))
        model = self.confidence.of_change * abs(centre)
        gain_half = z * float(np.hypot(scatter, model))
        # Both runs scatter: the one that the prediction rests on, and the one that it is held against.
        rate_half = z * float(np.sqrt(scatter**2 + model**2 + 2 * self.confidence.run_to_run**2))
        gain = [float(np.expm1(centre + side * gain_half)) for side in (0, -1, 1)]
        rate = [float(self.measured * np.exp(centre + side * rate_half)) for side in (0, -1, 1)]
        return Prediction(
            run_id=self.record.run_id,
            questions=list(questions),
            knobs=knobs,
            measured_pages_per_s=self.measured,
            samples_per_s=PredictedValue(estimate=rate[0], low=rate[1], high=rate[2]),
            gain=PredictedValue(estimate=gain[0], low=gain[1], high=gain[2]),
            limited_by=limit_of(after, changed),
            assumptions=list(changed.assumptions),
        )


#: A part that is at work for so much of the time bounds the run.
_BOUNDS = 0.9
_WAITS = 0.15


def limit_of(outcomes: Sequence[Outcome], model: CostModel) -> str:
    """What bounds a simulated run, in words."""
    device = float(np.mean([one.device_busy_share for one in outcomes]))
    waiting = float(np.mean([one.main_wait_share for one in outcomes]))
    load = float(np.mean([one.load for one in outcomes]))
    if device >= _BOUNDS:
        return "the device"
    if load >= _BOUNDS and model.config.num_workers + 1 > model.config.cores:
        return "the cores"
    if model.config.num_workers == 0:
        return "the main process, which loads the pages itself"
    if waiting >= _WAITS:
        return "loading"
    return "the main process and the device in turn" if device >= _WAITS else "the main process"
