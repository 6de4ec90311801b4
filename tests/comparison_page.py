"""The page of a comparison of records made by hand: all that a report shows, without running a trial."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nbformat
import numpy as np
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from record_factory import make_failed, make_lane, make_record, make_stage

from workbench.explain.diagnosis.cause import Cause
from workbench.explain.diagnosis.plan import PlanStep
from workbench.explain.figures import check_pictures, costs, tables, throughput, verdicts, where_time_goes
from workbench.explain.figures.comparison_tables import verdict_table
from workbench.explain.figures.html_table import bullets, html_table, margins, side_by_side
from workbench.explain.verdicts.comparison import compare
from workbench.explain.words.headline import comparison_headline
from workbench.explain.words.margins import what_it_rests_on, what_would_change
from workbench.explain.words.verdicts import how_it_was_measured
from workbench.records import Check, Checks, Comparison
from workbench.report.html import export_html
from workbench.report.outcome import headline

NUM_FIGURES = 4


def make_comparison(*, prefix: str = "") -> Comparison:
    """One variant of every verdict; their names begin with `prefix`."""
    records = {
        "baseline": [make_record(rate) for rate in (100, 101, 99)],
        f"{prefix}RAM image cache": [
            make_record(rate, cache="decoded", cache_fill_s=1.0, startup_s=6.0) for rate in (150, 152, 149)
        ],
        f"{prefix}prepared cache + device normalize": [
            make_record(rate, cache="prepared", normalize="device") for rate in (190, 150, 240)
        ],
        f"{prefix}one worker": [make_record(rate, num_workers=1) for rate in (70, 71, 69)],
        f"{prefix}the same again": [make_record(rate) for rate in (100.1, 101.3, 99.0)],
        f"{prefix}out of memory": [make_failed(message=f"{prefix}the worker was killed")],
    }
    comparison = compare(records, baseline="baseline", order=[list(records)] * 3, seed=0)
    check = Check(
        name=f"{prefix}images",
        status="within_tolerance",
        measured="0.40 levels at most",
        allowed="1.00 levels",
        reason="another library rounds otherwise",
    )
    variants = [
        variant.model_copy(update={"checks": Checks(checks=[check], num_samples=4)})
        if variant.name.endswith("RAM image cache")
        else variant
        for variant in comparison.variants
    ]
    return comparison.model_copy(update={"variants": variants})


@dataclass(frozen=True)
class Pictures:
    """A sample as both models receive it."""

    name: str
    baseline: np.ndarray
    variant: np.ndarray
    difference: np.ndarray


def write_page(path: Path, *, prefix: str = "") -> Path:
    """The page as HTML.

    Args:
        path: The HTML file.
        prefix: What the names of variants, pages and stages begin with.
    """
    comparison = make_comparison(prefix=prefix)
    pixels = np.linspace(0, 255, 200 * 200 * 3).reshape(200, 200, 3).astype(np.uint8)
    samples = [Pictures(f"{prefix}page.jpg", pixels, pixels, np.zeros((200, 200), np.float32))]
    stages = [make_stage("worker", f"{prefix}decode", 1.9), make_stage("main", "wait", 0.98)]
    lanes = [make_lane("main", 1.0, 0.98), make_lane("worker", 2.0, 1.9, processes=2)]
    record = make_record(stages=stages, lanes=lanes)
    variant = f"{prefix}RAM image cache"
    causes = [Cause("loader-bound", f"{prefix}decode", "It takes 8 ms (`cache=prepared`).", 0.25)]
    command = f"workbench compare '{prefix}'"
    steps = [PlanStep({"cache": "prepared"}, "loader-bound", None, 0.2, False, "78.6 MB", command)]
    parts = {
        "## How sure is it?": [verdicts.verdicts(comparison), throughput.throughput(comparison)],
        "## Where the time goes": [where_time_goes.where_time_goes(record, name=variant)],
        "## What does it cost?": [costs.costs(comparison)],
        "## Is the result still the same?": [
            check_pictures.check_pictures(samples, baseline="baseline", variant=variant)
        ],
        "## What would change the verdict": [margins(what_would_change(comparison), what_it_rests_on(comparison))],
        "## What bounds it, and what to try next": [
            html_table(tables.diagnosis_table(causes)),
            html_table(tables.plan_table(steps)),
        ],
        "## How it was measured": [
            bullets(how_it_was_measured(comparison)),
            side_by_side(tables.environment_table([record]), tables.knobs_table(record.knobs)),
        ],
    }
    answer = [headline(comparison_headline(comparison)).data, html_table(verdict_table(comparison))]
    cells = [new_markdown_cell("# Which variant is faster?"), _shown(answer)]
    for heading, shown in parts.items():
        cells += [new_markdown_cell(heading), _shown(shown)]
    notebook = path.with_suffix(".ipynb")
    nbformat.write(new_notebook(cells=cells), notebook)
    return export_html(notebook, path, title=f"{prefix}A comparison")


def _shown(parts: list) -> nbformat.NotebookNode:
    outputs = []
    for part in parts:
        if isinstance(part, str):
            data = {"text/html": part}
        else:
            data = {"application/vnd.plotly.v1+json": part.to_plotly_json(), "text/plain": "Figure"}
        outputs.append(new_output("display_data", data))
    return new_code_cell("", execution_count=1, outputs=outputs)
