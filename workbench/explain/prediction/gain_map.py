"""The map: for every stage, what the whole run would gain if it were free, or took half as long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from workbench.explain.prediction.cost_model import DEVICE
from workbench.explain.prediction.predictor import Predictor
from workbench.explain.prediction.variants import suggestions
from workbench.records import PredictedValue
from workbench.units import format_share

#: The row of the map for workers that are idle where epochs end; and the cause of a diagnosis that it answers to.
EPOCH_ENDS, EPOCH_ENDS_CAUSE = "epoch ends", "idle at epoch ends"

#: A gain whose interval ends below this is none.
_NOTHING = 0.01

#: From this gain on, the run is more than twice as fast.
DOUBLED = 1.0

#: What is free costs this share of what it did: without any cost a simulated pipeline would have no throughput.
_ALMOST_NOTHING = 1e-6


@dataclass(frozen=True)
class StageGain:
    """What one stage could give.

    Attributes:
        stage: Its name; `device` is the device, `EPOCH_ENDS` what workers wait for each other where an epoch ends.
        per_sample_s: What it costs for each sample, on a core of its own; 0 for waiting.
        share: Of all that is done for a sample on a core, what a table of shares would show; None for the device and
            for waiting.
        free: The gain of the whole run if it were free.
        half: Likewise if it took half as long; None for waiting, which is there or not.
        suggestions: Settings that address it, one knob each.
        sentence: What that means.
    """

    stage: str
    per_sample_s: float
    share: float | None
    free: PredictedValue
    half: PredictedValue | None
    suggestions: tuple[dict[str, Any], ...]
    sentence: str


@dataclass(frozen=True)
class Ceilings:
    """What is left if everything but one part were free, in samples per second (simulated).

    Attributes:
        device: Only the device has a cost; None without a device.
        loader: Only loading has a cost; None where none of it lies in the counted steps.
        main: Only the main process has a cost.
        measured: Of the run as it is.
        background: Only the main process's background thread has a cost; None without one.
    """

    device: float | None
    loader: float | None
    main: float
    measured: float
    background: float | None = None


def gain_map(predictor: Predictor) -> list[StageGain]:
    """Every stage, the largest gain first."""
    model = predictor.model
    costs = {stage: model.cost_per_sample(stage) for stage in model.stages}
    on_cores = sum(cost for stage, cost in costs.items() if stage != DEVICE) or 1.0
    limit = predictor.limit()
    found = []
    for stage, cost_s in costs.items():
        free, half = (predictor.gain(model.scaled(factor, stage)) for factor in (0.0, 0.5))
        found.append(
            StageGain(
                stage=stage,
                per_sample_s=cost_s,
                share=None if stage == DEVICE else cost_s / on_cores,
                free=free,
                half=half,
                suggestions=tuple(suggestions(predictor.record, stage=stage)),
                sentence=_sentence(stage, free, limit),
            )
        )
    found += _epoch_ends(predictor)
    return sorted(found, key=lambda gain: -gain.free.estimate)


def _epoch_ends(predictor: Predictor) -> Iterator[StageGain]:
    """What workers that wait for each other where epochs end could give; nothing where they don't."""
    model, config = predictor.model, predictor.model.config
    if config.epoch_overlap or not config.num_workers:
        return
    free = predictor.gain(replace(model, config=replace(config, epoch_overlap=True)))
    if free.estimate < _NOTHING:
        return
    settings = tuple(suggestions(predictor.record, cause=EPOCH_ENDS_CAUSE))
    yield StageGain(EPOCH_ENDS, 0.0, None, free, None, settings, _sentence(EPOCH_ENDS, free, predictor.limit()))


def ceilings(predictor: Predictor) -> Ceilings:
    """The ceilings of a run."""
    model = predictor.model
    parts: dict[str, list[str]] = {"loader": list(model.samples.stages), "main": [], "background": [], "device": []}
    for name, stage in model.batches.items():
        if stage.station in ("load", "send"):
            parts["loader"].append(name)
        elif stage.station == "collect" and model.config.background:
            parts["background"].append(name)
        else:
            parts["main"].append(name)
    if len(model.device_s):
        parts["device"].append(DEVICE)

    def only(part: str) -> float:
        free = [name for other, names in parts.items() if other != part for name in names]
        config = replace(
            model.config,
            start_s=model.config.start_s if part == "loader" else 0.0,
            epoch_s=model.config.epoch_s if part == "main" else 0.0,
            after_start_s=model.config.after_start_s if part == "main" else 0.0,
        )
        changed = replace(model.scaled(_ALMOST_NOTHING, *free), config=config)
        rate = _mean(outcome.samples_per_s for outcome in predictor.outcomes(changed))
        return max(rate, predictor.measured)  # a ceiling below what was reached is none

    return Ceilings(
        device=only("device") if parts["device"] else None,
        loader=only("loader") if any(model.cost_per_sample(name) > 0.0 for name in parts["loader"]) else None,
        main=only("main"),
        measured=predictor.measured,
        background=only("background") if parts["background"] else None,
    )


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def format_gain(gain: PredictedValue) -> str:
    """``"0.3 % [0.0 %, 0.8 %]"``; a run that would be more than twice as fast is ``"3.2x [2.6, 4.1] as fast"``."""
    if gain.estimate > DOUBLED:
        times, low, high = (1.0 + value for value in (gain.estimate, gain.low, gain.high))
        return f"{times:.1f}x [{low:.1f}, {high:.1f}] as fast"
    return f"{format_share(gain.estimate)} [{format_share(gain.low)}, {format_share(gain.high)}]"


def _sentence(stage: str, free: PredictedValue, limit: str) -> str:
    if free.high < _NOTHING:
        return f"{stage}: {format_gain(free)}; it hides behind {limit}."
    if free.estimate < _NOTHING:
        return f"{stage}: {format_gain(free)}; next to nothing, for {limit} bounds the run."
    return f"{stage}: {format_gain(free)} if it were free."
