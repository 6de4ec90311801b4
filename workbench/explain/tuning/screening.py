"""Which settings of a search are worth comparing: all but those that even at their best fall short of the best."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Sequence

import numpy as np

from workbench.explain.prediction.variants import measured_over_predicted
from workbench.explain.tuning.forecast import Forecast
from workbench.knobs.space import Setting
from workbench.records import Comparison

#: What predictions are taken to be off by before any was compared here: two of three within 5 %.
_UNKNOWN_SPREAD = 0.05

#: How many comparisons with predictions that counts for.
_UNKNOWN_WORTH = 4

#: Each knob that is changed has to pay for itself by this: it is one more thing to set, and to explain.
_PRICE_OF_KNOB = 0.002

#: Two settings of which one has one knob more are as good as the same where they are as near as this.
_TWINS = 0.005


def spread_of(errors: Iterable[float]) -> float:
    """How far predictions are off.

    Args:
        errors: Logs of measured over predicted.

    Returns:
        Standard deviation of that log, with what is taken for granted where few are known.
    """
    logs = np.array(list(errors), np.float64)
    squares = _UNKNOWN_WORTH * _UNKNOWN_SPREAD**2 + float((logs**2).sum())
    return float((squares / (_UNKNOWN_WORTH + len(logs))) ** 0.5)


def errors_of(comparisons: Iterable[Comparison]) -> list[float]:
    """Logs of measured over predicted throughput of earlier comparisons."""
    return [float(np.log(ratio)) for comparison in comparisons for ratio in measured_over_predicted(comparison)]


def kept(forecasts: Sequence[Forecast]) -> list[Forecast]:
    """Those whose upper end is not below the best lower end, best first."""
    if not forecasts:
        return []
    best_low = max(forecast.low for forecast in forecasts)
    return sorted((f for f in forecasts if f.high >= best_low), key=worth, reverse=True)


def worth(forecast: Forecast) -> float:
    """What a setting is ranked by: the log of its throughput, less what its knobs have to pay."""
    return forecast.log_rate - _PRICE_OF_KNOB * len(forecast.setting)


def finalists(ranked: Sequence[Forecast], count: int, compared: Collection[str] = ()) -> list[Forecast]:
    """The settings that are compared next.

    Of two that differ in one knob and are predicted to be the same, the simpler one is enough, as long as there are
    others.

    Args:
        ranked: Those that were kept, best first.
        count: How many there is time for.
        compared: Names of settings that were compared already.
    """
    new = [forecast for forecast in ranked if name_of(forecast.setting) not in compared]
    chosen: list[Forecast] = []
    for forecast in new:
        if not any(_are_twins(forecast, other) for other in chosen):
            chosen.append(forecast)
    twins = [forecast for forecast in new if forecast not in chosen]
    return [*chosen, *twins][:count]


def outside(forecasts: Sequence[Forecast], kept: Sequence[Forecast], seed: int) -> Forecast | None:
    """A setting that was not kept, drawn at random: what is measured of it shows whether predictions are biased."""
    inside = {name_of(forecast.setting) for forecast in kept}
    others = [forecast for forecast in forecasts if name_of(forecast.setting) not in inside and forecast.setting]
    return random.Random(seed).choice(others) if others else None


def name_of(setting: Setting) -> str:
    """The same text for the same setting, whatever the order of its knobs."""
    return " ".join(sorted(f"{name}={value!r}" for name, value in setting.items()))


def _are_twins(one: Forecast, other: Forecast) -> bool:
    names = one.setting.keys() | other.setting.keys()
    missing = object()
    differing = sum(one.setting.get(name, missing) != other.setting.get(name, missing) for name in names)
    return differing == 1 and abs(one.log_rate - other.log_rate) < _TWINS
