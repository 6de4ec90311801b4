"""Profilers: are their figures right, and what do they cost?

- The transforms in place against the measured chain, on drawn pages and on real ones beside the checkout.
- The lines of a function, summed over all workers, against the stage clock of the same function.
- A stage's span in the merged trace against a mark that torch.profiler itself has set around the same stage.
- The overhead of every profiler, at 0 and 2 workers: a comparison of trials with and without it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from promise.figure import Figure, main, not_taken

from workbench.explain.verdicts.effect import estimate, paired_log_ratios
from workbench.files import cache_dir
from workbench.knobs.joined import parse_knobs
from workbench.knobs.measuring import PROFILERS
from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.run import run_comparison
from workbench.measure.profilers.torch_trace import read_trace
from workbench.measure.trial.launcher import run_trial
from workbench.records import Record
from workbench.records.run_folder import read_spans
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.study_process import read_study, run_study
from workbench.workloads.ocr.synthetic.draw import VERSION, draw_pages

NUM_PAGES = 60
NUM_BLOCKS = 4
REAL_PAGES = Path(__file__).resolve().parents[2] / "shared/real_pages/mmocr-1.x/tests/data/det_toy_dataset"
TARGETS = "workbench.workloads.ocr.targets.compute_targets"


def transforms(name: str, folder: Path) -> Figure:
    """How far the transforms in place are from adding up to the chain."""
    what, goal = f"transforms in place against the chain, {name}", "within 0.02 of 1"
    if not folder.is_dir():
        return Figure(what, None, "share", goal, False, detail=f"there are no pages at {folder.name}")
    with tempfile.TemporaryDirectory() as runs:
        study = read_study(run_study(OcrKnobs(dataset=str(folder), num_pages=NUM_PAGES), Path(runs)))
    value = study.closure_in_place
    detail = (
        f"{study.num_pages} pages, {study.rounds} rounds; alone on the full page they are {study.closure_isolated:.2f}"
    )
    return Figure(what, value, "share", goal, abs(value - 1.0) <= 0.02, detail=detail)


def lines(record: Record, folder: Path) -> Figure:
    """The lines of the target maps against their stage."""
    name, goal = "lines against their stage", "within 0.05 of 1"
    if "line times" not in record.profiles:
        return not_taken(name, _without(record), unit="share", goal=goal)
    merged = json.loads((folder / record.profiles["line times"]).read_text(encoding="utf-8"))
    timed = next(function["total_s"] for function in merged["functions"] if function["path"] == TARGETS)
    spans = read_spans(folder)
    own = spans[(spans["stage"] == "targets") & (spans["lane"] == "worker")]
    value = timed / float((own["end_ns"] - own["begin_ns"]).sum() * 1e-9)
    detail = f"compute_targets in {len(merged['processes'])} processes, {len(own)} pages"
    return Figure(name, value, "share", goal, abs(value - 1.0) <= 0.05, detail=detail)


def alignment(record: Record, folder: Path) -> Figure:
    """Microseconds between the begins of the same stage in the stage clock and in torch's trace."""
    name, goal = "clock alignment", "<= 50"
    if "torch trace" not in record.profiles:
        return not_taken(name, _without(record), unit="us", goal=goal)
    events, offset = read_trace(folder / record.profiles["torch trace"])
    spans = read_spans(folder)
    begins = np.sort(spans[(spans["lane"] == "main") & (spans["stage"] == "forward")]["begin_ns"].to_numpy() / 1e3)
    marked = [float(event["ts"]) + (offset or 0.0) for event in events if event["name"] == "workbench forward"]
    apart = [float(np.abs(begins - at).min()) for at in marked]
    if offset is None or not apart:
        return not_taken(name, "there are no marks in the torch trace", unit="us", goal=goal)
    value = max(apart)
    detail = f"largest of {len(apart)} forward stages, median {np.median(apart):.1f} us"
    return Figure(name, value, "us", goal, value <= 50.0, detail=detail)


def _without(record: Record) -> str:
    """Why a trial has left no profile."""
    return record.failure.message if record.failure else "; ".join(record.notes) or "the trial has left no profile"


def overheads(folder: Path, place: Path) -> list[Figure]:
    """What each profiler costs, as a factor on the time."""
    return [figure for workers in (0, 2) for figure in _overheads(folder, place / f"{workers}-workers", workers)]


def _overheads(folder: Path, place: Path, workers: int) -> list[Figure]:
    base = parse_knobs(
        {"dataset": str(folder), "num_workers": workers, "batch_size": 4, "num_steps": 45, "device": "replay",
         "checked_samples": 0}
    )  # fmt: skip
    variants = {"without": base, **{profiler: base.changed(profilers=(profiler,)) for profiler in PROFILERS}}
    journal = Journal.begin(place, variants, runs=place / "runs", seed=workers, num_blocks=NUM_BLOCKS)
    compared = run_comparison(
        journal, on_trial=lambda done, total, name, record: print(f"[{done}/{total}] {name}", file=sys.stderr)
    )
    figures = []
    for profiler in PROFILERS:
        # The time with it over the time without: the throughput without it over that with it.
        ratios = paired_log_ratios(compared.records["without"], compared.records[profiler])
        factor = estimate(ratios, compared.state.policy, num_compared=len(PROFILERS))
        what = f"overhead of {profiler}, {workers} workers"
        if factor is None:
            figures.append(Figure(what, None, "factor", "measured", False, detail="did not run"))
        else:
            detail = "time with over without"
            figures.append(Figure(what, factor.estimate, "factor", "measured", True, factor.ci95, detail))
    return figures


def measure() -> list[Figure]:
    """All figures."""
    folder = draw_pages(cache_dir() / f"profilers-{NUM_PAGES}-v{VERSION}", count=NUM_PAGES, seed=3)
    figures = [transforms("drawn pages", folder), transforms("real pages", REAL_PAGES)]
    with tempfile.TemporaryDirectory() as place:
        runs = Path(place, "runs")
        knobs = parse_knobs(
            {"dataset": str(folder), "profilers": "lines", "line_functions": TARGETS, "device": "replay"}
        )
        record = run_trial(knobs, runs)
        figures.append(lines(record, runs / record.run_id))
        knobs = parse_knobs(
            {"dataset": str(folder), "profilers": "torch", "device": "cpu", "encoder": "lcnet_050", "neck": "fpn_small",
             "batch_size": 4, "num_steps": 12}
        )  # fmt: skip
        record = run_trial(knobs, runs)
        figures.append(alignment(record, runs / record.run_id))
        figures += overheads(folder, Path(place))
    return figures


if __name__ == "__main__":
    main(__doc__, measure)
