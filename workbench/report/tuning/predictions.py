"""Proposes the settings that are predicted to be the best, and corrects its predictions by what is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench.explain.tuning.forecast import Forecast, Forecaster
from workbench.explain.tuning.limits import expected_to_break
from workbench.explain.tuning.points import Point
from workbench.explain.tuning.screening import errors_of, finalists, kept, name_of, outside, spread_of
from workbench.explain.verdicts.effect import ended_well
from workbench.knobs.format import format_settings
from workbench.knobs.space import MOST_SETTINGS, Setting, Space
from workbench.records import Candidate, Fate
from workbench.report.rules import comparisons_here
from workbench.report.tuning.candidates import Refused, candidates_of
from workbench.report.tuning.chosen import Chosen
from workbench.report.tuning.proposals import Proposal
from workbench.report.tuning.state import TuningFolder
from workbench.report.tuning.values import Found, OpenPredictor
from workbench.report.verdicts import typical_run

#: Share of the time of a search after which no further prediction is made.
_SHARE = 0.10

#: Forecasts that are made anew after each comparison, those of the highest upper ends.
_MOST_ANEW = 400

#: A bias that few comparisons show is taken for less than it seems, as if as many more had shown none.
_UNBIASED = 3.0


class Predictions:
    """Predicts every setting. See `proposals.Proposer`.

    Args:
        state: The search.
        found: What short trials have shown.
        open_predictor: Gives what answers questions to a trial.
    """

    def __init__(self, state: TuningFolder, found: Found, open_predictor: OpenPredictor) -> None:
        self._state = state
        self._open_predictor = open_predictor
        self._found = found
        self._history = errors_of(comparisons_here(state.results))
        self._errors: dict[str, float] = {}
        self._points: dict[str, Point] = {}
        self._forecasts: list[Forecast] = []
        self._refused: list[Refused] = []
        self._uncounted: dict[Fate, int] = {}

    def begin(self) -> str:
        """Predict every setting, as far as there is time, those first that promise most."""
        state = self._state
        space = self._small_enough(self._found.space)
        settings = space.settings(self._found.baseline.record.situation)
        forecaster = self._forecaster()
        promises = self._promises(space, forecaster)
        ordered = sorted(settings.possible, key=lambda s: -sum(promises.get((k, repr(v)), 0.0) for k, v in s.items()))
        until_s = state.spent_s + _SHARE * state.tuning.budget_s
        cut = 0
        for number, setting in enumerate(ordered):
            if state.spent_s > until_s and setting:
                cut = len(ordered) - number
                break
            self._forecast(forecaster, setting)
        size = state.space.size
        self._uncounted = {"no_time": cut, "left_out": size - space.size}
        state.change(
            num_settings=size,
            num_impossible=settings.impossible.total(),
            impossible=dict(settings.impossible.most_common(5)),
            num_same=settings.same,
        )
        could = sum(bool(forecast.setting) for forecast in kept(self._forecasts))
        return f"{len(self._forecasts)} of {size} combinations were predicted; {could} could be the best."

    def propose(self, number: int, compared: Mapping[str, Chosen]) -> list[Proposal]:
        """The best that were kept; the first time one from outside as well."""
        ranked = self._ranked()
        chosen = finalists(ranked, number, compared)
        if compared:
            return [Proposal(dict(forecast.setting), forecast) for forecast in chosen]
        if len(chosen) < 2:  # nothing was kept but the baseline: the best of the others are looked at all the same
            others = sorted(self._forecasts, key=lambda forecast: -forecast.log_rate)
            chosen = finalists([forecast for forecast in others if forecast.setting], min(2, number))
        drawn = outside(self._forecasts, [*ranked, *chosen], self._state.tuning.seed) if number > 2 else None
        if drawn is not None:
            chosen = [*chosen[: number - 1], drawn]
        return [Proposal(dict(forecast.setting), forecast, is_outside=forecast is drawn) for forecast in chosen]

    def has_more(self, compared: Mapping[str, Chosen]) -> bool:
        """Whether settings that were kept have not been compared."""
        return any(name_of(forecast.setting) not in compared for forecast in self._ranked())

    def learn(self, chosen: Chosen, ratios: Sequence[float]) -> None:
        """Hold what was measured against what was predicted, and predict from it as well."""
        name = name_of(chosen.setting)
        record = typical_run([record for record in chosen.records if ended_well(record)] or chosen.records)
        if not len(chosen.ratios) or not ended_well(record):
            return
        # As fast as on the machine as it was for the baseline's short trial.
        log_rate = self._found.baseline.log_rate + chosen.log_ratio
        self._points[name] = Point(chosen.setting, record, log_rate, self._open_predictor(record))
        expected = chosen.forecast or next((f for f in self._forecasts if name_of(f.setting) == name), None)
        chosen.forecast = expected
        if expected is not None and not expected.is_measured:
            self._errors[name] = log_rate - expected.log_rate

    def candidates(self, compared: Mapping[str, Chosen]) -> tuple[list[Candidate], dict[Fate, int]]:
        """See `proposals.Proposer`."""
        return candidates_of(self._anew(), compared, self._refused, self._state.tuning.limits), self._uncounted

    def facts(self) -> dict[str, Any]:
        """See `proposals.Proposer`."""
        errors = list(self._errors.values())
        return {"spread": self._forecaster().spread, "bias": float(np.mean(errors)) if errors else None}

    def _ranked(self) -> list[Forecast]:
        return [forecast for forecast in kept(self._anew()) if forecast.setting]

    def _anew(self) -> list[Forecast]:
        """The forecasts by all that is known now, of those that could be the best."""
        if not self._points:
            return self._forecasts
        forecaster = self._forecaster()
        near = sorted(self._forecasts, key=lambda forecast: -forecast.high)[:_MOST_ANEW]
        return [forecaster.forecast(forecast.setting) or forecast for forecast in near]

    def _forecaster(self) -> Forecaster:
        points = [*self._found.points, *self._points.values()]
        errors = list(self._errors.values())
        bias = float(np.sum(errors)) / (len(errors) + _UNBIASED)
        spread = spread_of([*self._history, *errors])
        return Forecaster(points, self._found.simulated, spread, bias, self._found.baseline_values)

    def _forecast(self, forecaster: Forecaster, setting: Setting) -> None:
        forecast = forecaster.forecast(setting)
        if forecast is None:
            self._refused.append((setting, "unpredicted", "what it does could not be known from the short trials"))
            return
        fate, why = expected_to_break(self._state.tuning.limits, forecast) if setting else (None, "")
        if fate is not None:
            self._refused.append((setting, fate, why))
        else:
            self._forecasts.append(forecast)

    def _promises(self, space: Space, forecaster: Forecaster) -> dict[tuple[str, str], float]:
        """By value: what it gains by itself, as a log; where that is not known, nothing."""
        own = forecaster.forecast({})
        found: dict[tuple[str, str], float] = {}
        for axis in space.axes if own is not None else ():
            for value in axis.others:
                forecast = forecaster.forecast({axis.name: value})
                if forecast is not None and own is not None:
                    found[axis.name, repr(value)] = forecast.log_rate - own.log_rate
        return found

    def _small_enough(self, space: Space) -> Space:
        """A space of no more combinations than can be looked at: the values that promise least are left out."""
        if space.size <= MOST_SETTINGS:
            return space
        promises = self._promises(space, self._forecaster())
        values = [(axis.name, value) for axis in space.axes for value in axis.others]
        left_out = dict(self._state.tuning.left_out)
        for name, value in sorted(values, key=lambda pair: promises.get((pair[0], repr(pair[1])), 0.0)):
            if space.size <= MOST_SETTINGS:
                break
            space = space.without(name, value)
            why = "there are too many combinations to try it in, and others promise more"
            left_out[format_settings({name: value})] = why
        self._state.change(left_out=left_out)
        return space
