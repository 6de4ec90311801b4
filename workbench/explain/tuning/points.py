"""What short trials say of the values of a search: what each of them does to the stages, and what it costs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from workbench.errors import BadInput
from workbench.explain.prediction.changes import Change, set_knob
from workbench.explain.prediction.cost_model import DEVICE, CostModel
from workbench.explain.prediction.predictor import Predictor
from workbench.explain.verdicts.effect import ended_well, rate
from workbench.knobs.format import format_settings
from workbench.knobs.observed import DATA_LOADER_KNOBS
from workbench.knobs.space import Setting, Space, walk
from workbench.records import Record
from workbench.stages import UNATTRIBUTED

#: Knobs that are settings of the pipeline: the simulator turns them, and their values need no trial.
_OF_PIPELINE = frozenset(
    ("num_workers", "prefetch_factor", "batch_size", "persistent_workers", "epoch_overlap", "in_order", "background")
)

#: Two short trials of the same stage differ by as much as this: nothing is made of it.
_NOISE = 0.07

#: Of fewer stages that both trials have, nobody can say whether the machine was slower, or the value makes them so.
_LEAST_COMMON = 5

#: The machine is not taken for slower, or faster, than this between two short trials.
_MOST_DRIFT = 2.0

#: A value that saves less than this of what a lane does for a sample saves nothing.
_LEAST_SAVED = 0.01

#: How a batch gets on its way, by the lane that does it.
_LANE_OF_STATION = {"load": "worker", "send": "worker"}

#: Settings of the simulated pipeline that a value changes as a whole.
_CONFIG = ("background", "background_batches", "side_by_side", "receiver", "device_steps", "in_order", "helpers")


@dataclass(frozen=True)
class Point:
    """A setting of which trials have run.

    Attributes:
        setting: Otherwise than the baseline.
        record: A trial of it.
        log_rate: Log of its samples per second, on a machine as fast as it was for the baseline's trial.
        predictor: What answers questions to that trial; None where it cannot be simulated.
    """

    setting: Setting
    record: Record
    log_rate: float
    predictor: Predictor | None = None

    @property
    def memory_bytes(self) -> int | None:
        """The most that its processes took; None where that was not measured, or not by itself."""
        return None if self.record.forked else self.record.memory.peak_pss_bytes

    @property
    def startup_s(self) -> float | None:
        """What its start-up took; None likewise."""
        startup = self.record.startup
        return None if self.record.forked or startup is None else startup.total_s


def point_of(
    setting: Setting, record: Record, predictor: Predictor | None = None, earlier: Sequence[Point] = ()
) -> Point | None:
    """A point by one trial; None where that has not ended well.

    Args:
        setting: Otherwise than the baseline.
        record: The trial.
        predictor: What answers questions to it.
        earlier: Points before it: the machine may have been slower or faster than for the first of as many workers,
            which is taken out.
    """
    if not ended_well(record):
        return None
    log_rate = float(np.log(rate(record)))
    if predictor is not None:
        model = predictor.model
        others = (point.predictor.model for point in earlier if point.predictor is not None)
        first = next((other for other in others if _have_as_many_workers(model, other)), model)
        drift = drift_of(model, first)
        if drift != 1.0:
            as_fast = model.scaled(1.0 / drift, *(stage for stage in model.stages if stage != DEVICE))
            log_rate += float(np.log1p(predictor.gain(as_fast).estimate))
    return Point(dict(setting), record, log_rate, predictor)


def drift_of(new: CostModel, old: CostModel) -> float:
    """How many times as long everything took in one trial as in another, whatever their knobs; 1: that isn't known.

    A value makes a stage or two faster or slower; a slower machine makes all of them slower. So it is the median over
    the stages that both have, of the workers and of the main process. With more workers than cores all of them take
    longer on any machine, so that of trials of other numbers of workers nothing is known.
    """
    if not _have_as_many_workers(new, old):
        return 1.0
    common = [stage for stage in old.stages if stage in new.stages and stage not in (DEVICE, UNATTRIBUTED)]
    costs = [(new.cost_per_sample(stage), old.cost_per_sample(stage)) for stage in common]
    factors = [now / before for now, before in costs if now > 0.0 and before > 0.0]
    if len(factors) < _LEAST_COMMON:
        return 1.0
    return float(np.clip(np.median(factors), 1.0 / _MOST_DRIFT, _MOST_DRIFT))


def _have_as_many_workers(new: CostModel, old: CostModel) -> bool:
    return new.config.num_workers == old.config.num_workers


def simulated_values(space: Space, anchor: Point) -> dict[str, list[Any]]:
    """The values that need no trial, for the simulator turns them in the trial of the baseline."""
    found: dict[str, list[Any]] = {}
    rows = space.baseline.rows()
    if anchor.predictor is None:
        return found
    for name, value in walk(space):
        if rows[name].predicted in _OF_PIPELINE and _is_simulated(anchor.predictor, name, value):
            found.setdefault(name, []).append(value)
    return found


def _is_simulated(predictor: Predictor, name: str, value: Any) -> bool:
    try:
        set_knob(predictor.model, predictor.record.knobs, name, value)
    except BadInput:
        return False
    return True


def why_not_taken(record: Record, name: str, value: Any) -> str:
    """Why a script cannot take a value from outside, as a sentence; empty where it can."""
    script = record.script
    if script is None:
        return ""
    if not script.takes_knobs and name in DATA_LOADER_KNOBS:
        return "the script's loader takes no knobs from outside"
    effect = record.knobs.rows()[name].effects.get(value) if isinstance(value, str | int | float) else None
    if script.varying_samples and effect is not None and effect.repeats:
        return "the script's samples are others each time, so that they cannot be kept"
    return ""


def measured_change(value: Point, beside: Point, names: Collection[str]) -> Change:
    """What values do to a pipeline, by a trial that has them and one that has not.

    Each stage takes as many times longer as it did there; what is new is added, what is gone is gone.

    Args:
        value: The trial with them.
        beside: The trial without.
        names: Their knobs.
    """
    assert value.predictor is not None and beside.predictor is not None
    new, old = value.predictor.model, beside.predictor.model
    settings = {name: value.setting.get(name) for name in names}
    return Change(format_settings(settings), lambda model: _changed(model, new, old), settings)


def _changed(model: CostModel, new: CostModel, old: CostModel) -> CostModel:
    for stage, factor in stage_factors(new, old).items():
        if stage in model.stages:
            model = model.scaled(factor, stage)
    model = _with_added(model, new, [stage for stage in new.stages if stage not in old.stages], drift_of(new, old))
    if old.blocked_share > 0.0:
        model = replace(model, blocked_share=model.blocked_share * min(new.blocked_share / old.blocked_share, 5.0))
    if model.bytes_per_sample and new.bytes_per_sample and old.bytes_per_sample:
        model = replace(model, bytes_per_sample=model.bytes_per_sample * new.bytes_per_sample / old.bytes_per_sample)
    changed = {name: getattr(new.config, name) for name in _CONFIG if _differs(new, old, name)}
    return replace(model, config=replace(model.config, **changed))


def _differs(new: CostModel, old: CostModel, name: str) -> bool:
    return bool(getattr(new.config, name) != getattr(old.config, name))


def stage_factors(new: CostModel, old: CostModel) -> dict[str, float]:
    """By stage of the old model: how many times as long it takes in the new one, on the same machine; 0: it is gone."""
    found, drift = {}, drift_of(new, old)
    for stage in old.stages:
        was = old.cost_per_sample(stage)
        if was > 0.0:
            own = 1.0 if stage == DEVICE else drift
            factor = new.cost_per_sample(stage) / was / own if stage in new.stages else 0.0
            found[stage] = 1.0 if abs(factor - 1.0) <= _NOISE else factor
    return found


def _with_added(model: CostModel, new: CostModel, stages: Collection[str], drift: float) -> CostModel:
    """The model with stages that it has not, at the cost that they have in another one, of a machine that is slower."""
    samples, batches = model.samples, dict(model.batches)
    for stage in stages:
        if stage in model.stages:
            continue
        if stage in new.samples.stages:
            column = new.samples.cost_s[:, new.samples.stages.index(stage)]
            if len(samples.sample) and len(column):
                cost_s = np.column_stack([samples.cost_s, np.resize(column, len(samples.sample))])
                isolated = None if samples.isolated is None else np.append(samples.isolated, 1.0)
                names = (*samples.stages, stage)
                samples = replace(samples, stages=names, cost_s=cost_s, isolated=isolated)
        if stage in new.batches:
            batches[stage] = new.batches[stage]
        model = model.scaled(1.0 / drift, stage)
    return replace(model, samples=samples, batches=batches)


def saves(value: Point, beside: Point) -> bool:
    """Whether a value can make anything faster, alone or together with others.

    Where both trials can be simulated: whether any lane has less to do for a sample, there is less to move, or the
    pipeline hangs together in another way. Else: whether it is not clearly slower.
    """
    if value.predictor is None or beside.predictor is None:
        return value.log_rate - beside.log_rate > -_NOISE
    new, old = value.predictor.model, beside.predictor.model
    if any(_differs(new, old, name) for name in _CONFIG):
        return True
    if new.bytes_per_sample and old.bytes_per_sample and new.bytes_per_sample < old.bytes_per_sample * (1.0 - _NOISE):
        return True
    factors = stage_factors(new, old)
    had, has = _demands(old, {}), _demands(old, factors)
    drift = drift_of(new, old)
    added = _demands(new, {stage: 0.0 if stage in old.stages else 1.0 / drift for stage in new.stages})
    return any(had[lane] - has[lane] - added.get(lane, 0.0) > _LEAST_SAVED * had[lane] for lane in had)


def _demands(model: CostModel, factors: Mapping[str, float]) -> dict[str, float]:
    """Seconds that each lane works for a sample."""
    found: dict[str, float] = {}
    for stage in model.stages:
        batch = model.batches.get(stage)
        lane = "worker" if batch is None else _LANE_OF_STATION.get(batch.station, batch.station)
        lane = "device" if stage == DEVICE else lane
        found[lane] = found.get(lane, 0.0) + model.cost_per_sample(stage) * factors.get(stage, 1.0)
    return found
