"""How has throughput changed over time? A line for every set of knobs on every machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from workbench.explain.figures.description import describe, empty_figure, simulated_note
from workbench.explain.figures.template import TEMPLATE, plain
from workbench.explain.history import changed_knobs, machine_of
from workbench.explain.table import Table, make_table, number
from workbench.explain.words.items import item_of
from workbench.records import Record
from workbench.units import counted, format_number

#: Sets of knobs that are shown: those that were measured most often.
_MOST_LINES = 12


@dataclass(frozen=True)
class RateHistory:
    """Throughput over time: a line for every set of knobs on every machine.

    Attributes:
        lines: By knobs and machine, the trials that ended well, those measured most often first.
        left_out: Further sets of knobs.
        item: What one sample is called.
    """

    lines: Mapping[tuple[str, str], Sequence[Record]]
    left_out: int
    item: str

    def table(self) -> Table:
        """A row for each trial."""
        rows = [
            (record.created_at[:16], knobs, number(format_number(record.steady.samples_per_s)))
            for (knobs, _), records in self.lines.items()
            for record in records
            if record.steady
        ]
        return make_table(("trial (UTC)", "knobs", f"{self.item}s/s"), rows)


def rate_history(trials: Sequence[Record]) -> RateHistory:
    """The trials that ended well, those of the same knobs on the same machine together."""
    lines: dict[tuple[str, str], list[Record]] = {}
    for record in trials:
        if record.steady is not None:
            lines.setdefault((changed_knobs(record.knobs), machine_of(record)), []).append(record)
    shown = dict(sorted(lines.items(), key=lambda line: -len(line[1]))[:_MOST_LINES])
    items = {item_of(record) for records in shown.values() for record in records}
    return RateHistory(shown, len(lines) - len(shown), items.pop() if len(items) == 1 else "sample")


def history(trials: Sequence[Record]) -> go.Figure:
    """Samples per second of the trials that ended well, over the time they were run."""
    return draw_history(rate_history(trials))


def draw_history(data: RateHistory) -> go.Figure:
    """A point for each trial; a line joins those of the same knobs on the same machine."""
    if not data.lines:
        return empty_figure("No trial has ended well yet.")
    figure = go.Figure(layout={"template": TEMPLATE, "height": 320 + 22 * len(data.lines)})
    for (knobs, machine), records in data.lines.items():
        about = "<br>".join(("%{customdata}", plain(knobs), plain(machine)))
        figure.add_scatter(
            x=[record.created_at for record in records],
            y=[record.steady.samples_per_s for record in records if record.steady],
            mode="lines+markers",
            name=plain(knobs),
            customdata=[plain(record.run_id) for record in records],
            hovertemplate=f"%{{y:.1f}} {plain(data.item)}s/s<br>{about}<extra></extra>",
        )
    figure.update_layout(legend={"orientation": "h", "yanchor": "top", "y": -0.25})
    figure.update_xaxes(title="time of the trial (UTC)", type="date")
    figure.update_yaxes(title=f"throughput ({plain(data.item)}s/s)", rangemode="tozero")
    return describe(
        figure,
        "Throughput over time",
        "one point a trial; a line joins those of the same knobs on the same machine",
        f"{counted(data.left_out, 'more set')} of knobs left out" if data.left_out else "",
        simulated_note(any(record.simulated for records in data.lines.values() for record in records)),
        axes=f"throughput ({data.item}s/s) by time of the trial (UTC)",
        table=data.table(),
    )
