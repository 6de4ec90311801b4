"""A run as plain figures and tables, where no panel can be shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.explain.figures.html_table import heading, html_table
from workbench.explain.figures.tables import environment_table, knobs_table, run_table, stage_table
from workbench.explain.figures.timeline import timeline
from workbench.explain.figures.where_time_goes import where_time_goes
from workbench.explain.words.headline import run_headline
from workbench.knobs.knobs import Knobs
from workbench.measure.trial.events import Event
from workbench.measure.trial.profiled import run_profiled
from workbench.panel.run_list import RunList
from workbench.records import Record
from workbench.records.run_folder import read_spans
from workbench.workloads.ocr.preflight import check_inputs


def latest_or_new(reports: Path, knobs: Knobs, on_event: Callable[[Event], None] | None = None) -> Record:
    """The newest run of these very knobs below a reports folder; where there is none, it is run.

    Raises:
        BadInput: For a data set that cannot be used.
    """
    runs = RunList(reports)
    runs.refresh()
    for run in runs.newest_first(with_all=True):
        if run.failure is None and run.knobs == knobs:
            return runs.record(run.run_id)
    check_inputs(knobs)
    return run_profiled(knobs, runs.runs, on_event=on_event)


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
