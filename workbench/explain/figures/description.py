"""What a figure says in words and numbers: for a page around it, and for those who cannot see it.

It is made from the data that the figure is drawn from, and travels in its `layout.meta`, which a notebook keeps.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import plotly.graph_objects as go

from workbench.explain.figures.template import ALARM, TEMPLATE, capital, plain
from workbench.explain.table import Table, make_table

#: A table with more rows than this is left out: nobody would read it.
MOST_ROWS = 60

#: The place of a description in a figure's `layout.meta`.
META = "workbench"

_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True)
class Description:
    """A figure in words, all of it plain text.

    Attributes:
        title: What it shows, in a sentence.
        details: What that rests on.
        is_alarm: Whether the title warns of the figure itself.
        axes: What its axes show, with their units.
        table: Its numbers; without rows where there are none, or too many.
    """

    title: str
    details: str = ""
    is_alarm: bool = False
    axes: str = ""
    table: Table = field(default_factory=Table)

    @property
    def alternative(self) -> str:
        """What a screen reader says instead of the figure."""
        table = "Its numbers are in the table below it" if self.table.rows else ""
        parts = [self.title, self.details, capital(self.axes), table]
        return ". ".join(part.rstrip(".") for part in parts if part) + "."


def describe(
    figure: go.Figure,
    finding: str,
    *details: str,
    axes: str = "",
    table: Table = Table(),  # noqa: B008 (it is frozen)
    is_alarm: bool = False,
) -> go.Figure:
    """Give a figure its title, and its words and numbers for those who cannot see it.

    Args:
        figure: The figure, which is changed.
        finding: What it shows, a sentence of plain text.
        details: What that rests on, as plain text; empty ones are left out.
        axes: What its axes show, with their units: ``"throughput (samples/s) by block"``.
        table: The numbers that it is drawn from.
        is_alarm: Whether it warns of the figure itself.

    Returns:
        The figure.
    """
    below = capital("; ".join(filter(None, details)))
    text = plain(finding)
    if is_alarm:
        text = f"<span style='color:{ALARM}'>{text}</span>"
    rows = table.texts if len(table.rows) <= MOST_ROWS else []
    said = {
        "title": finding, "details": below, "is_alarm": is_alarm, "axes": axes,
        "columns": list(table.columns), "rows": [list(row) for row in rows],
    }  # fmt: skip
    meta = {**(figure.layout.meta or {}), META: said}
    figure.update_layout(title={"text": text, "subtitle": {"text": plain(below)}}, meta=meta)
    return figure


def empty_figure(why: str) -> go.Figure:
    """What is shown where there is nothing to draw: the reason."""
    figure = go.Figure(layout={"template": TEMPLATE, "height": 120, "meta": {META: {"title": why}}})
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.add_annotation(text=plain(why), showarrow=False, x=0, y=0.5, xref="paper", yref="paper", xanchor="left")
    return figure


def take_description(figure: Mapping[str, Any]) -> tuple[Description, dict[str, Any]]:
    """The description of a figure, and the figure without it.

    Args:
        figure: A plotly figure as JSON. One that the workbench hasn't drawn has no more than its title.
    """
    layout = dict(figure.get("layout", {}))
    meta = layout.get("meta")
    said = meta.get(META) if isinstance(meta, Mapping) else None
    if meta is None or said is None:
        return Description(_title_of(layout)), dict(figure)
    layout["meta"] = {name: value for name, value in meta.items() if name != META}
    found = Description(
        title=said["title"],
        details=said.get("details", ""),
        is_alarm=said.get("is_alarm", False),
        axes=said.get("axes", ""),
        table=make_table(said.get("columns", ()), said.get("rows", ()), caption=said["title"]),
    )
    return found, {**figure, "layout": layout}


def _title_of(layout: Mapping[str, Any]) -> str:
    title = layout.get("title") or ""
    text = title.get("text") or "" if isinstance(title, Mapping) else str(title)
    return html.unescape(" ".join(_TAG.sub(" ", text).split())) or "Figure"


def simulated_note(is_simulated: bool) -> str:
    """What a title says where a figure rests on the replay device."""
    return "the device is simulated (replay)" if is_simulated else ""
