"""Where does the time go? The lanes of a run as bars of their stages, with what no stage explains."""

from __future__ import annotations

import plotly.graph_objects as go

from workbench.analysis.breakdown import LaneBreakdown, break_down
from workbench.figures.template import (
    LEGEND_PX,
    LEGEND_ROW_PX,
    SIMULATED_PATTERN,
    TEMPLATE,
    empty_figure,
    stage_colour,
    text_colour,
)
from workbench.records import Record
from workbench.units import format_duration, format_share

#: A stage below this share of its lane gets no label, and no place in the legend.
_LABEL_FROM = 0.035
_LEGEND_FROM = 0.005


def where_time_goes(record: Record, *, name: str = "") -> go.Figure:
    """One bar for each lane, its stages in the order of the work; simulated ones are hatched.

    Args:
        record: A run.
        name: What to call it in the title.
    """
    lanes = break_down(record)
    if not lanes:
        return empty_figure("No stage was timed in this run.")
    stages = dict.fromkeys(part.stage for lane in lanes for part in lane.parts)
    legend_px = LEGEND_PX + LEGEND_ROW_PX * (len(stages) // 6)
    height = 90 + 58 * len(lanes) + legend_px
    layout = {"template": TEMPLATE, "barmode": "stack", "height": height, "margin": {"b": legend_px}}
    figure = go.Figure(layout=layout)
    for stage in stages:
        figure.add_bar(**_bars_of(stage, lanes))
    title = f"Where the time goes{f': {name}' if name else ''}"
    figure.update_layout(title=f"{title} ({_told(record)})", bargap=0.32, legend_traceorder="normal")
    figure.update_xaxes(title="share of the lane's wall time (%)", range=[0, 100], ticksuffix=" %")
    figure.update_yaxes(autorange="reversed")
    return figure


def _bars_of(stage: str, lanes: list[LaneBreakdown]) -> dict[str, object]:
    rows = [(lane, part) for lane in lanes for part in lane.parts if part.stage == stage]
    colour = stage_colour(stage)
    patterns = [SIMULATED_PATTERN["shape"] if part.origin == "simulated" else "" for _, part in rows]
    return {
        "name": stage,
        "orientation": "h",
        "y": [_lane_label(lane) for lane, _ in rows],
        "x": [part.share * 100 for _, part in rows],
        "text": [f"{stage}<br>{_short(part.per_page_s)}" if part.share >= _LABEL_FROM else "" for _, part in rows],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "textfont": {"color": text_colour(colour), "size": 11},
        "constraintext": "inside",
        "marker": {
            "color": colour,
            "line": {"color": "white", "width": 0.6},
            "pattern": {**SIMULATED_PATTERN, "shape": patterns},
        },
        "customdata": [
            [format_share(part.share), format_duration(part.per_page_s), format_duration(part.total_s), part.origin]
            for _, part in rows
        ],
        "hovertemplate": (
            f"<b>{stage}</b>: %{{customdata[0]}} of the lane<br>%{{customdata[1]}} a page"
            "<br>%{customdata[2]} in all, %{customdata[3]}<extra></extra>"
        ),
        "showlegend": any(part.share >= _LEGEND_FROM for _, part in rows),
    }


def _lane_label(lane: LaneBreakdown) -> str:
    several = "workers" if lane.processes > 1 else "worker"
    who = {"worker": several, "main": "main process", "device": "device"}[lane.lane]
    count = f" ({lane.processes})" if lane.processes > 1 else ""
    if lane.lane == "device":
        return f"{who}{count} "
    closure = f"closure {format_share(lane.closure)}"
    if not lane.closes:
        closure = f"<span style='color:#C81E1E'><b>does not close: {format_share(lane.closure)}</b></span>"
    return f"{who}{count} <br><sub>{closure}</sub> "


def _told(record: Record) -> str:
    assert record.steady is not None
    pages = f"{record.steady.num_pages} pages in {format_duration(record.steady.wall_s)}"
    return f"{pages}; device simulated" if record.simulated else pages


def _short(seconds: float) -> str:
    return f"{seconds * 1e3:.2g} ms" if seconds < 0.0995 else f"{seconds * 1e3:.0f} ms"
