"""Where does the time go? The lanes of a run as bars of their stages, with what no stage explains."""

from __future__ import annotations

import math

import plotly.graph_objects as go

from workbench.explain.breakdown import CLOSES_UP_TO, LEFT_OVER, LaneBreakdown, break_down, find_lane
from workbench.explain.figures.template import (
    LEGEND_ROW_PX,
    SIMULATED_PATTERN,
    TEMPLATE,
    TITLE_PX,
    capital,
    empty_figure,
    plain,
    simulated_note,
    stage_colour,
    text_colour,
    titled,
)
from workbench.explain.headline import largest_part
from workbench.records import Record
from workbench.units import format_duration, format_share

#: A stage below this share of its lane gets no label, and no place in the legend.
_LABEL_FROM = 0.035
_LEGEND_FROM = 0.005

#: Room below the bars for the axis alone.
_AXIS_PX = 62


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
    stages = {**{one: None for one in stages if one not in LEFT_OVER}, **dict.fromkeys(set(stages) & set(LEFT_OVER))}
    bars = [_bars_of(stage, lanes) for stage in stages]
    legend_px = _AXIS_PX + LEGEND_ROW_PX * math.ceil(sum(bool(bar["showlegend"]) for bar in bars) / 6)
    height = TITLE_PX + 58 * len(lanes) + legend_px
    figure = go.Figure(layout={"template": TEMPLATE, "barmode": "stack", "height": height, "margin": {"b": legend_px}})
    for bar in bars:
        figure.add_bar(**bar)
    figure.update_layout(title=_title(record, lanes, name), bargap=0.32, legend_traceorder="normal")
    largest = max(1.0, *(lane.explained for lane in lanes))
    figure.update_xaxes(title="share of the lane's wall time (%)", range=[0, 100 * largest], ticksuffix=" %")
    figure.update_yaxes(autorange="reversed")
    return figure


def _title(record: Record, lanes: list[LaneBreakdown], name: str) -> dict[str, object]:
    main = find_lane(lanes, "main")
    finding = largest_part(main) if main else "where the time goes"
    is_open = any(not lane.closes for lane in lanes)
    if is_open:
        finding = "this breakdown does not close, do not trust it"
    told = f"{name}: {finding}" if name else capital(finding)
    return titled(told, _told(record), simulated_note(record.simulated), is_alarm=is_open)


def _bars_of(stage: str, lanes: list[LaneBreakdown]) -> dict[str, object]:
    rows = [(lane, part) for lane in lanes for part in lane.parts if part.stage == stage]
    colour, name = stage_colour(stage), plain(stage)
    patterns = [SIMULATED_PATTERN["shape"] if part.origin == "simulated" else "" for _, part in rows]
    return {
        "name": name,
        "orientation": "h",
        "y": [_lane_label(lane) for lane, _ in rows],
        "x": [max(part.share, 0.0) * 100 for _, part in rows],  # stages that count twice leave less than nothing
        "text": [f"{name}<br>{_short(part.per_sample_s)}" if part.share >= _LABEL_FROM else "" for _, part in rows],
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
            [format_share(part.share), format_duration(part.per_sample_s), format_duration(part.total_s), part.origin]
            for _, part in rows
        ],
        "hovertemplate": (
            f"<b>{name}</b>: %{{customdata[0]}} of the lane<br>%{{customdata[1]}} a page"
            "<br>%{customdata[2]} in all, %{customdata[3]}<extra></extra>"
        ),
        # A stage that is named in its bar needs no place in the legend.
        "showlegend": any(part.share >= _LEGEND_FROM for _, part in rows)
        and not any(part.share >= _LABEL_FROM for _, part in rows),
    }


def _lane_label(lane: LaneBreakdown) -> str:
    who = {"worker": "worker", "main": "main process", "device": "device"}[lane.lane]
    if lane.processes > 1:
        who = f"{who}s ({lane.processes})"
    elif lane.in_main:
        who = "loading, in 'wait'"
    if not lane.closes:
        told = "does not close"
        if lane.explained > CLOSES_UP_TO:
            told += f", stages are {lane.explained * 100:.0f} % of the whole"
        else:
            told += f": {format_share(min(lane.closure, lane.explained))}"
        return f"{who} <br><span style='font-size:11px;color:#C81E1E'><b>{told}</b></span> "
    if lane.lane == "device":
        return f"{who} "
    return f"{who} <br><span style='font-size:11px;color:#52606D'>closure {format_share(lane.closure)}</span> "


def _told(record: Record) -> str:
    assert record.steady is not None
    pages, wall = record.steady.num_pages, format_duration(record.steady.wall_s)
    return f"{pages} pages in {wall}; milliseconds are of a lane's time for each page"


def _short(seconds: float) -> str:
    return f"{seconds * 1e3:.2g} ms" if seconds < 0.0995 else f"{seconds * 1e3:.0f} ms"
