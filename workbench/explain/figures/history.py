"""How has throughput changed over time? A line for every set of knobs on every machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

import plotly.graph_objects as go

from workbench.explain.figures.template import TEMPLATE, empty_figure, simulated_note, titled
from workbench.explain.history import changed_knobs, machine_of
from workbench.records import Record

#: Sets of knobs that are shown: those that were measured most often.
_MOST_LINES = 12


def history(trials: Sequence[Record]) -> go.Figure:
    """Pages per second of the trials that ended well, over the time they were run."""
    lines: dict[tuple[str, str], list[Record]] = {}
    for record in trials:
        if record.steady is not None:
            lines.setdefault((changed_knobs(record.knobs), machine_of(record)), []).append(record)
    if not lines:
        return empty_figure("No trial has ended well yet.")
    shown = sorted(lines.items(), key=lambda line: -len(line[1]))[:_MOST_LINES]
    figure = go.Figure(layout={"template": TEMPLATE, "height": 320 + 22 * len(shown)})
    for trace in _traces(shown):
        figure.add_scatter(**trace)
    left_out = len(lines) - len(shown)
    figure.update_layout(
        title=titled(
            "Throughput over time",
            "one point a trial; a line joins those of the same knobs on the same machine"
            + (f"; {left_out} more sets of knobs are left out" if left_out else ""),
            simulated_note(any(record.simulated for _, own in shown for record in own)),
        ),
        legend={"orientation": "h", "yanchor": "top", "y": -0.25},
    )
    figure.update_xaxes(title="time of the trial (UTC)", type="date")
    figure.update_yaxes(title="throughput [pages/s]", rangemode="tozero")
    return figure


def _traces(lines: Sequence[tuple[tuple[str, str], list[Record]]]) -> Iterator[dict[str, object]]:
    for (knobs, machine), records in lines:
        about = "<br>".join(("%{customdata}", escape(knobs), escape(machine)))
        yield {
            "x": [record.created_at for record in records],
            "y": [record.steady.samples_per_s for record in records if record.steady],
            "mode": "lines+markers",
            "name": escape(knobs),
            "customdata": [record.run_id for record in records],
            "hovertemplate": f"%{{y:.1f}} pages/s<br>{about}<extra></extra>",
        }
