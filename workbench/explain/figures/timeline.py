"""What happened when? Workers, main process and device on one time axis; and one batch's way through the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from workbench.explain.figures.description import describe, empty_figure
from workbench.explain.figures.template import (
    LEGEND_PX,
    LEGEND_ROW_PX,
    SIMULATED_PATTERN,
    TEMPLATE,
    TITLE_PX,
    colour_of,
    colours_of,
    plain,
)
from workbench.explain.table import Table, make_table, number
from workbench.explain.words.items import item_of
from workbench.records import Record
from workbench.units import format_duration, format_share

#: More bars than this are slow to draw and cannot be distinguished.
MAX_BARS = 2000
_WINDOW_BATCHES = 4

#: Stages that are shorter than this share of the window cannot be seen, and need no legend.
_VISIBLE_FROM = 0.004

#: Batches to pick from, evenly over the counted steps.
_CHOICES = 12

_ROW_PX = 26


@dataclass(frozen=True)
class Window:
    """A stretch of a run.

    Attributes:
        spans: Its spans: `row` (label), `stage`, `at_ms` since its begin, `took_ms`, `batch`, `sample`, `lane`,
            `background`, `simulated`.
        rows: The labels from top to bottom.
        length_ms: Its length.
        waiting: Stages in which the main process waits for another lane.
        colours: By stage (`template.colours_of`).
        item: What one sample is called.
    """

    spans: pd.DataFrame
    rows: tuple[str, ...]
    length_ms: float
    waiting: tuple[str, ...]
    colours: Mapping[str, str]
    item: str

    @property
    def finding(self) -> str:
        """What it shows, in a sentence."""
        main = self.spans[(self.spans["lane"] == "main") & ~self.spans["background"]]
        waits_ms = float(main[main["stage"].isin(self.waiting)]["took_ms"].sum())
        share = format_share(waits_ms / self.length_ms)
        waits = f"the main process waits for {self.item}s or the device {share} of the time"
        return f"In these {format_duration(self.length_ms * 1e-3)} of the run {waits}"

    def table(self) -> Table:
        """How long each row is in which stage."""
        totals = self.spans.groupby(["row", "stage"], sort=False)["took_ms"].agg(["sum", "size"])
        rows = [
            (row.strip(), stage, number(f"{total:.3g}"), number(str(count)))
            for (row, stage), total, count in zip(totals.index, totals["sum"], totals["size"], strict=True)
        ]
        return make_table(("process", "stage", "in these moments (ms)", "spans"), rows)


def window_of(spans: pd.DataFrame, record: Record) -> Window | None:
    """A few batches from the middle of a run, at most `MAX_BARS` spans; None where there are none.

    Args:
        spans: The run's spans, with the columns of `records.SPAN_COLUMNS`.
        record: Its record.
    """
    main = spans[(spans["lane"] == "main") & (spans["batch"] >= 0)]
    if main.empty:
        return None
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
    window = window.assign(begin_ns=window["begin_ns"].clip(lower=begin), end_ns=window["end_ns"].clip(upper=end))
    window = window.sort_values("begin_ns")
    origin = window["begin_ns"].min()
    lane_order = window["lane"].map({"worker": 0, "main": 1, "device": 2})
    shown = pd.DataFrame(
        {
            "row": [
                _row_label(*row) for row in zip(window["lane"], window["process"], window["background"], strict=True)
            ],
            "stage": window["stage"],
            "at_ms": (window["begin_ns"] - origin) / 1e6,
            "took_ms": (window["end_ns"] - window["begin_ns"]) / 1e6,
            "batch": window["batch"],
            "sample": window["sample"],
            "lane": window["lane"],
            "background": window["background"].astype(bool),
            "simulated": window["origin"] == "simulated",
        }
    )
    order = shown.assign(lane=lane_order, process=window["process"]).sort_values(["lane", "process", "background"])
    rows = tuple(str(row) for row in order["row"].unique())
    length_ms = float((window["end_ns"].max() - origin) / 1e6)
    waiting = record.catalogue.names("wait", lane="main")
    return Window(shown, rows, length_ms, waiting, colours_of(record), item_of(record))


def _row_label(lane: str, process: int, background: bool) -> str:
    if lane == "worker":
        return f"worker {process}, sending " if background else f"worker {process} "
    if lane == "main" and process:
        return f"main, results {process} "
    if lane == "main":
        return "main, receiving " if background else "main process "
    return "device "


def timeline(spans: pd.DataFrame, record: Record) -> go.Figure:
    """A stretch from the middle of a run, as a figure (see `window_of` for the arguments)."""
    window = window_of(spans, record)
    return empty_figure("There are no spans to draw.") if window is None else draw_timeline(window)


def draw_timeline(data: Window) -> go.Figure:
    """A row for each process, a bar for each span; simulated ones are hatched."""
    longest = data.spans.groupby("stage")["took_ms"].max()
    visible = set(longest.index[longest >= _VISIBLE_FROM * data.length_ms])
    legend_px = LEGEND_PX + LEGEND_ROW_PX * ((len(visible) - 1) // 6)
    height = TITLE_PX + 34 * len(data.rows) + legend_px
    layout = {"template": TEMPLATE, "barmode": "overlay", "bargap": 0.2, "height": height, "margin": {"b": legend_px}}
    figure = go.Figure(layout=layout)
    for stage, group in data.spans.groupby("stage", sort=False):
        name = plain(str(stage))
        figure.add_bar(
            name=name,
            orientation="h",
            showlegend=stage in visible,
            y=[plain(row) for row in group["row"]],
            base=group["at_ms"],
            x=group["took_ms"],
            marker={
                "color": data.colours.get(str(stage)) or colour_of(str(stage)),
                "line": {"width": 0},
                "pattern": SIMULATED_PATTERN if group["simulated"].any() else {},
            },
            customdata=group[["batch", "sample"]],
            hovertemplate=(
                f"<b>{name}</b> %{{x:.3f}} ms<br>batch %{{customdata[0]}}, {plain(data.item)} %{{customdata[1]}}"
                "<extra></extra>"
            ),
        )
    figure.update_xaxes(title="time (ms)")
    figure.update_yaxes(categoryorder="array", categoryarray=[plain(row) for row in data.rows[::-1]])
    return describe(
        figure,
        data.finding,
        "who does what, and who waits for whom",
        "the device is simulated (hatched)" if data.spans["simulated"].any() else "",
        axes="process by time (ms)",
        table=data.table(),
    )


@dataclass(frozen=True)
class BatchPaths:
    """The ways of some batches through the pipeline.

    Attributes:
        paths: By batch, a row for each stage in the order of time: `row` (label), `stage`, `is_loading`, `at_ms` since
            the batch was begun, `took_ms` until its last piece ended, `count` of its pieces, `simulated`.
        colours: By stage (`template.colours_of`).
        item: What one sample is called.
    """

    paths: Mapping[int, pd.DataFrame]
    colours: Mapping[str, str]
    item: str

    def finding(self, batch: int) -> str:
        """What one batch's way shows, in a sentence."""
        path = self.paths[batch]
        ends = path["at_ms"] + path["took_ms"]
        whole_s, made_s = float(ends.max()) * 1e-3, float(ends[path["is_loading"]].max()) * 1e-3
        return (
            f"Batch {batch} takes {format_duration(whole_s)} from begin to end, {format_duration(made_s)} of it in its "
            "worker"
        )

    def table(self, batch: int) -> Table:
        """The numbers of one batch."""
        path = self.paths[batch]
        rows = [
            (row, number(f"{at_ms:.4g}"), number(f"{took_ms:.4g}"), number(str(count)))
            for row, at_ms, took_ms, count in zip(
                path["row"], path["at_ms"], path["took_ms"], path["count"], strict=True
            )
        ]
        return make_table((f"stage of batch {batch}", "begins at (ms)", "takes (ms)", "pieces"), rows)


def batch_paths(spans: pd.DataFrame, record: Record) -> BatchPaths:
    """The ways of a few counted batches that were made by a worker and arrived.

    Args:
        spans: The run's spans, with the columns of `records.SPAN_COLUMNS`.
        record: Its record.
    """
    received = spans[(spans["lane"] == "main") & (spans["batch"] >= 0)]["batch"].unique()
    whole = sorted(set(received) & set(spans[spans["lane"] == "worker"]["batch"]))
    if record.steady is not None:
        whole = whole[record.steady.warmup_steps :] or whole
    chosen = whole[:: max(1, len(whole) // _CHOICES)][:_CHOICES]
    return BatchPaths({int(batch): _path(spans, int(batch)) for batch in chosen}, colours_of(record), item_of(record))


def _path(spans: pd.DataFrame, batch: int) -> pd.DataFrame:
    own = spans[(spans["batch"] == batch) & (spans["stage"] != "idle")]
    origin = own["begin_ns"].min()
    grouped = own.groupby(["lane", "stage"], sort=False).agg(
        begin=("begin_ns", "min"), end=("end_ns", "max"), count=("begin_ns", "size"), origin=("origin", "first")
    )
    rows = grouped.reset_index().sort_values("begin")
    return pd.DataFrame(
        {
            "row": rows["lane"].replace({"main": "main process"}) + ": " + rows["stage"],
            "stage": rows["stage"],
            "is_loading": rows["lane"] == "worker",
            "at_ms": (rows["begin"] - origin) / 1e6,
            "took_ms": (rows["end"] - rows["begin"]) / 1e6,
            "count": rows["count"],
            "simulated": rows["origin"] == "simulated",
        }
    )


def batch_path(spans: pd.DataFrame, record: Record) -> go.Figure:
    """A batch's way through the pipeline, as a figure (see `batch_paths` for the arguments)."""
    return draw_batch_path(batch_paths(spans, record))


def draw_batch_path(data: BatchPaths) -> go.Figure:
    """The stages of one batch in the order of time, with a menu of batches."""
    if not data.paths:
        return empty_figure("There is no batch that was made by a worker and arrived.")
    figure = go.Figure(layout={"template": TEMPLATE, "barmode": "overlay", "bargap": 0.25})
    for place, path in enumerate(data.paths.values()):
        colours = [data.colours.get(stage) or colour_of(stage) for stage in path["stage"]]
        shapes = ["/" if simulated else "" for simulated in path["simulated"]]
        figure.add_bar(
            orientation="h",
            visible=place == 0,
            showlegend=False,
            y=[plain(row) for row in path["row"]],
            base=path["at_ms"],
            x=path["took_ms"],
            customdata=path["count"],
            marker={"color": colours, "pattern": {**SIMULATED_PATTERN, "shape": shapes}},
            hovertemplate="<b>%{y}</b><br>from %{base:.2f} ms, %{x:.2f} ms in %{customdata} pieces<extra></extra>",
        )
    buttons = [
        {
            "label": f"batch {batch}",
            "method": "update",
            "args": [{"visible": [other == batch for other in data.paths]}, {"title.text": plain(data.finding(batch))}],
        }
        for batch in data.paths
    ]
    figure.update_layout(
        height=TITLE_PX + _ROW_PX * max(map(len, data.paths.values())) + 90,
        updatemenus=[{"buttons": buttons, "x": 1.0, "xanchor": "right", "y": 1.0, "yanchor": "bottom"}],
    )
    figure.update_xaxes(title="time since the batch was begun (ms)")
    figure.update_yaxes(autorange="reversed")
    first = next(iter(data.paths))
    return describe(
        figure,
        data.finding(first),
        f"from its first {data.item} in the worker; bars reach from first to last piece",
        axes="stage by time since the batch was begun (ms)",
        table=data.table(first),
    )
