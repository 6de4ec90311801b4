"""What cannot be predicted of a run: why, and the best that is known of it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.errors import BadInput, Problem
from workbench.explain.prediction.changes import with_fewer_bytes
from workbench.explain.prediction.cost_model import CostModel
from workbench.explain.prediction.predictor import Predictor
from workbench.knobs.advice import inactive_knobs
from workbench.knobs.format import format_settings
from workbench.knobs.knob import Effect
from workbench.knobs.knobs import Knobs
from workbench.records import PredictedValue
from workbench.stages import UNATTRIBUTED


@dataclass(frozen=True)
class Unpredicted:
    """A question that has no answer.

    Attributes:
        text: The question.
        why: Why it has none.
        remedy: What to do about it; empty where a trial would tell.
        bound: What would be gained if all that the setting is good for were free; None: not known.
        freed: The stages that are free for that.
        fewer_bytes: Share of a batch's bytes that need not be moved then, 0..1; 0 too where its size is not known.
        settings: The knobs that a trial would tell of; none where the run cannot have them, or nothing would change.
    """

    text: str
    why: str
    remedy: str = ""
    bound: PredictedValue | None = None
    freed: tuple[str, ...] = ()
    fewer_bytes: float = 0.0
    settings: Mapping[str, Any] = field(default_factory=dict)


def unpredicted(predictor: Predictor, name: str, value: Any, problem: Problem) -> Unpredicted:
    """What is known of a setting that is not predicted.

    Args:
        predictor: Of the run.
        name: A knob.
        value: Its value.
        problem: Why it is not predicted.
    """
    record, settings = predictor.record, {name: value}
    text = format_settings(settings)
    try:
        changed = record.knobs.changed(**settings)
    except BadInput as error:
        first = error.problems[0]
        return Unpredicted(text, f"it cannot be set in this run: {first.what}", first.remedy)
    # Whether workers start is known of the run that was, and not of the one that is asked about.
    inactive = inactive_knobs(replace(record.situation, knobs=changed, workers_started=None))
    if name in inactive:
        return Unpredicted(text, f"it can change nothing in this run: {inactive[name]}")
    model, effect = predictor.model, _effect(record.knobs, name, value)
    freed = tuple(stage for stage in effect.addresses if stage in model.stages)
    if not freed:
        return Unpredicted(text, problem.what, settings=settings)
    without = with_fewer_bytes(model.scaled(0.0, *freed), effect, record.knobs)
    before, then = model.bytes_per_sample, without.bytes_per_sample
    fewer = 1.0 - then / before if before and then is not None else 0.0
    bound = predictor.gain(without)
    return Unpredicted(text, problem.what, bound=bound, freed=freed, fewer_bytes=fewer, settings=settings)


def _effect(knobs: Knobs, name: str, value: Any) -> Effect:
    effects = knobs.rows()[name].effects
    return effects.get(value, Effect()) if isinstance(value, str | int | float) else Effect()


def absent_stage(stage: str, model: CostModel, knobs: Knobs) -> Problem | None:
    """The problem of a stage that a run has not, with the setting that took it away; None where the run has it."""
    if stage in model.stages:
        return None
    known = dict.fromkeys([*model.stages, *(row.name for row in model.catalogue)])
    has = f"This run has: {', '.join(name for name in model.stages if name != UNATTRIBUTED)}"
    if stage not in known:
        close = difflib.get_close_matches(stage, known, n=1)
        if close and close[0] in model.stages:
            return Problem(f"this run has no stage '{stage}'", remedy=f"Did you mean '{close[0]}'?")
        instead = absent_stage(close[0], model, knobs) if close else None
        meant = f" (nor '{close[0]}': {_reason(close[0], model, knobs)})" if close and instead else ""
        return Problem(f"this run has no stage '{stage}'{meant}", remedy=has)
    return Problem(f"this run has no stage '{stage}': {_reason(stage, model, knobs)}", remedy=has)


def _reason(stage: str, model: CostModel, knobs: Knobs) -> str:
    """Why a run has not a stage that there is: ``"cache=prepared"``."""
    if all(row.role == "wait" for row in model.catalogue if row.name == stage):
        return "it is waiting, which goes when what is waited for is faster"
    took = [
        format_settings({name: value})
        for name, row in knobs.rows().items()
        if isinstance(value := getattr(knobs, name), str | int | float)
        and stage in row.effects.get(value, Effect()).frees
    ]
    return ", ".join(took) or "none of its knobs asks for it"
