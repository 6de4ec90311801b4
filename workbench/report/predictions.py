"""Predicted beside measured: what the baseline's first run predicts of the other variants."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from workbench.errors import BadInput
from workbench.explain.prediction.predictor import Predictor
from workbench.explain.prediction.variants import predict_variant, with_predictions
from workbench.measure.comparison.run import ComparisonRun
from workbench.records import Comparison, Prediction, Record
from workbench.records.run_folder import read_spans


def open_predictor(record: Record, folder: Path, repeats: Sequence[Record] = ()) -> Predictor | str:
    """What answers questions to a run; or why nothing can be asked, as a sentence.

    Args:
        record: The run.
        folder: Its folder.
        repeats: As for `Predictor`.
    """
    try:
        return Predictor(record, read_spans(folder), repeats=repeats)
    except BadInput as error:
        return "; ".join(problem.what for problem in error.problems)


def add_predictions(comparison: Comparison, compared: ComparisonRun) -> Comparison:
    """A comparison with predictions for its variants; they rest on the first run of the baseline alone."""
    trials = compared.records.get(comparison.baseline, [])
    if not trials or trials[0].steady is None:
        return comparison
    predictor = open_predictor(trials[0], Path(compared.state.runs) / trials[0].run_id, trials)
    if isinstance(predictor, str):
        return with_predictions(comparison, [(variant.name, predictor) for variant in comparison.others])
    found: list[tuple[str, Prediction | str]] = []
    for variant in comparison.others:
        try:
            found.append((variant.name, predict_variant(predictor, variant.knobs)))
        except BadInput as error:
            found.append((variant.name, "; ".join(f"{problem.where}: {problem.what}" for problem in error.problems)))
    return with_predictions(comparison, found)
