"""Engines: what each of them in each precision is worth on the CPU, whether its result is right, and whether it ran.

The shipped detector scores drawn pages that it was not trained on. Every cell of the table engine x precision is a
variant of one comparison against eager fp32, checked in the class of what it changes; cells that an engine has no
kernels for are refused by the knobs, and are none. A figure is the geometric mean of the ratios per block. Faults are
those that the tests plant: they are run again here, and counted.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from promise import shipped
from promise.figure import Figure, main, not_taken
from promise.shipped import NUM_PAGES, show_trial, unseen_pages

from workbench.errors import BadInput
from workbench.explain.verdicts.effect import estimate, paired_log_ratios, student_interval
from workbench.files import checkout_dir
from workbench.knobs.inference import InferenceKnobs
from workbench.knobs.joined import parse_knobs
from workbench.knobs.knobs import Knobs
from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.run import ComparisonRun, run_comparison
from workbench.measure.trial.launcher import run_trial
from workbench.records import Comparison, VariantResult
from workbench.report.verdicts import compare_run

NUM_BLOCKS = 3

COMMON: dict[str, Any] = {**shipped.COMMON, "neck": "fpn_small"}

BASELINE = "eager fp32"

#: A point of H-mean.
MARGIN = 0.01


def cells() -> dict[str, dict[str, Any]]:
    """The cells that can run on a CPU, the baseline first."""
    rows = InferenceKnobs.model_fields
    engines, precisions = (rows[name].annotation.__args__ for name in ("engine", "precision"))  # type: ignore[union-attr]
    found: dict[str, dict[str, Any]] = {}
    for engine in engines:
        for precision in precisions:
            if precision == "ieee" or (precision.startswith("fp16") and engine != "eager"):
                continue  # on a CPU fp32 is IEEE's already; fp16 is slow whoever runs it
            settings = {"engine": engine, "precision": precision}
            try:
                parse_knobs({**COMMON, **settings})
            except BadInput:
                continue
            found[f"{engine} {precision}"] = settings
    return found


def measure() -> list[Figure]:
    """All figures."""
    started = time.monotonic()
    folder = unseen_pages()
    wanted = cells()
    variants = {name: parse_knobs({**COMMON, **own, "dataset": str(folder)}) for name, own in wanted.items()}
    with tempfile.TemporaryDirectory() as place:
        journal = Journal.begin(Path(place), variants, runs=Path(place) / "runs", seed=0, num_blocks=NUM_BLOCKS)
        run = run_comparison(journal, on_trial=show_trial)
        compared = compare_run(run)
        figures = [
            _ran(run, wanted),
            _checked(compared),
            _verdicts(compared),
            _fastest(run, compared),
            _compilations(run),
            *_beside_workers(folder, Path(place)),
            *_faults(),
        ]
        _print_table(compared)
    print(f"took {time.monotonic() - started:.0f} s", file=sys.stderr)
    return figures


def _ran(run: ComparisonRun, wanted: dict[str, dict[str, Any]]) -> Figure:
    failed = [name for name in wanted if any(record.failure for record in run.records.get(name, []))]
    missing = [name for name in wanted if not run.records.get(name)]
    detail = ", ".join(wanted) + (f"; failed: {', '.join(failed + missing)}" if failed + missing else "")
    share = 1.0 - len({*failed, *missing}) / len(wanted)
    return Figure("cells that run", share, "share", ">= 1", share >= 1.0, detail=detail)


def _checked(compared: Comparison) -> Figure:
    wrong = {v.name: v.checks.status if v.checks else "not checked" for v in compared.others if not _is_right(v)}
    share = 1.0 - len(wrong) / len(compared.others)
    detail = "; ".join(f"{name}: {status}" for name, status in wrong.items()) or "each in its class"
    return Figure("cells whose result is right", share, "share", ">= 1", not wrong, detail=detail)


def _is_right(variant: VariantResult) -> bool:
    return variant.checks is not None and variant.checks.status in ("same", "within_tolerance")


def _verdicts(compared: Comparison) -> Figure:
    clear = [v.name for v in compared.others if v.verdict in ("faster", "slower", "no_difference")]
    detail = ", ".join(f"{v.name} {v.verdict}" for v in compared.others)
    share = len(clear) / len(compared.others)
    is_compared = all(v.verdict is not None and v.verdict != "failed" for v in compared.others)
    return Figure("cells with a clear verdict", share, "share", "all compared", is_compared, detail=detail)


def _fastest(run: ComparisonRun, compared: Comparison) -> Figure:
    """The fastest cell that is as good by the paired bootstrap over pages, or the same."""
    sound = [v for v in compared.others if _is_right(v) and v.speedup is not None]
    what, goal = "the fastest that loses no point of H-mean, against eager fp32", ">= 1.5"
    if not sound:
        return not_taken(what, "no cell has run", unit="times", goal=goal)
    best = max(sound, key=lambda v: v.speedup.estimate if v.speedup else 0.0)
    found = estimate(paired_log_ratios(run.records[best.name], run.records[BASELINE]), compared.policy)
    assert found is not None
    scores = [next(r.quality["H-mean"].value for r in run.records[name]) for name in (best.name, BASELINE)]
    detail = f"'{best.name}': H-mean {scores[0]:.4f} over {NUM_PAGES} pages (baseline: {scores[1]:.4f})"
    met = found.estimate >= 1.5 and scores[0] >= scores[1] - MARGIN
    return Figure(what, found.estimate, "times", goal, met, found.ci95, detail)


def _compilations(run: ComparisonRun) -> Figure:
    late = {
        name: sum(record.engine.late_compilations for record in records if record.engine)
        for name, records in run.records.items()
    }
    guilty = [name for name, count in late.items() if count]
    detail = f"in {sum(map(len, run.records.values()))} trials" + (f"; {', '.join(guilty)}" if guilty else "")
    return Figure(
        "compilations while steps count", float(sum(late.values())), "graphs", "<= 0", not guilty, detail=detail
    )


def _beside_workers(folder: Path, place: Path) -> list[Figure]:
    """How much longer decoding takes in two workers while ONNX Runtime computes on one thread, spinning and not."""
    alone = {"device": "none", "num_workers": 2, "num_steps": 24, "model_threads": 1, "scaled_decode": False}
    beside = {**alone, "device": "cpu", "engine": "onnx"}
    cores = len(os.sched_getaffinity(0))
    fair = max(1.0, (2 + 1) / cores)  # two workers and one thread, each of which gets its share of the cores
    ways = {"alone": alone, "spinning": beside, "not spinning": {**beside, "spinning": False}}
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(NUM_BLOCKS):
        for name, own in ways.items():
            record = run_trial(_knobs(folder, own), place / "beside")
            row = record.stage("decode", "worker")
            if row is not None:
                took[name].append(row.mean_s)
    figures = []
    for name in ("spinning", "not spinning"):
        what = f"decoding beside ONNX Runtime, {name}, against alone"
        if len(took[name]) < NUM_BLOCKS or len(took["alone"]) < NUM_BLOCKS:
            figures.append(not_taken(what, "a trial failed", unit="times"))
            continue
        found = student_interval(np.log(took[name]) - np.log(took["alone"]), 0.95)
        goal = f"<= {fair * 1.05:.3g}"
        detail = f"2 workers and 1 thread on {cores} cores: {fair:.2f} times is their share, and 5 % for the rest"
        is_met = found.estimate <= fair * 1.05
        figures.append(Figure(what, found.estimate, "times", goal, is_met, found.ci95, detail))
    return figures


def _knobs(folder: Path, own: dict[str, Any]) -> Knobs:
    return parse_knobs({**COMMON, **own, "dataset": str(folder)})


def _faults() -> list[Figure]:
    """The faults that the tests plant, caught once more."""
    suites = {
        "planted faults of a result that are caught": (
            "tests/workloads/ocr/checks/test_results.py",
            "fault or faulty or noise or coarser or different",
        ),
        "engines that are not what they say, and are caught": (
            "tests/measure/inference",
            "error or refused or late or built_anew or another_model",
        ),
    }
    return [_caught(name, path, which) for name, (path, which) in suites.items()]


def _caught(name: str, path: str, which: str) -> Figure:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", path, "-k", which]
    done = subprocess.run(command, cwd=checkout_dir(), capture_output=True, text=True, check=False)
    closing = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else "no output"
    counts = {word.strip(","): int(number) for number, word in zip(closing.split(), closing.split()[1:], strict=False)
              if number.isdigit()}  # fmt: skip
    passed, failed = counts.get("passed", 0), counts.get("failed", 0) + counts.get("error", 0)
    share = passed / max(passed + failed, 1)
    return Figure(name, share, "share", ">= 1", share >= 1.0 and passed > 0, detail=closing)


def _print_table(compared: Comparison) -> None:
    for variant in compared.variants:
        ratio = "-" if variant.speedup is None else f"{variant.speedup.estimate:.2f}x {variant.speedup.ci95}"
        status = variant.checks.status if variant.checks else "-"
        print(f"{variant.name}: {ratio}, {variant.verdict}, {status}", file=sys.stderr)


if __name__ == "__main__":
    main(__doc__, measure)
