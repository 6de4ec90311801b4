"""Predicted beside measured: what the baseline's first run predicts of the variants it is compared against."""

from __future__ import annotations

from pathlib import Path

from workbench.errors import BadInput
from workbench.explain.prediction.predictor import Predictor
from workbench.explain.prediction.variants import predict_variant, with_predictions
from workbench.measure.comparison.run import ComparisonRun
from workbench.records import Comparison, Prediction, Record
from workbench.records.run_folder import read_spans


def open_predictor(record: Record, folder: Path) -> Predictor | str:
    """What answers questions to a run; or, in words, why nothing can be asked."""
    try:
        return Predictor(record, read_spans(folder))
    except BadInput as error:
        return "; ".join(problem.what for problem in error.problems)


def add_predictions(comparison: Comparison, compared: ComparisonRun) -> Comparison:
    """A comparison with predictions for its variants; they rest on the first run of the baseline alone."""
    own = compared.records.get(comparison.baseline, [])
    if not own or own[0].steady is None:
        return comparison
    predictor = open_predictor(own[0], Path(compared.state.runs) / own[0].run_id)
    others = [one for one in comparison.variants if one.name != comparison.baseline]
    if isinstance(predictor, str):
        return with_predictions(comparison, [(one.name, predictor) for one in others])
    found: list[tuple[str, Prediction | str]] = []
    for one in others:
        try:
            found.append((one.name, predict_variant(predictor, one.knobs)))
        except BadInput as error:
            found.append((one.name, "; ".join(f"{problem.where}: {problem.what}" for problem in error.problems)))
    return with_predictions(comparison, found)
