"""Everything that the profilers of a run have left, in the order in which it is read."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from workbench.explain.figures.annotated_source import annotated_source
from workbench.explain.figures.flame import flame
from workbench.explain.figures.html_table import html_table
from workbench.explain.figures.memory_over_time import memory_over_time
from workbench.explain.figures.operators import operator_table
from workbench.explain.figures.tables import profiler_table
from workbench.records import Record


class Shown:
    """A piece of HTML that a notebook displays."""

    def __init__(self, html: str) -> None:
        self._html = html

    def _repr_html_(self) -> str:
        return self._html


#: What is drawn of each file, under which heading.
_VIEWS: dict[str, tuple[str, Callable[[Path], str | go.Figure]]] = {
    "torch operators": ("Operators by time", operator_table),
    "line times": ("Lines, in every process", annotated_source),
    "stack samples": ("Stacks, of the whole process tree", flame),
}


def show_profilers(record: Record, folder: Path) -> list[Any]:
    """What a notebook displays of the profilers of a run.

    Args:
        record: The run's record.
        folder: Its run folder.
    """
    if not record.knobs.profilers:
        return [Shown("<p>This run went without profilers.</p>")]
    shown: list[Any] = [Shown(profiler_table(record))]
    for name, (heading, view) in _VIEWS.items():
        if name in record.profiles:
            drawn = view(folder / record.profiles[name])
            shown += [Shown(f"<h3>{heading}</h3>"), Shown(drawn) if isinstance(drawn, str) else drawn]
    if "torch operators" in record.profiles:
        by_memory = operator_table(folder / record.profiles["torch operators"], by="memory")
        shown += [Shown("<h3>Operators by memory</h3>"), Shown(by_memory)]
    if "memory over time" in record.profiles:
        cores = record.environment.cores if record.environment else None
        shown.append(memory_over_time(folder / record.profiles["memory over time"], cores=cores))
    shown.append(Shown(_files(record)))
    return shown


def _files(record: Record) -> str:
    """Where the files lie, and what opens them."""
    opens = {
        "timeline": "Perfetto (ui.perfetto.dev) or chrome://tracing: all processes on one clock",
        "torch trace": "tensorboard --logdir on its folder, with torch-tb-profiler; or Perfetto",
        "stack samples": "speedscope (speedscope.app)",
    }
    rows = [
        (escape(name), f"<code>{escape(path)}</code>", escape(opens.get(name, "")))
        for name, path in record.profiles.items()
    ]
    notes = "".join(f"<li>{escape(note)}</li>" for note in record.notes)
    table = html_table(("what", "in the run folder", "opens in"), rows, caption="Files that the profilers left")
    return f"{table}<ul>{notes}</ul>" if notes else table
