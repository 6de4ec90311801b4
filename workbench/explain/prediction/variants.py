"""Sets of knobs beside a run's own: which are worth trying, what is predicted of them, how good that has been."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy

from workbench.errors import BadInput, Problem
from workbench.explain.prediction.changes import Change, scale_stage, set_knob
from workbench.explain.prediction.predictor import CONFIDENCE, Predictor
from workbench.knobs.advice import inactive_in_both, inactive_knobs
from workbench.knobs.format import format_settings
from workbench.knobs.inference import InferenceKnobs
from workbench.knobs.knob import ALL_OF_A_SAMPLE, Effect
from workbench.knobs.knobs import Knobs
from workbench.knobs.observed import DATA_LOADER_KNOBS
from workbench.records import Comparison, Prediction, Record, Steady, VariantResult


def suggestions(record: Record, *, stage: str | None = None, cause: str | None = None) -> list[dict[str, Any]]:
    """Settings of one knob each that make a stage cheaper, or are good against a cause, and that a run can take.

    Args:
        record: The run.
        stage: The stage.
        cause: Name of a cause of a diagnosis.
    """
    return [
        {name: value}
        for name, row in record.knobs.rows().items()
        for value, effect in row.effects.items()
        if (_addresses(record, effect, stage) or cause in effect.against)
        and _is_worth_suggesting(record, name, effect)
        and can_take(record, {name: value})
    ]


def _is_worth_suggesting(record: Record, name: str, effect: Effect) -> bool:
    """Whether a value of a knob is worth a try on the device of a run, whose model an engine can take."""
    is_here = not effect.on or (record.device or "").startswith(effect.on)
    has_engine = record.engine is not None or name not in InferenceKnobs.model_fields
    return effect.suggested and is_here and has_engine


def _addresses(record: Record, effect: Effect, stage: str | None) -> bool:
    """Whether a value of a knob makes a stage of a run cheaper."""
    row = record.stage(stage, "worker") if stage is not None else None
    is_of_a_sample = row is not None and row.per == "sample" and ALL_OF_A_SAMPLE in effect.addresses
    return stage in effect.addresses or is_of_a_sample


def can_take(record: Record, settings: Mapping[str, Any]) -> bool:
    """Whether a run could have these knobs, has others, and would be changed by them."""
    if any(getattr(record.knobs, name) == value for name, value in settings.items()):
        return False
    rows = record.knobs.rows()
    effects = [rows[name].effects[value] for name, value in settings.items() if value in rows[name].effects]
    script = record.script
    if script is not None and script.varying_samples and any(effect.repeats for effect in effects):
        return False
    if script is not None and not script.takes_knobs and DATA_LOADER_KNOBS.keys() & settings.keys():
        return False
    try:
        changed = record.knobs.changed(**settings)
    except BadInput:
        return False
    inactive = inactive_knobs(replace(record.situation, knobs=changed))
    return not any(name in inactive for name in settings)


def predict_variant(predictor: Predictor, variant: Knobs) -> Prediction:
    """What is predicted of a variant of the run.

    Raises:
        BadInput: Where it differs from the run in a way that cannot be predicted.
    """
    return predictor.predict(changes_of(predictor, variant))


def changes_of(predictor: Predictor, variant: Knobs) -> list[Change]:
    """The changes that a variant makes. Knobs that can change nothing, there or in the run, make none.

    Raises:
        BadInput: With all knobs of which nothing can be predicted.
    """
    record, model = predictor.record, predictor.model
    rows = variant.rows()
    inactive = inactive_in_both(replace(record.situation, knobs=variant), record.situation)
    found: list[Change] = []
    problems: list[Problem] = []
    for name, value in variant.differing(record.knobs).items():
        if name in inactive or rows[name].predicted == "nothing":
            continue
        try:
            if name == "slow_down":
                found += _slower(predictor, variant)
            elif rows[name].predicted is None:
                raise BadInput("prediction", [Problem("cannot be predicted", format_settings({name: value}))])
            else:
                found.append(set_knob(model, record.knobs, name, value))
        except BadInput as error:
            problems += error.problems
    if problems:
        raise BadInput("prediction", problems)
    return found


def _slower(predictor: Predictor, variant: Knobs) -> list[Change]:
    """Stages that are slowed down on purpose, each as a multiple of what it takes in the run."""
    record, model = predictor.record, predictor.model
    steady = record.steady
    assert steady is not None
    if record.knobs.slow_down:
        raise BadInput("prediction", [Problem("the run was slowed down itself", "slow_down", "Take a run without it")])
    found = []
    for stage, delay_ms in variant.slow_down.items():
        cost_s = model.cost_per_sample(stage) if stage in model.stages else 0.0
        if cost_s > 0.0:
            added_s = added_per_sample(record, steady, stage, delay_ms)
            found.append(scale_stage(model, stage, 1.0 + added_s / cost_s))
    return found


def added_per_sample(record: Record, steady: Steady, stage: str, delay_ms: float) -> float:
    """Seconds that a stage takes longer for each sample where each of its blocks takes `delay_ms` longer."""
    blocks = sum(row.count for row in record.stages if row.name == stage and row.lane != "device")
    return delay_ms * 1e-3 * blocks / steady.num_samples


#: What chance does this rarely is none.
_RARE = 0.05


@dataclass(frozen=True)
class Trust:
    """How good predictions have been.

    Attributes:
        count: Predictions that were compared.
        median_error: Of the predicted throughput, as a share of the measured one; None without any.
        inside: How many measured values lay inside the 90 % interval.
    """

    count: int
    median_error: float | None
    inside: int

    @property
    def is_too_narrow(self) -> bool:
        """Whether fewer values lay inside than chance allows where 9 of 10 do."""
        level = CONFIDENCE.level
        return self.count > 0 and bool(
            scipy.stats.binomtest(self.inside, self.count, level, alternative="less").pvalue < _RARE
        )


def trust(comparisons: Iterable[Comparison]) -> Trust:
    """How good the predictions of earlier comparisons have been."""
    known = [
        (variant.predicted.samples_per_s, measured)
        for comparison in comparisons
        for variant in comparison.variants
        if variant.predicted is not None and (measured := _measured(variant))
    ]
    errors = [abs(rate.estimate / measured - 1.0) for rate, measured in known]
    return Trust(
        count=len(known),
        median_error=float(np.median(errors)) if errors else None,
        inside=sum(rate.low <= measured <= rate.high for rate, measured in known),
    )


def measured_over_predicted(comparison: Comparison) -> list[float]:
    """Speed-ups that were measured over those that were predicted, of each variant that has both."""
    return [
        variant.speedup.estimate / (1.0 + variant.predicted.gain.estimate)
        for variant in comparison.others
        if variant.predicted is not None and variant.speedup is not None and variant.failure is None
    ]


def with_predictions(comparison: Comparison, predictions: Sequence[tuple[str, Prediction | str]]) -> Comparison:
    """A comparison with what was predicted of its variants, by name; a text is why nothing was."""
    found = dict(predictions)
    variants = []
    for variant in comparison.variants:
        answer = found.get(variant.name)
        is_text = isinstance(answer, str)
        update = {"predicted": None if is_text else answer, "not_predicted": answer if is_text else None}
        variants.append(variant.model_copy(update=update))
    return comparison.model_copy(update={"variants": variants})


def _measured(variant: VariantResult) -> float | None:
    return variant.samples_per_s.median if variant.samples_per_s is not None else None
