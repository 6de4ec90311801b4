"""Predicted beside measured: what the baseline's first run foretells of the variants it is raced against."""

from __future__ import annotations

from pathlib import Path

from workbench.analysis.prediction.foretelling import foretell, with_predictions
from workbench.analysis.prediction.predictor import Predictor
from workbench.errors import BadInput
from workbench.records import Comparison, Prediction, Record
from workbench.run_store import read_spans
from workbench.trial.race import Race


def open_predictor(record: Record, folder: Path) -> Predictor | str:
    """What answers questions to a run; or, in words, why nothing can be asked."""
    try:
        return Predictor(record, read_spans(folder))
    except BadInput as error:
        return "; ".join(problem.what for problem in error.problems)


def foretold(comparison: Comparison, raced: Race) -> Comparison:
    """A comparison with predictions for its variants; they rest on the first run of the baseline alone."""
    own = raced.records.get(comparison.baseline, [])
    if not own or own[0].steady is None:
        return comparison
    predictor = open_predictor(own[0], Path(raced.state.runs) / own[0].run_id)
    others = [one for one in comparison.variants if one.name != comparison.baseline]
    if isinstance(predictor, str):
        return with_predictions(comparison, [(one.name, predictor) for one in others])
    found: list[tuple[str, Prediction | str]] = []
    for one in others:
        try:
            found.append((one.name, foretell(predictor, one.knobs)))
        except BadInput as error:
            found.append((one.name, "; ".join(f"{problem.where}: {problem.what}" for problem in error.problems)))
    return with_predictions(comparison, found)
