"""What does each step cost a sample, in its place in a run and isolated, and with how much there is on a sample?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import plotly.graph_objects as go

from workbench.explain.figures.description import describe, empty_figure
from workbench.explain.figures.template import (
    LEGEND_PX,
    SERIES,
    TEMPLATE,
    TITLE_PX,
    colour_of,
    colours_of,
    plain,
)
from workbench.explain.table import Cell, Table, make_table, number
from workbench.explain.words.items import item_of
from workbench.records import Record, StageStats
from workbench.units import format_duration, format_share

#: A column of parts this near to the measured whole adds up.
CLOSES_WITHIN = 0.02

_DASHES = ("solid", "dash", "dot")


@dataclass(frozen=True)
class StepTimes:
    """The steps of a run that are done sample by sample.

    Attributes:
        steps: In the order of the work.
        colours: By stage (`template.colours_of`).
        item: What one sample is called.
    """

    steps: tuple[StageStats, ...]
    colours: Mapping[str, str]
    item: str

    @property
    def finding(self) -> str:
        """What it shows, in a sentence."""
        largest = max(self.steps, key=lambda row: row.mean_s)
        whole_s = sum(row.total_s for row in self.steps)
        share = f": {largest.total_s / whole_s * 100:.0f} % of what is done {self.item} by {self.item}"
        return f"'{largest.name}' takes most{share if whole_s else ''}"

    def table(self) -> Table:
        """Its numbers."""
        columns = (f"step, for each {self.item}", "mean", "median", "95 %", "times", "origin")
        rows: list[tuple[Cell | str, ...]] = [
            (
                row.name,
                *(number(format_duration(value)) for value in (row.mean_s, row.p50_s, row.p95_s)),
                number(str(row.count)),
                row.origin,
            )
            for row in self.steps
        ]
        return make_table(columns, rows)


def step_times(record: Record) -> StepTimes:
    """The steps of a run that its workers do sample by sample."""
    steps = [row for row in record.stages if row.lane == "worker" and row.per != "batch" and not row.background]
    return StepTimes(tuple(steps), colours_of(record), item_of(record))


def steps_in_place(record: Record) -> go.Figure:
    """The steps of a run that are done sample by sample, as a figure."""
    return draw_steps(step_times(record))


def draw_steps(data: StepTimes) -> go.Figure:
    """A bar for each step: its mean, with lines from the median to the 95th percentile."""
    steps, item = data.steps, data.item
    shown = plain(item)
    if not steps:
        return empty_figure(
            f"No step was timed {item} by {item} in this run: {item}s come whole from a cache, or untimed."
        )
    figure = go.Figure(layout={"template": TEMPLATE, "height": TITLE_PX + 60 + 34 * len(steps), "showlegend": False})
    figure.add_bar(
        orientation="h",
        y=[f"{plain(row.name)}, {format_duration(row.mean_s)} " for row in steps],
        x=[row.mean_s * 1e3 for row in steps],
        marker={"color": [data.colours.get(row.name) or colour_of(row.name) for row in steps]},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [max(row.p95_s - row.mean_s, 0.0) * 1e3 for row in steps],
            "arrayminus": [max(row.mean_s - row.p50_s, 0.0) * 1e3 for row in steps],
            "thickness": 1,
        },
        customdata=[[format_duration(row.p50_s), format_duration(row.p95_s), row.count, row.origin] for row in steps],
        hovertemplate=(
            f"<b>%{{y}}</b> for each {shown} on the average<br>"
            "median %{customdata[0]}, 95 % within %{customdata[1]}"
            "<br>%{customdata[2]} times, %{customdata[3]}<extra></extra>"
        ),
    )
    figure.update_xaxes(title=f"time of a worker for each {shown} (ms)", rangemode="tozero")
    figure.update_yaxes(autorange="reversed", type="category")
    return describe(
        figure,
        data.finding,
        "each step in its place, on the input that it really gets",
        "bars are means, lines reach from the median to the 95th percentile",
        axes=f"time of a worker for each {item} (ms) by step",
        table=data.table(),
    )


class Row(Protocol):
    """Times of one step or of several together, in seconds for a sample."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def mean_s(self) -> float:
        """Mean."""

    @property
    def std_s(self) -> float:
        """Standard deviation."""

    @property
    def min_s(self) -> float:
        """Least."""

    @property
    def max_s(self) -> float:
        """Most."""

    @property
    def share(self) -> float | None:
        """Of the sum of its column; None where it is no part of it."""


def step_table(
    in_place: Sequence[Row],
    isolated: Sequence[Row],
    others: Sequence[Row],
    *,
    sums: tuple[float, float],
    item: str = "sample",
    isolated_on: str = "isolated",
) -> Table:
    """Steps in their place and isolated, in milliseconds for a sample.

    Args:
        in_place: Each step on the input that it really gets.
        isolated: The same, each timed by itself.
        others: What is no step: the chain as a whole, and what is done beside it.
        sums: The sum of each of both columns over the chain as it was measured as a whole; 1: it adds up.
        item: What one sample is called.
        isolated_on: What the second column is called.
    """
    by_name = {row.name: row for row in isolated}
    rows = [[row.name, *_times(row), *_times(by_name.get(row.name))] for row in in_place]
    blank = [Cell()] * 4
    rows.append(["sum / measured chain", *blank, _sum(sums[0]), *blank, _sum(sums[1])])
    rows += [[row.name, *_times(row), *_times(None)] for row in others]
    statistics = ("mean", "std", "min", "max", "share")
    return make_table(
        (f"ms for each {item}", *statistics, *statistics),
        rows,
        caption="What each step costs, where it stands and by itself",
        groups=(("", 1), ("in place", 5), (isolated_on, 5)),
    )


def _times(row: Row | None) -> list[Cell | str]:
    if row is None:
        return [Cell()] * 5
    values = [f"{seconds * 1e3:.3f}" for seconds in (row.mean_s, row.std_s, row.min_s, row.max_s)]
    return [*map(number, values), number("" if row.share is None else format_share(row.share))]


def _sum(value: float) -> Cell:
    if abs(value - 1.0) <= CLOSES_WITHIN:
        return number(format_share(value))
    return Cell(f"{format_share(value)} (does not add up)", "alarm", "strong")


@dataclass(frozen=True)
class LoadCurve:
    """What a sample costs by how much is on it.

    Attributes:
        load: What it depends on, with its unit: the title of an axis.
        seconds: Median seconds for a sample, by load.
    """

    load: str
    seconds: Mapping[int, float]

    def per_unit_s(self) -> float:
        """What one more of it costs, from the smallest to the largest load."""
        least, most = min(self.seconds), max(self.seconds)
        return (self.seconds[most] - self.seconds[least]) / max(most - least, 1)


def cost_by_load(curves: Sequence[LoadCurve], *, item: str = "sample") -> go.Figure:
    """What a sample costs by how much is on it: a drawing for each kind of load, the finding from the first."""
    figure = go.Figure(layout={"template": TEMPLATE, "height": TITLE_PX + 300 + LEGEND_PX})
    width = 1.0 / len(curves)
    for place, curve in enumerate(curves):
        loads = sorted(curve.seconds)
        axis = "" if place == 0 else str(place + 1)
        figure.add_scatter(
            x=loads, y=[curve.seconds[load] * 1e3 for load in loads], name=f"by {plain(curve.load)}",
            mode="lines+markers", xaxis=f"x{axis}",
            line={"color": SERIES[place % len(SERIES)], "dash": _DASHES[place % len(_DASHES)]},
        )  # fmt: skip
        domain = [
            place * width + (0.04 if place else 0.0),
            (place + 1) * width - (0.04 if place < len(curves) - 1 else 0.0),
        ]
        figure.update_layout({f"xaxis{axis}": {"title": plain(curve.load), "domain": domain, "anchor": "y"}})
    figure.update_layout(yaxis={"title": f"time for each {plain(item)} (ms)", "rangemode": "tozero"})
    rows = [
        (curve.load, number(str(load)), number(f"{curve.seconds[load] * 1e3:.3f}"))
        for curve in curves
        for load in sorted(curve.seconds)
    ]
    each = f"{curves[0].per_unit_s() * 1e6:.2g} microseconds"
    return describe(
        figure,
        f"By {curves[0].load}: each one more costs about {each}",
        f"median, for each {item}",
        axes=f"time for each {item} (ms) by {' and by '.join(curve.load for curve in curves)}",
        table=make_table(("load", "number", f"time for each {item} (ms)"), rows),
    )
