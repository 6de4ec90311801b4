"""explore.ipynb where no panel can be shown: figures, no widgets, and no holes where widgets would be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from workbench.records.run_folder import list_runs
from workbench.report.html import export_html

pytestmark = pytest.mark.real

QUICK = (
    "device=replay", "replay_ms_per_sample=0.1", "num_pages=4", "num_workers=0", "batch_size=2", "num_steps=2",
    "image_size=160", "isolated_samples=2", "checked_samples=0",
)  # fmt: skip

#: What a page shows in the place of a widget that has no kernel, and what a notebook keeps of it.
HOLES = ("application/vnd.jupyter.widget-view+json", "Loading widget", "VBox(children", "Output()")


def execute(checkout: Path, folder: Path, reports: Path, *arguments: str, **environment: str) -> Any:
    """The notebook, executed by papermill."""
    knobs = [argument for knob in QUICK for argument in ("-p", *knob.split("="))]
    out = folder / "out.ipynb"
    command = [
        sys.executable, "-m", "papermill", "--execution-timeout", "120", str(checkout / "notebooks" / "explore.ipynb"),
        str(out), *knobs, "-p", "reports", str(reports), *arguments,
    ]  # fmt: skip
    own = {name: value for name, value in os.environ.items() if name != "JPY_SESSION_NAME"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env={**own, **environment})
    assert done.returncode == 0, done.stderr[-2000:]
    return nbformat.read(out, as_version=4)


def holes(notebook: Any, page: str = "") -> list[str]:
    text = nbformat.writes(notebook) + page
    return [hole for hole in HOLES if hole in text.replace("\\n", "\n")]


@pytest.fixture(scope="module")
def first(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a headless run that found no results."""
    folder = tmp_path_factory.mktemp("first")
    execute(checkout, folder, folder / "reports", "-p", "interactive", "False")
    return folder


@pytest.fixture
def reports(first: Path) -> Path:
    """The results of that run."""
    return first / "reports"


def look(folder: Path, reason: str) -> None:
    """Whether a notebook that was executed says why it shows no panel, and has figures and no holes."""
    notebook = nbformat.read(folder / "out.ipynb", as_version=4)
    page = export_html(folder / "out.ipynb", folder / "out.html").read_text(encoding="utf-8")
    assert holes(notebook, page) == []
    assert reason in page
    assert "widgets" not in notebook.metadata
    assert page.count('class="wb-plot"') == 2


def test_a_headless_run_has_figures_and_no_holes(first, reports) -> None:
    look(first, "A headless run")
    assert len(list(list_runs(reports / "runs"))) == 1


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({}, "There is no notebook around this"),
        ({"JPY_SESSION_NAME": "explore.ipynb", "VSCODE_PID": "1"}, "This is VS Code"),
    ],
    ids=["papermill as it stands", "VS Code"],
)
def test_there_are_figures_and_no_holes(checkout, tmp_path, reports, environment, reason) -> None:
    execute(checkout, tmp_path, reports, **environment)
    look(tmp_path, reason)
    assert len(list(list_runs(reports / "runs"))) == 1, "a run of these knobs is shown again, and not run again"


def test_a_panel_in_a_headless_run_would_be_found(checkout: Path, tmp_path: Path, reports: Path) -> None:
    """The planted fault: a kernel that takes itself for one of a notebook in JupyterLab."""
    notebook = execute(checkout, tmp_path, reports, JPY_SESSION_NAME="explore.ipynb")

    assert HOLES[0] in holes(notebook)
