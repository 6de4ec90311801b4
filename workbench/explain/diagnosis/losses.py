"""What share of a run's time something costs: predicted by the simulator, or, where that declines, from shares.

The causes are taken away one after the other, the special ones first: a rare slow page spends its time in some stage,
and so does a lock. What a special cause explains doesn't count for the stage again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from workbench.explain.diagnosis.facts import Facts
from workbench.explain.prediction.changes import scaled
from workbench.explain.prediction.cost_model import CostModel, PageCosts
from workbench.explain.prediction.predictor import Predictor

Change = Callable[[CostModel], CostModel]


class Losses:
    """Answers what things cost.

    Args:
        facts: The run.
        predictor: Foretells; None: shares of the measured time stand in.
        rare_page: From how many times the median on a page is a rare slow one (see `Thresholds`).
        rare: Share of all pages' time that such pages take beyond the median.
        blocked: Share of the workers' work in which something blocks them.
    """

    def __init__(
        self, facts: Facts, predictor: Predictor | None, *, rare_page: float, rare: float, blocked: float
    ) -> None:
        self._facts = facts
        self._predictor = predictor
        self._even = self._unblocked = self._model = None if predictor is None else predictor.model
        if self._model is not None:
            self._even = even_pages(self._model, rare_page) if rare else self._model
            self._unblocked = replace(self._even, blocked_share=0.0) if blocked else self._even
        self._left = (1.0 - rare) * (1.0 - blocked)  # of the workers' work, for their stages

    @property
    def is_predicted(self) -> bool:
        """Whether the simulator speaks."""
        return self._predictor is not None

    def of_rare_pages(self, share_of_pages: float) -> float:
        """Of slow pages that were like the others; their share of the time of all pages is known."""
        if self._model is None or self._even is None:
            return self._facts.wait * share_of_pages
        return self._time(self._model) - self._time(self._even)

    def of_lock(self) -> float:
        """Of time in which workers are blocked."""
        if self._even is None or self._unblocked is None:
            cores = self._facts.cores
            return self._facts.wait * cores.blocked_s / cores.work_s if cores and cores.work_s > 0.0 else 0.0
        return self._time(self._even) - self._time(self._unblocked)

    def of_stages(self, *stages: str) -> float:
        """Of stages of workers or main process."""
        if self._unblocked is None:
            return self._facts.of_main(*stages) + self._facts.wait * self._facts.of_work(*stages) * self._left
        known = [stage for stage in stages if stage in self._unblocked.stages]
        return self._of(lambda model: _free(model, known)) if known else 0.0

    def of_missing_cores(self) -> float:
        """Of there not being a core for each process."""
        if self._unblocked is None:
            cores = self._facts.cores
            of_workers = cores.ready_s / cores.work_s if cores and cores.work_s > 0.0 else 0.0
            return self._facts.wait * of_workers + self._facts.without_core
        enough = max(self._unblocked.config.num_workers + 1, self._unblocked.config.cores)
        return self._of(lambda model: replace(model, config=replace(model.config, cores=enough)))

    def of_epoch_ends(self) -> float:
        """Of workers that run dry where an epoch ends; 0 where nothing can be predicted."""
        if self._unblocked is None:
            return 0.0
        return self._of(lambda model: replace(model, config=replace(model.config, joined=True)))

    def of_turns(self, *stages: str) -> float:
        """Of stages that work on results: as they are, or because the device waits for its turn meanwhile."""
        if self._unblocked is None:
            return self.of_stages(*stages) + min(self._facts.of_background(*stages), self._facts.of_main("backlog"))
        beside = self._of(lambda model: replace(model, config=replace(model.config, beside=True)))
        return max(self.of_stages(*stages), beside)

    def of_device(self) -> float:
        """Of the device."""
        if self._unblocked is None:
            return self._facts.of_main("fetch", "drain")
        return self.of_stages("device")

    def gain_of_twice_the_device(self) -> float | None:
        """What a device twice as fast would gain; None where nothing can be predicted."""
        if self._model is None or "device" not in self._model.stages:
            return None
        return 1.0 / self._time(scaled(self._model, "device", 0.5)) - 1.0

    def _of(self, change: Change) -> float:
        assert self._unblocked is not None
        return self._time(self._unblocked) - self._time(change(self._unblocked))

    def _time(self, model: CostModel) -> float:
        """The run's time with a changed model, over its time as it was."""
        assert self._predictor is not None
        if model is self._predictor.model:
            return 1.0
        return 1.0 / (1.0 + self._predictor.predict(model, [], {}).gain.estimate)


def even_pages(model: CostModel, rare_page: float) -> CostModel:
    """The model with rare slow pages that cost what the median one does."""
    total = model.pages.cost_s.sum(axis=1)
    if not len(total):
        return model
    median = float(np.median(total))
    too_long = total > rare_page * median
    factor = np.where(too_long, median / np.maximum(total, 1e-12), 1.0)
    costs = PageCosts(model.pages.stages, model.pages.page, model.pages.cost_s * factor[:, None])
    return replace(model, pages=costs)


def _free(model: CostModel, stages: list[str]) -> CostModel:
    for stage in stages:
        model = scaled(model, stage, 0.0)
    return model
