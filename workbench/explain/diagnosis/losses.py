"""What share of a run's time something costs: simulated, or, where nothing can be predicted, from shares of the time.

The causes are taken away one after the other, the special ones first: a rare slow sample spends its time in some stage,
and so does a lock. What a special cause explains doesn't count for the stage again.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from workbench.explain.diagnosis.cause import Thresholds
from workbench.explain.diagnosis.facts import Facts
from workbench.explain.prediction.cost_model import DEVICE, CostModel, SampleCosts
from workbench.explain.prediction.pipeline import PipelineConfig
from workbench.explain.prediction.predictor import Predictor


class Losses:
    """Answers what things cost, as shares of the run's time.

    Args:
        facts: The run.
        predictor: Predicts; None: shares of the measured time are taken instead.
        limits: From where on something is a cause.
    """

    def __init__(self, facts: Facts, predictor: Predictor | None, limits: Thresholds) -> None:
        self._facts = facts
        self._predictor = predictor
        rare = facts.rare_share(limits) or 0.0
        blocked = facts.cores.blocked_share if facts.cores is not None else 0.0
        blocked = blocked if blocked >= limits.blocked and facts.is_contended else 0.0
        self._even = self._unblocked = self._model = None if predictor is None else predictor.model
        if self._model is not None:
            self._even = even_samples(self._model, limits.rare_sample) if rare else self._model
            self._unblocked = replace(self._even, blocked_share=0.0) if blocked else self._even
        self._left = (1.0 - rare) * (1.0 - blocked)  # of the workers' work, for their stages

    @property
    def is_predicted(self) -> bool:
        """Whether figures are simulated."""
        return self._predictor is not None

    def of_rare_samples(self, share_of_samples: float) -> float:
        """Of slow samples that could be like the others; their share of the time of all samples is known."""
        if self._model is None or self._even is None:
            return self._facts.wait * share_of_samples
        return self._time(self._model) - self._time(self._even)

    def of_lock(self) -> float:
        """Of time in which workers are blocked."""
        if self._even is None or self._unblocked is None:
            return self._facts.wait * self._facts.cores.blocked_share if self._facts.cores else 0.0
        return self._time(self._even) - self._time(self._unblocked)

    def of_stages(self, *stages: str) -> float:
        """Of stages of workers or main process."""
        if self._unblocked is None:
            return self._facts.of_main(*stages) + self._facts.wait * self._facts.of_work(*stages) * self._left
        known = [stage for stage in stages if stage in self._unblocked.stages]
        return self._saved(self._unblocked.scaled(0.0, *known)) if known else 0.0

    def of_slower(self, stage: str, factor: float) -> float:
        """Of a stage that could take this part of its time."""
        if self._unblocked is None:
            return self.of_stages(stage) * (1.0 - factor)
        return self._saved(self._unblocked.scaled(factor, stage))

    def of_loading(self, stage: str) -> float:
        """Of a stage of the workers: no more than the main process waits for them, or for a core that they have."""
        return min(self.of_stages(stage), self._facts.wait + self._facts.without_core_for_workers)

    def of_own_work(self, stage: str) -> float:
        """Of a stage of the main process; what it takes there is in part waiting for a core."""
        if self.is_predicted:  # without it there is more of the cores for the rest, which waits for them
            return min(self.of_stages(stage), self._facts.of_main(stage) + self._facts.without_core)
        waiting = min(1.0, self._facts.without_core / max(self._facts.own_work, 1e-9))
        return self._facts.of_main(stage) * (1.0 - waiting)

    def of_background(self, *stages: str) -> float:
        """Of stages of the background thread that works on results."""
        if self._unblocked is None:
            return min(self._facts.of_background(*stages), self._facts.backlog)
        return self.of_stages(*stages)

    def of_thread(self, *stages: str) -> float:
        """Of stages of a thread that holds up every batch on its way to the main process."""
        return self.of_stages(*stages) if self.is_predicted else self._facts.wait

    def of_missing_cores(self) -> float:
        """Of there not being a core for each process."""
        if self._unblocked is None:
            cores = self._facts.cores
            of_workers = cores.ready_s / cores.work_s if cores and cores.work_s > 0.0 else 0.0
            return self._facts.wait * of_workers + self._facts.without_core
        config = self._unblocked.config
        return self._saved_by(replace(config, cores=max(config.num_workers + 1, config.cores), quota=None))

    @property
    def after_start_s(self) -> float:
        """What the main process's first step after a start of workers takes longer than others, in seconds."""
        return 0.0 if self._model is None else self._model.config.after_start_s

    def of_first_steps(self) -> float:
        """Of that; 0 where nothing can be predicted."""
        if self._unblocked is None or not self.after_start_s:
            return 0.0
        return self._saved_by(replace(self._unblocked.config, after_start_s=0.0))

    def of_epoch_ends(self) -> float:
        """Of workers that run dry where an epoch ends; 0 where nothing can be predicted."""
        if self._unblocked is None:
            return 0.0
        return self._saved_by(replace(self._unblocked.config, epoch_overlap=True))

    def of_turns(self, *stages: str) -> float:
        """Of stages that work on results: as they are, or because the device waits for its turn meanwhile."""
        if self._unblocked is None:
            return self.of_stages(*stages)
        return max(self.of_stages(*stages), self._saved_by(replace(self._unblocked.config, background=True)))

    def of_device(self) -> float:
        """Of the device."""
        return self.of_stages(DEVICE) if self.is_predicted else self._facts.device_wait

    def gain_of_twice_the_device(self) -> float | None:
        """What a device twice as fast would gain; None where nothing can be predicted."""
        if self._model is None or DEVICE not in self._model.stages:
            return None
        return 1.0 / self._time(self._model.scaled(0.5, DEVICE)) - 1.0

    def _saved_by(self, config: PipelineConfig) -> float:
        assert self._unblocked is not None
        return self._saved(replace(self._unblocked, config=config))

    def _saved(self, changed: CostModel) -> float:
        assert self._unblocked is not None
        return self._time(self._unblocked) - self._time(changed)

    def _time(self, model: CostModel) -> float:
        """The run's time with a changed model, over its time as it was."""
        assert self._predictor is not None
        return 1.0 if model is self._predictor.model else 1.0 / (1.0 + self._predictor.gain(model).estimate)


def even_samples(model: CostModel, rare_sample: float) -> CostModel:
    """The model with rare slow samples that cost what the median one does."""
    total = model.samples.cost_s.sum(axis=1)
    if not len(total):
        return model
    median = float(np.median(total))
    too_long = total > rare_sample * median
    factor = np.where(too_long, median / np.maximum(total, 1e-12), 1.0)
    costs = SampleCosts(model.samples.stages, model.samples.sample, model.samples.cost_s * factor[:, None])
    return replace(model, samples=costs)
