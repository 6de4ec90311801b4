"""What does each step cost a page? The worker's stages in their place, with their spread."""

from __future__ import annotations

import plotly.graph_objects as go

from workbench.explain.figures.template import TEMPLATE, TITLE_PX, empty_figure, stage_colour, titled
from workbench.records import Record
from workbench.units import format_duration


def transforms_in_place(record: Record) -> go.Figure:
    """A bar for every step that is done page by page: its mean, with lines from the median to the 95th percentile.

    Args:
        record: A run.
    """
    steps = [row for row in record.stages if row.lane == "worker" and row.per == "page" and not row.background]
    if not steps:
        return empty_figure("No step was timed page by page in this run: pages come whole from a cache, or untimed.")
    figure = go.Figure(layout={"template": TEMPLATE, "height": TITLE_PX + 60 + 34 * len(steps), "showlegend": False})
    figure.add_bar(
        orientation="h",
        y=[f"{row.name}, {format_duration(row.mean_s)} " for row in steps],
        x=[row.mean_s * 1e3 for row in steps],
        marker={"color": [stage_colour(row.name) for row in steps]},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [max(row.p95_s - row.mean_s, 0.0) * 1e3 for row in steps],
            "arrayminus": [max(row.mean_s - row.p50_s, 0.0) * 1e3 for row in steps],
            "thickness": 1,
        },
        customdata=[[format_duration(row.p50_s), format_duration(row.p95_s), row.count, row.origin] for row in steps],
        hovertemplate=(
            "<b>%{y}</b> a page on the average<br>median %{customdata[0]}, 95 % within %{customdata[1]}"
            "<br>%{customdata[2]} times, %{customdata[3]}<extra></extra>"
        ),
    )
    largest = max(steps, key=lambda row: row.mean_s)
    whole_s = sum(row.total_s for row in steps)
    share = f"{largest.total_s / whole_s * 100:.0f} % of what is done page by page" if whole_s else ""
    figure.update_layout(
        title=titled(
            f"'{largest.name}' takes most: {share}",
            "each step in its place, on the input that it really gets",
            "bars are means, lines reach from the median to the 95th percentile",
        )
    )
    figure.update_xaxes(title="time of a worker for each page (ms)", rangemode="tozero")
    figure.update_yaxes(autorange="reversed", type="category")
    return figure
