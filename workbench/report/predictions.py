"""Predicted beside measured: what the baseline's first run predicts of the other variants."""

from __future__ import annotations

import contextlib
from pathlib import Path

from workbench.errors import BadInput
from workbench.explain.prediction.predictor import Predictor
from workbench.explain.prediction.variants import predict_variant, with_predictions
from workbench.measure.comparison.run import ComparisonRun
from workbench.records import Comparison, Prediction, Record
from workbench.records.run_folder import list_runs, read_record, read_spans

#: How many runs beside one are asked how far runs of this machine are from each other, the newest ones.
_MOST_RUNS = 60


def open_predictor(record: Record, folder: Path) -> Predictor | str:
    """What answers questions to a run; or why nothing can be asked, as a sentence.

    Args:
        record: The run.
        folder: Its folder.
    """
    try:
        return predictor_of(record, folder)
    except BadInput as error:
        return "; ".join(problem.what for problem in error.problems)


def predictor_of(record: Record, folder: Path) -> Predictor:
    """What answers questions to a run, as sure as runs of this machine are alike.

    Raises:
        BadInput: Where the run doesn't tell what a prediction needs.
    """
    return Predictor(record, read_spans(folder), others=runs_beside(record, folder.parent))


def runs_beside(record: Record, runs: Path) -> list[Record]:
    """The newest runs of the same machine in a folder of run folders; what cannot be read is passed over."""
    machine = record.environment and record.environment.machine
    found = []
    for folder in list(list_runs(runs))[-_MOST_RUNS:]:
        with contextlib.suppress(BadInput):
            found.append(read_record(folder))
    return [run for run in found if run.environment and run.environment.machine == machine]


def add_predictions(comparison: Comparison, compared: ComparisonRun) -> Comparison:
    """A comparison with predictions for its variants; they rest on the first run of the baseline alone."""
    trials = compared.records.get(comparison.baseline, [])
    if not trials or trials[0].steady is None:
        return comparison
    predictor = open_predictor(trials[0], Path(compared.state.runs) / trials[0].run_id)
    if isinstance(predictor, str):
        return with_predictions(comparison, [(variant.name, predictor) for variant in comparison.others])
    found: list[tuple[str, Prediction | str]] = []
    for variant in comparison.others:
        try:
            found.append((variant.name, predict_variant(predictor, variant.knobs)))
        except BadInput as error:
            found.append((variant.name, "; ".join(f"{problem.where}: {problem.what}" for problem in error.problems)))
    return with_predictions(comparison, found)
