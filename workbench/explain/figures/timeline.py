"""What happened when? Workers, main process and device on one time axis, a few batches long."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from workbench.explain.breakdown import WAITING
from workbench.explain.figures.template import (
    LEGEND_PX,
    LEGEND_ROW_PX,
    SIMULATED_PATTERN,
    TEMPLATE,
    TITLE_PX,
    empty_figure,
    plain,
    stage_colour,
    titled,
)
from workbench.records import Record
from workbench.units import format_duration, format_share

#: More bars than this are slow to draw and cannot be told apart.
MAX_BARS = 2000
_WINDOW_BATCHES = 4

#: Stages that are shorter than this share of the window cannot be seen, and need no legend.
_VISIBLE_FROM = 0.004


def timeline(spans: pd.DataFrame, record: Record) -> go.Figure:
    """A stretch from the middle of the run.

    Args:
        spans: The run's spans, with the columns of `records.SPAN_COLUMNS`.
        record: Its record.
    """
    window = choose_window(spans, record)
    if window.empty:
        return empty_figure("There are no spans to draw.")
    origin = window["begin_ns"].min()
    rows = _rows(window)
    longest = (window["end_ns"] - window["begin_ns"]).groupby(window["stage"]).max()
    visible = set(longest.index[longest >= _VISIBLE_FROM * (window["end_ns"].max() - origin)])
    legend_px = LEGEND_PX + LEGEND_ROW_PX * ((len(visible) - 1) // 6)
    height = TITLE_PX + 34 * len(rows) + legend_px
    layout = {"template": TEMPLATE, "barmode": "overlay", "bargap": 0.2, "height": height, "margin": {"b": legend_px}}
    figure = go.Figure(layout=layout)
    for stage, group in window.groupby("stage", sort=False):
        is_simulated = (group["origin"] == "simulated").any()
        name = plain(str(stage))
        figure.add_bar(
            name=name,
            orientation="h",
            showlegend=stage in visible,
            y=group["row"],
            base=(group["begin_ns"] - origin) / 1e6,
            x=(group["end_ns"] - group["begin_ns"]) / 1e6,
            marker={
                "color": stage_colour(str(stage)),
                "line": {"width": 0},
                "pattern": SIMULATED_PATTERN if is_simulated else {},
            },
            customdata=group[["batch", "page"]],
            hovertemplate=(
                f"<b>{name}</b> %{{x:.3f}} ms<br>batch %{{customdata[0]}}, page %{{customdata[1]}}<extra></extra>"
            ),
        )
    simulated = "the device is simulated (hatched)" if (window["origin"] == "simulated").any() else ""
    figure.update_layout(title=titled(_finding(window), "who does what, and who waits for whom", simulated))
    figure.update_xaxes(title="time (ms)")
    figure.update_yaxes(categoryorder="array", categoryarray=rows[::-1])
    return figure


def _finding(window: pd.DataFrame) -> str:
    length_ns = window["end_ns"].max() - window["begin_ns"].min()
    main = window[(window["lane"] == "main") & ~window["background"].astype(bool)]
    waiting = main[main["stage"].isin(WAITING)]
    share = (waiting["end_ns"] - waiting["begin_ns"]).sum() / length_ns
    waits = f"the main process waits for pages or the device {format_share(share)} of the time"
    return f"In these {format_duration(length_ns * 1e-9)} of the run {waits}"


def choose_window(spans: pd.DataFrame, record: Record) -> pd.DataFrame:
    """The spans of a few batches from the middle of the run, at most `MAX_BARS`, each with the label of its row."""
    main = spans[(spans["lane"] == "main") & (spans["batch"] >= 0)]
    if main.empty:
        return spans.iloc[:0]
    batches = sorted(main["batch"].unique())
    first = batches[len(batches) // 2]
    for count in range(_WINDOW_BATCHES, 0, -1):
        own = main[(main["batch"] >= first) & (main["batch"] < first + count)]
        begin, end = own["begin_ns"].min(), own["end_ns"].max()
        window = spans[(spans["end_ns"] > begin) & (spans["begin_ns"] < end)]
        if len(window) <= MAX_BARS:
            break
    # The longest spans are those that are seen.
    window = window.assign(length=window["end_ns"] - window["begin_ns"]).nlargest(MAX_BARS, "length")
    clipped = window.assign(begin_ns=window["begin_ns"].clip(lower=begin), end_ns=window["end_ns"].clip(upper=end))
    labels = [_row_label(*row) for row in zip(window["lane"], window["process"], window["background"], strict=True)]
    labelled: pd.DataFrame = clipped.assign(row=labels).sort_values("begin_ns")
    return labelled


def _row_label(lane: str, process: int, background: bool) -> str:
    if lane == "worker":
        return f"worker {process}, sending " if background else f"worker {process} "
    if lane == "main":
        return "main, receiving " if background else "main process "
    return "device "


def _rows(window: pd.DataFrame) -> list[str]:
    order = window["lane"].map({"worker": 0, "main": 1, "device": 2})
    keys = window.assign(order=order).sort_values(["order", "process", "background"])
    return [str(row) for row in keys["row"].unique()]
