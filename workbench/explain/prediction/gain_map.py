"""The map: for every stage, what the whole run would gain if it were free, or took half as long."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.explain.diagnosis.suggestions import remedies
from workbench.explain.prediction.changes import scaled
from workbench.explain.prediction.predictor import Predictor
from workbench.records import PredictedValue
from workbench.units import format_share

#: A gain whose interval ends below this is none.
_NOTHING = 0.01


@dataclass(frozen=True)
class StageGain:
    """What one stage could give.

    Attributes:
        stage: Its name; `device` is the device.
        per_sample_s: What it costs for each page, on a core of its own.
        share: Of all that is done for a page on a core, what a table of shares would show; None for the device.
        free: The gain of the whole run if it were free.
        half: Likewise if it took half as long.
        knobs: Settings that address it.
        told: What that means, in a sentence.
    """

    stage: str
    per_sample_s: float
    share: float | None
    free: PredictedValue
    half: PredictedValue
    knobs: tuple[str, ...]
    told: str


@dataclass(frozen=True)
class Ceilings:
    """What remains if everything but one part were free, in pages per second (simulated).

    Attributes:
        device: Only the device has a cost; None without a device.
        loader: Only loading has a cost.
        main: Only the main process has a cost.
        measured: What the run came to.
    """

    device: float | None
    loader: float
    main: float
    measured: float


def gain_map(predictor: Predictor) -> list[StageGain]:
    """Every stage, the largest gain first."""
    model = predictor.model
    costs = {stage: model.cost_per_page(stage) for stage in model.stages}
    on_cores = sum(cost for stage, cost in costs.items() if stage != "device") or 1.0
    limit = predictor.predict(model, [], {}).limited_by
    found = []
    for stage, cost in costs.items():
        free, half = (
            predictor.predict(scaled(model, stage, factor), [f"{stage} x{factor:g}"], {}).gain for factor in (0.0, 0.5)
        )
        found.append(
            StageGain(
                stage=stage,
                per_sample_s=cost,
                share=None if stage == "device" else cost / on_cores,
                free=free,
                half=half,
                knobs=tuple(remedies(predictor.record, stage)),
                told=_told(stage, free, limit),
            )
        )
    return sorted(found, key=lambda one: -one.free.estimate)


def ceilings(predictor: Predictor) -> Ceilings:
    """The ceilings of a run."""
    model = predictor.model
    of_main = [name for name, one in model.batches.items() if one.station not in ("make", "send")]
    of_loading = [*model.pages.stages, *(name for name in model.batches if name not in of_main)]
    device = ["device"] if len(model.device_s) else []

    def only(*free: list[str]) -> float:
        changed = model
        for stage in (stage for group in free for stage in group):
            changed = scaled(changed, stage, 1e-6)
        return float(np.mean([outcome.samples_per_s for outcome in predictor.outcomes(changed)]))

    return Ceilings(
        device=only(of_loading, of_main) if device else None,
        loader=only(of_main, device),
        main=only(of_loading, device),
        measured=predictor.measured,
    )


def format_gain(gain: PredictedValue) -> str:
    """``"0.3 % [0.0 %, 0.8 %]"``."""
    return f"{format_share(gain.estimate)} [{format_share(gain.low)}, {format_share(gain.high)}]"


def _told(stage: str, free: PredictedValue, limit: str) -> str:
    if free.high < _NOTHING:
        return f"{stage}: {format_gain(free)}; it hides behind {limit}."
    if free.estimate < _NOTHING:
        return f"{stage}: {format_gain(free)}; next to nothing, for {limit} bounds the run."
    return f"{stage}: {format_gain(free)} if it were free."
