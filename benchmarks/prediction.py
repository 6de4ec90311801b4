"""Prediction: what one run predicts of others, compared with those others, really run.

One run of the baseline comes first, and all predictions are written down (`predictions.json` beside the figures) before
any of the cells has run. Then the cells run as a comparison; a trial beside which others were busy is repeated. Beside
the error stand the noise floor (the same cell measured twice) and the two answers that need no model. About 12 minutes.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from promise.figure import Figure, main
from promise.naive_answers import share_of_time, smallest_ceiling
from promise.prediction_cells import BASELINE, UNCHANGED, Cell, cells

from workbench.explain.prediction.pipeline import BatchCosts, PipelineConfig
from workbench.explain.prediction.predictor import Predictor
from workbench.explain.prediction.simulator import simulate
from workbench.knobs.joined import parse_knobs
from workbench.knobs.knobs import Knobs
from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.run import run_comparison
from workbench.records import Policy, Prediction, Record
from workbench.records.run_folder import read_spans
from workbench.workloads.ocr.synthetic.draw import draw_pages

NUM_BLOCKS = 3
REPEATS = 3

#: The run that all rests on is longer than the others: all predictions rest on it.
BASELINE_STEPS = 96
PREDICTIONS = Path("reports/bench/predictions.json")

MOST_MEDIAN, MOST_P90, LEAST_INSIDE, MOST_SIMULATION_S = 0.03, 0.08, 0.85, 1.0

#: Or so many times the noise floor: the median is as good as measuring twice.
TIMES_MEDIAN, TIMES_P90 = 1.0, 1.5

#: Pages per second of each cell, block by block.
Rates = Mapping[str, Sequence[float]]


def run_blocks(variants: Mapping[str, Knobs], place: Path, num_blocks: int) -> dict[str, list[Record]]:
    """Run variants in blocks, after a warm-up trial. Disturbed trials are repeated.

    Raises:
        SystemExit: Where a trial failed: the error of the others would not be that of all cells.
    """
    policy = Policy(planned_blocks=num_blocks, repeats=REPEATS, busy_share=1.0)
    journal = Journal.begin(place, variants, runs=place / "runs", seed=0, num_blocks=num_blocks, policy=policy)
    records = run_comparison(journal, on_trial=_show).records
    for name, trials in records.items():
        failed = next((record for record in trials if record.steady is None), None)
        if failed is not None or not trials:
            raise SystemExit(f"a trial of '{name}' failed: {failed.failure if failed else 'it did not run'}")
    return records


def _show(done: int, total: int, name: str, record: Record) -> None:
    rate = f"{record.steady.samples_per_s:.1f} pages/s" if record.steady else "failed"
    print(f"[{done}/{total}] {name}: {rate}", file=sys.stderr, flush=True)


def block_ms(predictor: Predictor) -> dict[str, float]:
    """By stage: what one block of it takes."""
    model = predictor.model
    samples = {stage: BASELINE["batch_size"] if stage in model.batches else 1 for stage in model.stages}
    return {stage: model.cost_per_sample(stage) * samples[stage] * 1e3 for stage in model.stages}


def errors(predicted: Sequence[float], measured: Sequence[float]) -> np.ndarray:
    """Absolute relative errors."""
    return np.abs(np.asarray(predicted) / np.asarray(measured) - 1.0)


def bootstrap(values: np.ndarray, share: float) -> tuple[float, float]:
    """95 % interval of a quantile, over the cells."""
    rng = np.random.default_rng(0)
    drawn = np.quantile(rng.choice(values, (4000, len(values))), share, axis=1)
    return float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975))


def error_figures(
    todo: Sequence[Cell], rates: Rates, answers: Mapping[str, Prediction], baseline: Record
) -> list[Figure]:
    """The errors, beside the noise floor and the naive answers."""
    measured = [float(np.median(rates[cell.name])) for cell in todo]
    predicted = [answers[cell.name].samples_per_s.estimate for cell in todo]
    off = errors(predicted, measured)
    pairs = [abs(a / b - 1.0) for blocks in rates.values() for a, b in itertools.combinations(blocks, 2)]
    noise = {share: float(np.quantile(pairs, share)) for share in (0.5, 0.9)}
    figures = []
    limits = (("median", 0.5, MOST_MEDIAN, TIMES_MEDIAN), ("90th percentile", 0.9, MOST_P90, TIMES_P90))
    for name, share, most, times in limits:
        floor = noise[share]
        value, limit = float(np.quantile(off, share)), max(most, times * floor)
        detail = f"noise floor {floor:.4f}, {times} times it {times * floor:.4f}; {len(todo)} cells"
        goal = f"<= {most}, or {times} times the noise floor"
        figures.append(Figure(f"{name} error", value, "share", goal, value <= limit, bootstrap(off, share), detail))
    for name, answer in (("share of time", share_of_time), ("smallest ceiling", smallest_ceiling)):
        naive = errors([answer(baseline, cell) for cell in todo], measured)
        value = float(np.median(naive))
        detail = f"90th percentile {np.quantile(naive, 0.9):.3f}; the prediction's errors are {np.median(off):.3f}, "
        met = float(np.median(off)) < 0.67 * value
        goal = "at least 1.5 times the prediction's"
        p90 = f"{np.quantile(off, 0.9):.3f}"
        label = f"naive: {name}, median error"
        figures.append(Figure(label, value, "share", goal, met, bootstrap(naive, 0.5), detail + p90))
    intervals = [answers[cell.name].samples_per_s for cell in todo]
    inside = [answer.low <= value <= answer.high for answer, value in zip(intervals, measured, strict=True)]
    value = float(np.mean(inside))
    detail = f"{sum(inside)} of {len(inside)} cells"
    goal = f">= {LEAST_INSIDE}"
    met = value >= LEAST_INSIDE
    figures.append(Figure("measured inside the 90 % interval", value, "share", goal, met, None, detail))
    return figures


def cell_figures(todo: Sequence[Cell], rates: Rates, answers: Mapping[str, Prediction]) -> list[Figure]:
    """A row for each cell: shown, none of them promised by itself."""
    rows = []
    for cell in todo:
        blocks, answer = rates[cell.name], answers[cell.name].samples_per_s
        measured = float(np.median(blocks))
        detail = (
            f"predicted {answer.estimate:.1f} [{answer.low:.1f}, {answer.high:.1f}], measured {measured:.1f} pages/s "
            f"({', '.join(f'{rate:.1f}' for rate in blocks)})"
        )
        rows.append(Figure(cell.name, answer.estimate / measured - 1.0, "share", "shown", True, None, detail))
    return rows


def simulation_figure() -> Figure:
    """How long a large simulation takes."""
    steps = 10_000
    config = PipelineConfig(16, 2, 16, 0.3, steps_per_epoch=26, num_steps=steps - 34, warmup_steps=34, epoch_s=0.001)
    rng = np.random.default_rng(0)
    column = lambda mean: rng.gamma(20.0, mean / 20.0, steps)  # noqa: E731
    costs = BatchCosts(
        load=column(0.2), blocked=np.zeros(steps), send=column(0.001), receive=column(0.003), submit=column(0.001),
        collect=column(0.002), end=column(0.001), device=column(0.01), samples=np.full(steps, 16),
    )  # fmt: skip
    took = []
    for _ in range(5):
        began = time.perf_counter()
        simulate(config, costs)
        took.append(time.perf_counter() - began)
    value = float(np.median(took))
    name = "simulating 10,000 batches with 16 workers"
    detail = f"median of 5 ({min(took):.2f} to {max(took):.2f} s)"
    return Figure(name, value, "s", f"<= {MOST_SIMULATION_S}", value <= MOST_SIMULATION_S, None, detail)


def measure() -> list[Figure]:
    """Predict, then measure."""
    with tempfile.TemporaryDirectory() as folder:
        pages, place = Path(folder, "pages"), Path(folder)
        draw_pages(pages, count=BASELINE["num_pages"], seed=0)
        base = parse_knobs({**BASELINE, "dataset": str(pages)})
        longer = base.changed(num_steps=BASELINE_STEPS)
        baseline = run_blocks({"baseline": longer}, place / "baseline", 1)["baseline"][0]
        predictor = Predictor(baseline, read_spans(place / "baseline" / "runs" / baseline.run_id))
        todo = cells(block_ms(predictor))
        answers = {cell.name: predictor.predict(cell.changes(predictor)) for cell in todo}
        PREDICTIONS.parent.mkdir(parents=True, exist_ok=True)
        written = {name: answer.model_dump(mode="json") for name, answer in answers.items()}
        PREDICTIONS.write_text(json.dumps(written, indent=1) + "\n")
        variants = {cell.name: base.changed(**{**cell.knobs, "isolated_samples": 0}) for cell in todo}
        assert next(iter(variants)) == UNCHANGED
        records = run_blocks(variants, place / "cells", NUM_BLOCKS)
    rates = {name: [trial.steady.samples_per_s for trial in trials if trial.steady] for name, trials in records.items()}
    return [*cell_figures(todo, rates, answers), *error_figures(todo, rates, answers, baseline), simulation_figure()]


if __name__ == "__main__":
    main(__doc__, measure)
