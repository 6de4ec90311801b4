"""What each setting of a search would make, by the few trials that there are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import norm

from workbench.errors import BadInput
from workbench.explain.prediction.changes import Change, set_knob
from workbench.explain.prediction.predictor import CONFIDENCE
from workbench.explain.tuning.points import Point, measured_change
from workbench.knobs.space import Setting
from workbench.records import PredictedValue

#: What each value that was measured by itself, and is now taken together with others, adds to the spread of the log.
_OF_TOGETHER = 0.04

#: Likewise where nothing can be simulated, and effects are taken for factors.
_OF_FACTOR = 0.15

_Z = float(norm.ppf(0.5 + CONFIDENCE.level / 2))


@dataclass(frozen=True)
class Forecast:
    """What is expected of a setting.

    Attributes:
        setting: Otherwise than the baseline.
        log_rate: Log of its samples per second.
        spread: Standard deviation of that.
        memory_bytes: The most that its processes would take; None: not known.
        startup_s: What its start-up would take; None: not known.
        is_measured: Whether trials of this very setting say so.
    """

    setting: Setting
    log_rate: float
    spread: float
    memory_bytes: float | None = None
    startup_s: float | None = None
    is_measured: bool = False

    @property
    def low(self) -> float:
        """Lower end of the interval of the log."""
        return self.log_rate - _Z * self.spread

    @property
    def high(self) -> float:
        """Upper end."""
        return self.log_rate + _Z * self.spread

    @property
    def samples_per_s(self) -> PredictedValue:
        """The same as samples per second."""
        estimate, low, high = (float(np.exp(value)) for value in (self.log_rate, self.low, self.high))
        return PredictedValue(estimate=estimate, low=low, high=high)


@dataclass(frozen=True)
class _Step:
    """A value that was measured in one trial and not in another: what that does."""

    value: Point
    beside: Point
    names: tuple[str, ...]


@dataclass
class Forecaster:
    """Says what settings would make.

    Attributes:
        points: What was measured; the first one is as good as the baseline.
        simulated: Knobs whose values the simulator turns.
        spread: Standard deviation of the log of measured over predicted, as earlier predictions on this machine have
            shown.
        bias: Mean of that log.
        baseline_values: Values of simulated knobs that the baseline has, and the first point has not.
    """

    points: Sequence[Point]
    simulated: Collection[str]
    spread: float
    bias: float = 0.0
    baseline_values: Mapping[str, Any] = field(default_factory=dict)
    _parts: dict[int, frozenset[tuple[str, str]]] = field(default_factory=dict, repr=False)

    def forecast(self, setting: Setting) -> Forecast | None:
        """What a setting would make; None where nobody can say."""
        for point in self._starts(setting):
            if point.setting == setting:
                return Forecast(
                    setting, point.log_rate, self.spread / 2, point.memory_bytes, point.startup_s, is_measured=True
                )
            steps = self._steps(point, setting)
            if steps is None:
                continue
            found = self._by_factors if point.predictor is None else self._by_simulation
            forecast = found(point, steps, setting)
            if forecast is not None:
                return forecast
        return None

    def _starts(self, setting: Setting) -> Iterator[Point]:
        """The points that have nothing else than the setting, those that have most of it first."""
        wanted = self._measured_part(setting)
        is_simulated = self.points[0].predictor is not None
        inside = [
            point
            for point in self.points
            if self._part(point) <= wanted
            and (point.setting == setting or is_simulated == (point.predictor is not None))
        ]

        def is_like(point: Point) -> tuple[bool, int, int]:
            alike = sum(point.setting.get(name) == setting.get(name) for name in self.simulated)
            return point.setting == setting, len(self._part(point)), alike

        yield from sorted(inside, key=is_like, reverse=True)

    def _steps(self, start: Point, setting: Setting) -> list[_Step] | None:
        """What is to be changed beyond a point, each as some trial has shown it; None where one has not been shown."""
        wanted = self._measured_part(setting)
        left = wanted - self._part(start)
        steps: list[_Step] = []
        while left:
            found = self._step(left, wanted)
            if found is None:
                return None
            steps.append(found)
            left = left - self._part(found.value)
        return steps

    def _step(self, left: frozenset[tuple[str, str]], wanted: frozenset[tuple[str, str]]) -> _Step | None:
        pairs = []
        for value in self.points:
            shown = self._part(value) & left
            if not shown or not self._part(value) <= wanted:
                continue
            others = self._part(value) - shown
            beside = next((point for point in self.points if self._part(point) == others), None)
            if beside is not None:
                pairs.append((len(others), -len(shown), value, beside, tuple(sorted(name for name, _ in shown))))
        if not pairs:
            return None
        _, _, value, beside, names = min(pairs, key=lambda pair: pair[:2])
        return _Step(value, beside, names)

    def _by_simulation(self, point: Point, steps: Sequence[_Step], setting: Setting) -> Forecast | None:
        predictor = point.predictor
        assert predictor is not None
        if any(step.value.predictor is None or step.beside.predictor is None for step in steps):
            return None
        changes: list[Change] = [measured_change(step.value, step.beside, step.names) for step in steps]
        base = self.points[0].record.knobs
        try:
            for name in self.simulated:
                value = setting.get(name, self._own(base, name))
                if value is not None and value != getattr(predictor.record.knobs, name):
                    changes.append(set_knob(predictor.model, predictor.record.knobs, name, value))
        except BadInput:
            return None
        predicted = predictor.predict(changes)
        gain = float(np.log1p(predicted.gain.estimate))
        own = float(np.log1p(predicted.gain.high) - np.log1p(predicted.gain.low)) / (2 * _Z)
        return self._forecast(point, steps, setting, gain, float(np.hypot(own, _OF_TOGETHER * len(steps) ** 0.5)))

    def _own(self, base: Any, name: str) -> Any:
        """The baseline's value of a knob, which the first point may have been measured without."""
        return self.baseline_values.get(name, getattr(base, name))

    def _by_factors(self, point: Point, steps: Sequence[_Step], setting: Setting) -> Forecast | None:
        gain = sum(step.value.log_rate - step.beside.log_rate for step in steps)
        return self._forecast(point, steps, setting, gain, _OF_FACTOR * len(steps) ** 0.5)

    def _forecast(
        self, point: Point, steps: Sequence[_Step], setting: Setting, gain: float, own_spread: float
    ) -> Forecast:
        spread = float(np.hypot(own_spread, self.spread))
        memory = _sum(point.memory_bytes, [_difference(step, "memory_bytes") for step in steps])
        startup = _sum(point.startup_s, [_difference(step, "startup_s") for step in steps])
        return Forecast(setting, point.log_rate + gain + self.bias, spread, memory, startup)

    def _measured_part(self, setting: Setting) -> frozenset[tuple[str, str]]:
        return frozenset((name, repr(value)) for name, value in setting.items() if name not in self.simulated)

    def _part(self, point: Point) -> frozenset[tuple[str, str]]:
        found = self._parts.get(id(point))
        if found is None:
            found = self._parts[id(point)] = self._measured_part(point.setting)
        return found


def _difference(step: _Step, name: str) -> float | None:
    value, beside = getattr(step.value, name), getattr(step.beside, name)
    return None if value is None or beside is None else value - beside


def _sum(start: float | None, differences: Sequence[float | None]) -> float | None:
    if start is None:
        return None
    return start + sum(difference or 0.0 for difference in differences)
