"""Predictions for the variants of a comparison, from one run of its baseline; and how good earlier ones have turned out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.errors import BadInput, Problem
from workbench.explain.prediction.knob_changes import KNOBS
from workbench.explain.prediction.predictor import Predictor
from workbench.knobs.knobs import Knobs
from workbench.records import Comparison, Prediction, VariantResult

#: Knobs that change nothing that a prediction is about.
_OF_NO_ACCOUNT = (
    "num_steps", "warmup_steps", "stage_timing", "checked_samples", "isolated_samples", "timeout_s", "seed", "cache_store",
    "slow_down", "knock_out",
)  # fmt: skip


def predict_variant(predictor: Predictor, variant: Knobs) -> Prediction:
    """What a variant would come to.

    Raises:
        BadInput: Where it differs from the run in a way that cannot be predicted.
    """
    return predictor.ask(questions_of(predictor, variant))


def questions_of(predictor: Predictor, variant: Knobs) -> list[str]:
    """The questions that a variant answers in earnest.

    Raises:
        BadInput: With all knobs that nothing can be asked about.
    """
    changed = variant.differing(predictor.record.knobs)
    asked = {name: value for name, value in changed.items() if name not in _OF_NO_ACCOUNT}
    if strangers := [name for name in asked if name not in KNOBS]:
        raise BadInput("prediction", [Problem("cannot be predicted", f"{name}={asked[name]}") for name in strangers])
    questions = [f"{name}={value}" for name, value in asked.items()]
    return [*questions, *(f"{stage} x0" for stage in variant.knocked_out), *_delays(predictor, variant)]


def _delays(predictor: Predictor, variant: Knobs) -> list[str]:
    found = []
    steady = predictor.record.steady
    assert steady is not None
    for stage, delay_ms in variant.delays_ms.items():
        blocks = sum(row.count for row in predictor.record.stages if row.name == stage and row.lane != "device")
        cost_s = predictor.model.cost_per_page(stage) if stage in predictor.model.stages else 0.0
        if cost_s > 0.0:
            found.append(f"{stage} x{1.0 + delay_ms * 1e-3 * blocks / steady.num_pages / cost_s:.4f}")
    return found


@dataclass(frozen=True)
class Trust:
    """How predictions have turned out.

    Attributes:
        count: Predictions that were compared.
        median_error: Of predicted pages per second, as a share of the measured ones; None without any.
        inside: How many measured values lay inside the 90 % interval.
    """

    count: int
    median_error: float | None
    inside: int


def trust(comparisons: Iterable[Comparison]) -> Trust:
    """How the predictions of earlier comparisons have turned out."""
    pairs = [(one.predicted, measured) for c in comparisons for one in c.variants if (measured := _measured(one))]
    known = [(predicted.samples_per_s, measured) for predicted, measured in pairs if predicted is not None]
    errors = [abs(rate.estimate / measured - 1.0) for rate, measured in known]
    return Trust(
        count=len(known),
        median_error=float(np.median(errors)) if errors else None,
        inside=sum(rate.low <= measured <= rate.high for rate, measured in known),
    )


def with_predictions(comparison: Comparison, predictions: Sequence[tuple[str, Prediction | str]]) -> Comparison:
    """A comparison with what was predicted of its variants, by name; a text is why nothing was."""
    told = dict(predictions)
    variants = [
        one.model_copy(
            update={
                "predicted": found if isinstance(found := told.get(one.name), Prediction) else None,
                "not_predicted": found if isinstance(found, str) else None,
            }
        )
        for one in comparison.variants
    ]
    return comparison.model_copy(update={"variants": variants})


def _measured(one: VariantResult) -> float | None:
    return one.samples_per_s.median if one.samples_per_s is not None else None
