"""What became of every setting of a search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workbench.explain.tuning.forecast import Forecast
from workbench.explain.tuning.limits import broken
from workbench.explain.tuning.screening import kept, name_of
from workbench.knobs.space import Setting
from workbench.records import Candidate, Fate, TuneLimits
from workbench.report.tuning.chosen import Chosen
from workbench.units import counted

#: A fate with the figures behind it, and the setting.
Refused = tuple[Setting, Fate, str]


def candidates_of(
    forecasts: Sequence[Forecast], chosen: Mapping[str, Chosen], refused: Sequence[Refused], limits: TuneLimits
) -> list[Candidate]:
    """All settings that were looked at, those that were compared first, then by what was expected of them.

    Args:
        forecasts: Of those that no limit rules out.
        chosen: By name: those that were compared.
        refused: Those that were ruled out before.
        limits: What a setting has to keep to.
    """
    best = {name_of(forecast.setting) for forecast in kept(forecasts)}
    compared = [_compared(one, limits) for one in sorted(chosen.values(), key=lambda one: -one.log_ratio)]
    others = [
        Candidate(
            settings=dict(forecast.setting),
            fate="no_time" if name_of(forecast.setting) in best else "not_kept",
            predicted=forecast.samples_per_s,
            memory_bytes=None if forecast.memory_bytes is None else round(forecast.memory_bytes),
            startup_s=forecast.startup_s,
        )
        for forecast in sorted(forecasts, key=lambda forecast: -forecast.log_rate)
        if forecast.setting and name_of(forecast.setting) not in chosen
    ]
    return [*compared, *others, *(Candidate(settings=dict(s), fate=fate, why=why) for s, fate, why in refused)]


def _compared(one: Chosen, limits: TuneLimits) -> Candidate:
    fate, why = broken(limits, one.memory_bytes, one.startup_s, one.result)
    if one.failure:
        fate, why = "failed", one.failure
    elif fate is None and one.is_outside:
        fate = "outside"
    elif fate is None:
        fate = "dropped" if one.dropped else "compared"
    if fate == "dropped":
        why = f"clearly slower than the best after {counted(len(one.ratios), 'block')}"
    return Candidate(
        settings=one.setting,
        fate=fate,
        why=why,
        predicted=None if one.forecast is None else one.forecast.samples_per_s,
        measured=one.speedup,
        num_blocks=len(one.ratios),
        memory_bytes=one.memory_bytes,
        startup_s=one.startup_s,
        result=one.result,
    )


def count_fates(candidates: Sequence[Candidate]) -> dict[Fate, int]:
    """How many of them ended how."""
    found: dict[Fate, int] = {}
    for candidate in candidates:
        found[candidate.fate] = found.get(candidate.fate, 0) + 1
    return found
