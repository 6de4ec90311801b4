"""Whether whoever shows the notebook can show the panel; where not, why, and the figures that it shows instead."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.explain.figures.html_table import heading, html_table
from workbench.explain.figures.tables import environment_table, knobs_table, run_table, stage_table
from workbench.explain.figures.timeline import timeline
from workbench.explain.figures.where_time_goes import where_time_goes
from workbench.explain.words.headline import run_headline
from workbench.knobs.knobs import Knobs
from workbench.measure.trial.events import Event
from workbench.measure.trial.inputs import check_inputs
from workbench.measure.trial.profiled import run_profiled
from workbench.panel.run_list import RunList
from workbench.records import Record
from workbench.records.run_folder import read_spans

#: Set by a Jupyter server for the kernels of its notebooks; papermill sets none.
_SESSION = "JPY_SESSION_NAME"


@dataclass(frozen=True)
class FrontEnd:
    """What shows the notebook.

    Attributes:
        shows_panel: Whether the panel can be used in it.
        reason: Why not; empty where it can.
    """

    shows_panel: bool
    reason: str = ""


def find_front_end(
    interactive: bool,
    variables: Mapping[str, object],
    *,
    environment: Mapping[str, str] | None = None,
    modules: Mapping[str, object] | None = None,
) -> FrontEnd:
    """Look for signs of the front end.

    JupyterLab and Notebook 7 show the panel; a Jupyter server names its session to the kernel. VS Code and Colab bring
    widgets of their own, in which figures inside the panel stay empty. There, and in a headless run, figures are shown
    instead.

    Args:
        interactive: The notebook's parameter: False in a headless run.
        variables: The notebook's ``globals()``: VS Code leaves a sign there.
        environment: By default that of the process.
        modules: By default those that are imported.
    """
    environment = os.environ if environment is None else environment
    modules = sys.modules if modules is None else modules
    open_lab = "The panel opens in JupyterLab: workbench lab. Here are the figures of a run."
    if not interactive:
        return FrontEnd(False, "A headless run: figures instead of the panel.")
    if "google.colab" in modules or "COLAB_RELEASE_TAG" in environment:
        return FrontEnd(False, f"This is Colab. {open_lab}")
    if "__vsc_ipynb_file__" in variables or "VSCODE_PID" in environment:
        return FrontEnd(False, f"This is VS Code. {open_lab}")
    if not _is_kernel(modules) or _SESSION not in environment:
        return FrontEnd(False, f"There is no notebook around this. {open_lab}")
    return FrontEnd(True)


def _is_kernel(modules: Mapping[str, object]) -> bool:
    """Whether this process is the kernel of a notebook."""
    ipython = modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None  # type: ignore[attr-defined]
    return getattr(shell, "kernel", None) is not None


def latest_or_new(
    reports: Path,
    knobs: Knobs,
    on_event: Callable[[Event], None] | None = None,
    *,
    run: Callable[..., Record] = run_profiled,
) -> Record:
    """The newest run of these very knobs below a reports folder; where there is none, it is run.

    Args:
        reports: The folder for the results.
        knobs: The knobs.
        on_event: Called with the progress of a run.
        run: Runs them: knobs in, record out.

    Raises:
        BadInput: For a data set that cannot be used.
    """
    runs = RunList(reports)
    runs.refresh()
    found = runs.newest_first(with_all=True)
    clean = {summary.profiled_run_id: summary.run_id for summary in found if summary.profiled_run_id}
    for summary in found:
        if summary.failure is None and summary.knobs == knobs:
            return runs.record(clean.get(summary.run_id, summary.run_id))
    check_inputs(knobs)
    return run(knobs, runs.runs, on_event=on_event)


def run_figures(record: Record, folder: Path) -> list[Any]:
    """What a notebook displays of a run.

    Args:
        record: Its record.
        folder: Its run folder.
    """
    shown: list[Any] = [heading(run_headline(record), 2), html_table(run_table(record))]
    if record.steady is not None:
        shown += [where_time_goes(record), html_table(stage_table(record))]
        if record.stages:
            shown.append(timeline(read_spans(folder), record))
    return [*shown, html_table(environment_table([record])), html_table(knobs_table(record.knobs))]
