"""Runs a notebook for a command: progress as it comes, results below one folder."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.commands.console import show_progress
from workbench.files import notebooks_dir
from workbench.records import Failure
from workbench.registry import INPUTS_CHECKED
from workbench.report.notebook_run import NotebookRun, run_notebook
from workbench.report.outcome import fresh_name
from workbench.report.progress import follow_progress
from workbench.report.room import check_room
from workbench.visible import say

#: What a cell may take beside the trials that it runs, each of which ends by its own timeout.
_OVERHEAD_S = 120.0


def run_headless(
    name: str, parameters: Mapping[str, Any], reports: Path, *, trials_s: float, title: str
) -> NotebookRun:
    """Execute a committed notebook, whose inputs the command has checked.

    Args:
        name: The notebook's name, without its ending.
        parameters: Values by name, as knobs hold them.
        reports: Folder for the results; the executed notebook and its HTML get fresh names in it.
        trials_s: What all trials of the notebook take at most.
        title: Title of the HTML page.

    Raises:
        BadInput: For parameters that the notebook doesn't have.
        NotebookFailed: Where it doesn't get to its end.
        NoRoom: Where the disk has no room for one more trial.
    """
    if note := check_room(reports):
        say(f"Note: {note}", file=sys.stderr)
    with show_progress() as on_progress, follow_progress(on_progress) as environment:
        return run_notebook(
            notebooks_dir() / f"{name}.ipynb",
            {**{knob: _plain(value) for knob, value in parameters.items()}, "reports": str(reports)},
            reports / f"{fresh_name(name)}.ipynb",
            cell_timeout_s=trials_s + _OVERHEAD_S,
            title=title,
            environment={**environment, INPUTS_CHECKED: "1"},
        )


def _plain(value: Any) -> Any:
    """A value as a notebook's cell can be given it: of the containers, lists and dicts alone."""
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value


def exit_code(failures: Sequence[Failure | None]) -> int:
    """0 where nothing failed, 2 where all that failed was the input's fault, else 1."""
    kinds = {failure.kind for failure in failures if failure is not None}
    if not kinds:
        return 0
    return 2 if kinds == {"bad_input"} else 1
