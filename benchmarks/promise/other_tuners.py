"""Tuners as they are: each takes the best of single trials. They get the same launcher, and the same time."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from promise.recorded_space import RecordedSpace, Replay

from workbench.explain.tuning.screening import name_of
from workbench.explain.verdicts.effect import rate
from workbench.units import NS_PER_S

Setting = Mapping[str, Any]


class _Trials:
    """Single trials until the time is up.

    Args:
        recorded: The space.
        replay: The machine.
        budget_s: The time.
    """

    def __init__(self, recorded: RecordedSpace, replay: Replay, budget_s: float) -> None:
        self._recorded, self._replay, self._budget_s = recorded, replay, budget_s
        self.rates: dict[str, float] = {}
        self.settings: dict[str, Setting] = {}

    @property
    def is_over(self) -> bool:
        return self._replay.now_ns / NS_PER_S + self._replay.trial_s > self._budget_s

    def run(self, setting: Setting) -> float:
        knobs = self._recorded.space.knobs(setting)
        found = rate(self._replay.launch(knobs, self._recorded.runs))
        name = name_of(setting)
        self.rates[name] = max(found, self.rates.get(name, 0.0))
        self.settings[name] = setting
        return found

    @property
    def best(self) -> Setting:
        return self.settings[max(self.rates, key=self.rates.__getitem__)] if self.rates else {}


def random_search(recorded: RecordedSpace, replay: Replay, budget_s: float, seed: int) -> Setting:
    """Settings in random order, each once."""
    trials = _Trials(recorded, replay, budget_s)
    order = list(recorded.settings)
    random.Random(seed).shuffle(order)
    for setting in order:
        if trials.is_over:
            break
        trials.run(setting)
    return trials.best


def coordinate_descent(recorded: RecordedSpace, replay: Replay, budget_s: float, seed: int) -> Setting:
    """One knob after the other, the best of its values, until a round changes nothing; then on from the best."""
    trials = _Trials(recorded, replay, budget_s)
    possible = {name_of(setting) for setting in recorded.settings}
    draw = random.Random(seed)
    current: dict[str, Any] = {}
    axes = list(recorded.space.axes)
    while not trials.is_over:
        draw.shuffle(axes)
        before = dict(current)
        for axis in axes:
            rates: dict[Any, float] = {}
            for value in axis.values:
                setting = {**current, axis.name: value} if value != axis.values[0] else _without(current, axis.name)
                if name_of(setting) in possible and not trials.is_over:
                    rates[value] = trials.run(setting)
            if rates:
                best = max(rates, key=rates.__getitem__)
                current = {**_without(current, axis.name), **({axis.name: best} if best != axis.values[0] else {})}
        if current == before:
            break
    return trials.best


def _without(setting: Setting, name: str) -> dict[str, Any]:
    return {key: value for key, value in setting.items() if key != name}


def optuna_tpe(recorded: RecordedSpace, replay: Replay, budget_s: float, seed: int) -> Setting:
    """Optuna's TPE, as its documentation has it: one trial for each setting that it asks for."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    trials = _Trials(recorded, replay, budget_s)
    possible = {name_of(setting) for setting in recorded.settings}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
        for _ in range(500):
            if trials.is_over:
                break
            trial = study.ask()
            setting: dict[str, Any] = {}
            for axis in recorded.space.axes:
                texts = [repr(value) for value in axis.values]
                place = texts.index(trial.suggest_categorical(axis.name, texts))
                if place:
                    setting[axis.name] = axis.values[place]
            _, setting = recorded.space.reduced(setting, recorded.records[name_of({})][0].situation)
            if name_of(setting) in possible:
                study.tell(trial, trials.run(setting))
            else:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
    return trials.best


Tuner = Callable[[RecordedSpace, Replay, float, int], Setting]

OTHERS: Mapping[str, Tuner] = {
    "random search": random_search,
    "Optuna TPE": optuna_tpe,
    "coordinate descent": coordinate_descent,
}
