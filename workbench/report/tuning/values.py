"""Short trials of a search: the baseline's, and one for each value that the simulator cannot turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import BadInput
from workbench.explain.checks.runs import compare_runs
from workbench.explain.prediction.predictor import Confidence, Predictor
from workbench.explain.tuning.limits import refused_by
from workbench.explain.tuning.points import Point, point_of, saves, simulated_values, why_not_taken
from workbench.knobs.format import format_settings
from workbench.knobs.knob import Situation
from workbench.knobs.space import Setting, Space, setting_name, walk
from workbench.measure.comparison.run import Launch
from workbench.records import MeasuredValue, Record
from workbench.records.run_folder import read_spans
from workbench.report.tuning.state import Cancelled, TuningFolder

#: The counted steps of a short trial take about as long as this, and are no fewer than these.
_STEADY_S, _LEAST_STEPS = 6.0, 16

#: Share of the time that short trials may take.
SHARE = 0.40

_NO_TIME = "there was no time for its trial"

#: Fewer draws than for one question: a search asks thousands.
_CONFIDENCE = Confidence(draws=3)


#: Gives what answers questions to a trial that ended well; None where it says too little for that.
OpenPredictor = Callable[[Record], Predictor | None]


class BaselineFailed(Exception):
    """The baseline does not run, so there is nothing to search from."""

    def __init__(self, record: Record) -> None:
        super().__init__(record.run_id)
        self.record = record


@dataclass
class Found:
    """What short trials have shown.

    Attributes:
        space: The values that are left.
        points: What was measured; the first has workers, as the simulator needs.
        simulated: Knobs that need no trials.
        baseline: The baseline's own point.
        num_steps: Counted steps of a trial.
        baseline_values: Values of simulated knobs that the baseline has, and the first point has not.
        num_cut: Values for whose trials there was no time.
    """

    space: Space
    points: list[Point]
    simulated: frozenset[str]
    baseline: Point
    num_steps: int | None
    baseline_values: dict[str, Any] = field(default_factory=dict)
    num_cut: int = 0


@dataclass
class ValueTrials:
    """Runs them.

    Args:
        state: The search.
        launch: Runs a trial.
        on_trial: Called after each with: trials done, trials in all, what it was, its record.
        open_predictor: Gives what answers questions to a trial.
    """

    state: TuningFolder
    launch: Launch
    on_trial: Callable[[int, int, str, Record], None]
    open_predictor: OpenPredictor
    left_out: dict[str, str] = field(default_factory=dict)
    _measured: list[Point] = field(default_factory=list)

    def run(self) -> Found:
        """Run what has not run yet.

        Raises:
            BaselineFailed: Where the baseline fails.
        """
        space = self.state.space
        self._total = 2 + sum(len(axis.others) for axis in space.axes)
        self.left_out, self._measured = {}, []
        num_steps = self._warm_up(space)
        baseline = self._point({}, num_steps)
        assert baseline is not None, "a baseline that fails is raised"
        situation = baseline.record.situation
        if self.state.tuning.sampler == "optuna":  # which asks for settings, and predicts nothing
            return Found(self._takeable(space, baseline.record), [baseline], frozenset(), baseline, num_steps)
        anchor = self._anchor(space, baseline, num_steps)
        space = self._takeable(space, baseline.record)
        simulated = _all_simulated(space, anchor)
        self._total = 2 + sum(len(axis.others) for axis in space.axes if axis.name not in simulated)
        found = [anchor] if anchor is baseline else [anchor, baseline]
        space = self._measure(space, found, simulated, situation, num_steps)
        self.state.change(left_out=self.left_out)
        own = {} if anchor is baseline else {name: getattr(baseline.record.knobs, name) for name in anchor.setting}
        names = frozenset(simulated)
        own = {name: value for name, value in own.items() if name in names}
        num_cut = list(self.left_out.values()).count(_NO_TIME)
        return Found(space, found, names, baseline, num_steps, own, num_cut)

    def _warm_up(self, space: Space) -> int | None:
        """A trial that counts nowhere, and says how many steps do: as many as asked, or as fill some seconds."""
        knobs = space.baseline
        if self.state.tuning.values:  # it goes on: all of its trials count as many
            return self.state.tuning.num_steps
        is_asked = knobs.num_steps != type(knobs)(workload=knobs.workload).num_steps
        few = {} if is_asked else {"num_steps": _LEAST_STEPS}
        record = self._trial({}, knobs.changed(checked_samples=0, isolated_samples=0, **few), "warm-up", keep=False)
        if record.status == "failed":
            raise BaselineFailed(record)
        if is_asked or record.steady is None:
            return None
        per_step = record.steady.num_samples / record.steady.num_steps
        num_steps = max(_LEAST_STEPS, round(_STEADY_S * record.steady.samples_per_s / per_step))
        self.state.change(num_steps=num_steps)
        return num_steps

    def _anchor(self, space: Space, baseline: Point, num_steps: int | None) -> Point:
        """The point that others are compared with: the baseline, or with workers where the simulator needs them."""
        workers = next((axis for axis in space.axes if axis.name == "num_workers"), None)
        if workers is None or baseline.record.knobs.num_workers != 0 or baseline.predictor is None:
            return baseline
        more = sorted(value for value in workers.others if isinstance(value, int) and value > 0)
        number = next((value for value in more if value >= 2), more[-1] if more else None)
        found = None if number is None else self._point({"num_workers": number}, num_steps)
        return baseline if found is None or found.predictor is None else found

    def _takeable(self, space: Space, record: Record) -> Space:
        """The space without values that a script does not take from outside."""
        for name, value in list(walk(space)):
            why = why_not_taken(record, name, value)
            if getattr(space.baseline, name) is None and value == getattr(record.knobs, name):
                why = "the script has it so by itself"
            if why:
                space = self._leave_out(space, name, value, why)
        return space

    def _measure(
        self, space: Space, points: list[Point], simulated: Mapping[str, Any], situation: Situation, steps: int | None
    ) -> Space:
        """Measure each value that needs it; gives what is worth combining, and adds to the points."""
        anchor = points[0]
        for name, value in list(walk(space)):
            if name in simulated:
                continue
            setting = space.smallest_with(name, value, situation)
            if setting is None:
                space = self._leave_out(space, name, value, "it goes with none of the other values, or changes nothing")
                continue
            setting = {**{k: v for k, v in anchor.setting.items() if k not in setting}, **setting}
            if self.state.spent_s > SHARE * self.state.tuning.budget_s and not self._has_run(setting):
                space = self._leave_out(space, name, value, _NO_TIME)
                continue
            point = self._point(setting, steps)
            entry = self._entry(setting)
            why = refused_by(self.state.tuning.limits, entry) if entry is not None else ""
            if point is None and entry is not None:
                why = f"its trial failed: {entry.failure.splitlines()[0] if entry.failure else ''}"
            beside = _beside(setting, name, points, simulated)
            if not why and point is not None and beside is not None and not saves(point, beside):
                why = f"it makes nothing faster beside {setting_name(beside.setting)}"
            if point is not None and not any(point.setting == other.setting for other in points):
                points.append(point)
            if why:
                space = self._leave_out(space, name, value, why)
        return space

    def _leave_out(self, space: Space, name: str, value: Any, why: str) -> Space:
        self.left_out[format_settings({name: value})] = why
        return space.without(name, value)

    def _entry(self, setting: Setting) -> MeasuredValue | None:
        found = [value for value in self.state.tuning.values if value.settings == dict(setting)]
        return found[-1] if found else None

    def _has_run(self, setting: Setting) -> bool:
        entry = self._entry(setting)
        return entry is not None and (bool(entry.failure) or self.state.record_of(entry) is not None)

    def _point(self, setting: Setting, num_steps: int | None) -> Point | None:
        """The point of a setting, from its trial, which is run where it has not been."""
        entry = self._entry(setting)
        record = None if entry is None else self.state.record_of(entry)
        if entry is not None and entry.failure:
            return None
        if record is None:
            try:
                knobs = self.state.space.knobs(setting)
            except BadInput as error:
                self._enter(MeasuredValue(settings=dict(setting), run_id=None, failure=str(error)))
                return None
            if num_steps is not None:
                knobs = knobs.changed(num_steps=num_steps)
            record = self._trial(setting, knobs, setting_name(setting))
        if record.status == "failed" and not setting:
            raise BaselineFailed(record)
        predictor = self.open_predictor(record) if record.status == "ok" else None
        point = point_of(setting, record, predictor, self._measured)
        if point is not None:
            self._measured.append(point)
        return point

    def _trial(self, setting: Setting, knobs: Any, name: str, *, keep: bool = True) -> Record:
        record = self.launch(knobs, self.state.runs)
        if record.failure is not None and record.failure.kind == "cancelled":
            raise Cancelled("the search was cancelled")
        if keep:
            self._enter(self._value(setting, record))
        done = len(self.state.tuning.values) + 1
        self.on_trial(min(done, self._total), self._total, name, record)
        return record

    def _value(self, setting: Setting, record: Record) -> MeasuredValue:
        base = next((value for value in self.state.tuning.values if not value.settings), None)
        baseline = None if base is None else self.state.record_of(base)
        checks = None
        if setting and baseline is not None and record.status == "ok":
            checks = compare_runs(self.state.runs, baseline, record)
        return MeasuredValue(
            settings=dict(setting),
            run_id=record.run_id,
            samples_per_s=record.steady.samples_per_s if record.steady is not None else None,
            startup_s=record.startup.total_s if record.startup is not None else None,
            memory_bytes=record.memory.peak_pss_bytes,
            result=checks.status if checks is not None else None,
            wall_s=record.machine.wall_s if record.machine is not None else 0.0,
            failure="" if record.failure is None else f"{record.failure.kind}: {record.failure.message}",
        )

    def _enter(self, value: MeasuredValue) -> None:
        self.state.change(values=[*self.state.tuning.values, value])


def predictor_from(runs: Path) -> OpenPredictor:
    """What opens predictors of trials in a folder of run folders."""

    def open_predictor(record: Record) -> Predictor | None:
        try:
            return Predictor(record, read_spans(runs / record.run_id), confidence=_CONFIDENCE)
        except (BadInput, OSError):
            return None

    return open_predictor


def _all_simulated(space: Space, anchor: Point) -> dict[str, Any]:
    """The knobs of which all values can be simulated."""
    found = simulated_values(space, anchor)
    return {axis.name: found[axis.name] for axis in space.axes if found.get(axis.name) == list(axis.others)}


def _beside(setting: Setting, name: str, points: Sequence[Point], simulated: Mapping[str, Any]) -> Point | None:
    """The point that has all of a setting but one knob; of simulated knobs it may have other values."""
    wanted = {k: v for k, v in setting.items() if k != name and k not in simulated}
    return next((p for p in points if {k: v for k, v in p.setting.items() if k not in simulated} == wanted), None)
