"""What is a batch's way through the pipeline? Pick one: its pages in the worker, its sending, its step."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from workbench.explain.figures.template import (
    SIMULATED_PATTERN,
    TEMPLATE,
    TITLE_PX,
    empty_figure,
    plain,
    stage_colour,
    titled,
)
from workbench.records import Record
from workbench.units import format_duration

#: Batches to pick from, evenly over the counted steps.
_CHOICES = 12

_ROW_PX = 26


def batch_path(spans: pd.DataFrame, record: Record) -> go.Figure:
    """The stages of one batch in the order of time, with a menu of batches.

    Args:
        spans: The run's spans, with the columns of `records.SPAN_COLUMNS`.
        record: Its record.
    """
    received = spans[(spans["lane"] == "main") & (spans["batch"] >= 0)]["batch"].unique()
    whole = sorted(set(received) & set(spans[spans["lane"] == "worker"]["batch"]))
    if record.steady is not None:
        whole = whole[record.steady.warmup_steps :] or whole
    if not whole:
        return empty_figure("There is no batch that was made by a worker and arrived.")
    chosen = whole[:: max(1, len(whole) // _CHOICES)][:_CHOICES]
    ways = {int(batch): _way(spans, int(batch)) for batch in chosen}
    figure = go.Figure(layout={"template": TEMPLATE, "barmode": "overlay", "bargap": 0.25})
    for number, way in enumerate(ways.values()):
        figure.add_bar(
            orientation="h",
            visible=number == 0,
            showlegend=False,
            y=way["row"],
            base=way["at_ms"],
            x=way["took_ms"],
            customdata=way["count"],
            marker={
                "color": [stage_colour(stage) for stage in way["stage"]],
                "pattern": {**SIMULATED_PATTERN, "shape": ["/" if s else "" for s in way["simulated"]]},
            },
            hovertemplate="<b>%{y}</b><br>from %{base:.2f} ms, %{x:.2f} ms in %{customdata} pieces<extra></extra>",
        )
    buttons = [
        {
            "label": f"batch {batch}",
            "method": "update",
            "args": [{"visible": [other == batch for other in ways]}, {"title.text": _finding(batch, way)}],
        }
        for batch, way in ways.items()
    ]
    first, way = next(iter(ways.items()))
    rows = max(len(way) for way in ways.values())
    figure.update_layout(
        height=TITLE_PX + _ROW_PX * rows + 90,
        title=titled(_finding(first, way), "from its first page in the worker; bars reach from first to last piece"),
        updatemenus=[{"buttons": buttons, "x": 1.0, "xanchor": "right", "y": 1.0, "yanchor": "bottom"}],
    )
    figure.update_xaxes(title="time since the batch was begun (ms)")
    figure.update_yaxes(autorange="reversed")
    return figure


def _way(spans: pd.DataFrame, batch: int) -> pd.DataFrame:
    """The stages of a batch, a row each: when it began and how long until its last piece ended."""
    own = spans[(spans["batch"] == batch) & (spans["stage"] != "idle")]
    origin = own["begin_ns"].min()
    grouped = own.groupby(["lane", "stage"], sort=False).agg(
        begin=("begin_ns", "min"), end=("end_ns", "max"), count=("begin_ns", "size"), origin=("origin", "first")
    )
    rows = grouped.reset_index().sort_values("begin")
    return pd.DataFrame(
        {
            "row": rows["lane"].replace({"main": "main process"}) + ": " + rows["stage"].map(plain),
            "stage": rows["stage"],
            "at_ms": (rows["begin"] - origin) / 1e6,
            "took_ms": (rows["end"] - rows["begin"]) / 1e6,
            "count": rows["count"],
            "simulated": rows["origin"] == "simulated",
        }
    )


def _finding(batch: int, way: pd.DataFrame) -> str:
    ends = way["at_ms"] + way["took_ms"]
    whole_s = float(ends.max()) * 1e-3
    worker = way["row"].str.startswith("worker")
    made_s = float(ends[worker].max()) * 1e-3
    return f"Batch {batch} is {format_duration(whole_s)} under way, {format_duration(made_s)} of it in its worker"
