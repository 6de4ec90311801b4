"""Prediction: what one run predicts of others, held against those others, really run.

One run of the baseline comes first, and all predictions are written down (`predictions.json` beside the figures) before
any of the cells has run. Then every cell runs in blocks, in random order; a trial beside which others were busy is
repeated. BackgroundThread the error stands the noise floor, the same cell measured twice; and the two answers that need no model.
About 12 minutes.
"""

from __future__ import annotations

import itertools
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from promise.figure import Figure, main
from promise.naive_answers import share_of_time, smallest_ceiling
from promise.prediction_cells import BASELINE, Cell, cells

from workbench.explain.prediction.pipeline import BatchCosts, Shape
from workbench.explain.prediction.predictor import Predictor
from workbench.explain.prediction.simulator import simulate
from workbench.knobs.knobs import Knobs
from workbench.measure.trial.launcher import run_trial
from workbench.measure.trial.machine import disturbances
from workbench.records import Policy, Prediction, Record
from workbench.records.run_folder import read_spans
from workbench.workloads.ocr.synthetic.draw import draw_pages

NUM_BLOCKS = 3
REPEATS = 3

#: The run that all rests on is longer than the others: what it says is said once.
BASELINE_STEPS = 96
PREDICTIONS = Path("reports/bench/predictions.json")

MOST_MEDIAN, MOST_P90, TIMES_NOISE, LEAST_INSIDE, MOST_SIMULATION_S = 0.03, 0.08, 1.5, 0.85, 1.0


def run(knobs: Knobs, runs: Path) -> Record:
    """A trial; repeated where others disturbed it, as often as `REPEATS` says."""
    for _ in range(1 + REPEATS):
        record = run_trial(knobs, runs)
        if record.steady is None:
            raise SystemExit(f"a trial failed: {record.failure}")
        if not disturbances(record.machine, Policy()):
            break
    return record


def rate(record: Record) -> float:
    """Pages per second."""
    assert record.steady is not None
    return record.steady.samples_per_s


def block_ms(predictor: Predictor) -> dict[str, float]:
    """By stage: what one block of it costs."""
    model = predictor.model
    pages = {stage: BASELINE["batch_size"] if stage in model.batches else 1 for stage in model.stages}
    return {stage: model.cost_per_page(stage) * pages[stage] * 1e3 for stage in model.stages}


def measure_cells(todo: Sequence[Cell], base: Knobs, runs: Path) -> dict[str, list[float]]:
    """Pages per second of every cell, block by block."""
    found: dict[str, list[float]] = {cell.name: [] for cell in todo}
    for block in range(NUM_BLOCKS):
        order = list(todo)
        random.Random(block).shuffle(order)
        for number, cell in enumerate(order):
            knobs = base.changed(**{**cell.knobs, "isolated_samples": 0})
            found[cell.name].append(rate(run(knobs, runs)))
            told = f"[{block * len(order) + number + 1}/{NUM_BLOCKS * len(order)}] {cell.name}"
            print(f"{told}: {found[cell.name][-1]:.1f} pages/s", file=sys.stderr, flush=True)
    return found


def errors(predicted: Sequence[float], measured: Sequence[float]) -> np.ndarray:
    """Absolute relative errors."""
    return np.abs(np.asarray(predicted) / np.asarray(measured) - 1.0)


def bootstrap(values: np.ndarray, share: float) -> tuple[float, float]:
    """95 % interval of a quantile, over the cells."""
    rng = np.random.default_rng(0)
    drawn = np.quantile(rng.choice(values, (4000, len(values))), share, axis=1)
    return float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975))


def error_figures(
    todo: Sequence[Cell], found: dict[str, list[float]], answers: dict[str, Prediction], baseline: Record
) -> list[Figure]:
    """The errors, beside the noise floor and the naive answers."""
    measured = [float(np.median(found[cell.name])) for cell in todo]
    predicted = [answers[cell.name].samples_per_s.estimate for cell in todo]
    off = errors(predicted, measured)
    pairs = [abs(a / b - 1.0) for own in found.values() for a, b in itertools.combinations(own, 2)]
    noise = {share: float(np.quantile(pairs, share)) for share in (0.5, 0.9)}
    figures = []
    for name, share, most in (("median", 0.5, MOST_MEDIAN), ("90th percentile", 0.9, MOST_P90)):
        value, limit = float(np.quantile(off, share)), max(most, TIMES_NOISE * noise[share])
        floor = noise[share]
        detail = f"noise floor {floor:.4f}, {TIMES_NOISE} times it {TIMES_NOISE * floor:.4f}; {len(todo)} cells"
        goal = f"<= {most}, or {TIMES_NOISE} times the noise floor"
        figures.append(Figure(f"{name} error", value, "share", goal, value <= limit, bootstrap(off, share), detail))
    for name, answer in (("share of time", share_of_time), ("smallest ceiling", smallest_ceiling)):
        naive = errors([answer(baseline, cell.questions) for cell in todo], measured)
        value = float(np.median(naive))
        detail = f"90th percentile {np.quantile(naive, 0.9):.3f}; the prediction's errors are {np.median(off):.3f}, "
        met = float(np.median(off)) < 0.67 * value
        goal = "at least 1.5 times the prediction's"
        p90 = f"{np.quantile(off, 0.9):.3f}"
        label = f"naive: {name}, median error"
        figures.append(Figure(label, value, "share", goal, met, bootstrap(naive, 0.5), detail + p90))
    predicted = [answers[cell.name].samples_per_s for cell in todo]
    inside = [one.low <= value <= one.high for one, value in zip(predicted, measured, strict=True)]
    value = float(np.mean(inside))
    detail = f"{sum(inside)} of {len(inside)} cells"
    goal = f">= {LEAST_INSIDE}"
    met = value >= LEAST_INSIDE
    figures.append(Figure("measured inside the 90 % interval", value, "share", goal, met, None, detail))
    return figures


def cell_figures(todo: Sequence[Cell], found: dict[str, list[float]], answers: dict[str, Prediction]) -> list[Figure]:
    """A row a cell: shown, none of them promised by itself."""
    rows = []
    for cell in todo:
        own, answer = found[cell.name], answers[cell.name].samples_per_s
        measured = float(np.median(own))
        detail = (
            f"predicted {answer.estimate:.1f} [{answer.low:.1f}, {answer.high:.1f}], measured {measured:.1f} pages/s "
            f"({', '.join(f'{one:.1f}' for one in own)})"
        )
        rows.append(Figure(cell.name, answer.estimate / measured - 1.0, "share", "shown", True, None, detail))
    return rows


def simulation_figure() -> Figure:
    """How long a large simulation takes."""
    steps = 10_000
    shape = Shape(16, 2, 16, 0.3, steps_per_epoch=26, num_steps=steps - 34, warmup_steps=34, epoch_s=0.001)
    rng = np.random.default_rng(0)
    column = lambda mean: rng.gamma(20.0, mean / 20.0, steps)  # noqa: E731
    costs = BatchCosts(
        make=column(0.2), blocked=np.zeros(steps), send=column(0.001), receive=column(0.003), launch=column(0.001),
        finish=column(0.002), close=column(0.001), device=column(0.01), pages=np.full(steps, 16),
    )  # fmt: skip
    took = []
    for _ in range(5):
        began = time.perf_counter()
        simulate(shape, costs)
        took.append(time.perf_counter() - began)
    value = float(np.median(took))
    name = "simulating 10,000 batches with 16 workers"
    detail = f"median of 5 ({min(took):.2f} to {max(took):.2f} s)"
    return Figure(name, value, "s", f"<= {MOST_SIMULATION_S}", value <= MOST_SIMULATION_S, None, detail)


def measure() -> list[Figure]:
    """Predict, then measure."""
    with tempfile.TemporaryDirectory() as folder:
        pages, runs = Path(folder, "pages"), Path(folder, "runs")
        draw_pages(pages, count=BASELINE["num_pages"], seed=0)
        base = Knobs(**{**BASELINE, "dataset": str(pages)})
        run(base, runs)  # a warm-up trial, which counts nowhere
        baseline = run(base.changed(num_steps=BASELINE_STEPS), runs)
        predictor = Predictor(baseline, read_spans(runs / baseline.run_id))
        todo = cells(block_ms(predictor))
        answers = {cell.name: predictor.ask(cell.questions) for cell in todo}
        PREDICTIONS.parent.mkdir(parents=True, exist_ok=True)
        told = {name: json.loads(answer.model_dump_json()) for name, answer in answers.items()}
        PREDICTIONS.write_text(json.dumps(told, indent=1) + "\n")
        found = measure_cells(todo, base, runs)
    return [*cell_figures(todo, found, answers), *error_figures(todo, found, answers, baseline), simulation_figure()]


if __name__ == "__main__":
    main(__doc__, measure)
