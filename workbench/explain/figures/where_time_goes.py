"""Where does the time go? The lanes of a run as bars of their stages, with what no stage explains."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import plotly.graph_objects as go

from workbench.explain.breakdown import LEFT_OVER, LaneBreakdown, break_down, find_lane
from workbench.explain.figures.description import describe, empty_figure, simulated_note
from workbench.explain.figures.tables import coverage_words
from workbench.explain.figures.template import (
    ALARM,
    LEGEND_ROW_PX,
    SIMULATED_PATTERN,
    SOFT,
    TEMPLATE,
    TITLE_PX,
    capital,
    colour_of,
    colours_of,
    plain,
    text_colour,
)
from workbench.explain.table import Table, make_table, number
from workbench.explain.words.headline import largest_part
from workbench.explain.words.items import counted, item_of
from workbench.records import Record
from workbench.units import format_duration, format_share

#: A stage below this share of its lane gets no label, and no place in the legend.
_LABEL_FROM = 0.035
_LEGEND_FROM = 0.005

#: Room below the bars for the axis alone.
_AXIS_PX = 62

#: Where the axis ends at least: the label of 100 % has its half beyond its tick, and a page leaves little room there.
_AXIS_TO = 1.04

_LANES = {"worker": "worker", "main": "main process", "device": "device"}


@dataclass(frozen=True)
class LaneBars:
    """Where the time of a run goes.

    Attributes:
        lanes: Workers, main process, device; none where no stage was timed.
        colours: By stage (`template.colours_of`).
        name: What to call the run in the title.
        num_samples: Samples of the counted steps.
        wall_s: How long these took.
        item: What one sample is called.
        is_simulated: Whether a figure rests on the replay device.
    """

    lanes: tuple[LaneBreakdown, ...]
    colours: Mapping[str, str]
    name: str = ""
    num_samples: int = 0
    wall_s: float = 0.0
    item: str = "sample"
    is_simulated: bool = False

    @property
    def is_alarm(self) -> bool:
        """Whether the stages of a lane don't add up to its time."""
        return any(not lane.closes for lane in self.lanes)

    @property
    def finding(self) -> str:
        """What it shows, in a sentence."""
        main = find_lane(list(self.lanes), "main")
        finding = largest_part(list(self.lanes), self.item) if main else "where the time goes"
        if self.is_alarm:
            finding = "the stages do not add up to the time of their lane, do not trust this breakdown"
        return f"{self.name}: {finding}" if self.name else capital(finding)

    @property
    def stages(self) -> list[str]:
        """Their names in the order of the work, what is left over last."""
        names = list(dict.fromkeys(part.stage for lane in self.lanes for part in lane.parts))
        return [name for name in names if name not in LEFT_OVER] + [name for name in LEFT_OVER if name in names]

    def table(self) -> Table:
        """Its numbers."""
        columns = ("lane", "stage", "share of the lane's wall time", f"per {self.item}", "origin")
        rows = [
            (
                lane_name(lane),
                part.stage,
                number(format_share(part.share)),
                number(_milliseconds(part.per_sample_s)),
                part.origin,
            )
            for lane in self.lanes
            for part in lane.parts
        ]
        return make_table(columns, rows)


def lane_bars(record: Record, *, name: str = "") -> LaneBars:
    """Where the time of a run goes.

    Args:
        record: A run.
        name: What to call it in the title.
    """
    steady = record.steady
    return LaneBars(
        lanes=tuple(break_down(record)),
        colours=colours_of(record),
        name=name,
        num_samples=steady.num_samples if steady else 0,
        wall_s=steady.wall_s if steady else 0.0,
        item=item_of(record),
        is_simulated=record.simulated,
    )


def where_time_goes(record: Record, *, name: str = "") -> go.Figure:
    """Where the time of a run goes, as a figure (see `lane_bars` for the arguments)."""
    return draw_lanes(lane_bars(record, name=name))


def draw_lanes(data: LaneBars) -> go.Figure:
    """One bar for each lane, its stages in the order of the work; simulated ones are hatched."""
    if not data.lanes:
        return empty_figure("No stage was timed in this run.")
    bars = [_bar(stage, data) for stage in data.stages]
    legend_px = _AXIS_PX + LEGEND_ROW_PX * math.ceil(sum(bool(bar["showlegend"]) for bar in bars) / 6)
    height = TITLE_PX + 58 * len(data.lanes) + legend_px
    figure = go.Figure(layout={"template": TEMPLATE, "barmode": "stack", "height": height, "margin": {"b": legend_px}})
    for bar in bars:
        figure.add_bar(**bar)
    figure.update_layout(bargap=0.32, legend_traceorder="normal")
    largest = max(_AXIS_TO, *(lane.explained for lane in data.lanes))
    figure.update_xaxes(title="share of the lane's wall time (%)", range=[0, 100 * largest], ticksuffix=" %")
    figure.update_yaxes(autorange="reversed")
    counted_samples = f"{counted(data.num_samples, data.item)} in {format_duration(data.wall_s)}"
    return describe(
        figure,
        data.finding,
        f"{counted_samples}; milliseconds are of a lane's time for each {data.item}",
        simulated_note(data.is_simulated),
        axes="share of the lane's wall time (%) by lane",
        table=data.table(),
        is_alarm=data.is_alarm,
    )


def _bar(stage: str, data: LaneBars) -> dict[str, object]:
    rows = [(lane, part) for lane in data.lanes for part in lane.parts if part.stage == stage]
    colour, name = data.colours.get(stage) or colour_of(stage), plain(stage)
    patterns = [SIMULATED_PATTERN["shape"] if part.origin == "simulated" else "" for _, part in rows]
    is_named = any(part.share >= _LABEL_FROM for _, part in rows)
    return {
        "name": name,
        "orientation": "h",
        "y": [_lane_label(lane) for lane, _ in rows],
        "x": [max(part.share, 0.0) * 100 for _, part in rows],  # stages that count twice leave less than nothing
        "text": [
            f"{name}<br>{_milliseconds(part.per_sample_s)}" if part.share >= _LABEL_FROM else "" for _, part in rows
        ],
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
            f"<b>{name}</b>: %{{customdata[0]}} of the lane<br>%{{customdata[1]}} for each {plain(data.item)}"
            "<br>%{customdata[2]} in all, %{customdata[3]}<extra></extra>"
        ),
        # A stage that is named in its bar needs no place in the legend.
        "showlegend": any(part.share >= _LEGEND_FROM for _, part in rows) and not is_named,
    }


def lane_name(lane: LaneBreakdown) -> str:
    """What a lane is called: ``"workers (2)"``."""
    if lane.processes > 1:
        return f"{_LANES[lane.lane]}s ({lane.processes})"
    return "main process, loading" if lane.in_main else _LANES[lane.lane]


def _lane_label(lane: LaneBreakdown) -> str:
    text, is_alarm = coverage_words(lane)
    if not text:
        return f"{lane_name(lane)} "
    shown = f"<b>{text}</b>" if is_alarm else text
    return f"{lane_name(lane)} <br><span style='font-size:11px;color:{ALARM if is_alarm else SOFT}'>{shown}</span> "


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.2g} ms" if seconds < 0.0995 else f"{seconds * 1e3:.0f} ms"
