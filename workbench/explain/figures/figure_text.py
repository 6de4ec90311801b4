"""What a figure says in words and numbers: for a page around it, and for those who cannot see it."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.explain.figures.html_table import html_table
from workbench.explain.figures.template import ALARM

#: A figure with more marks than this has no table beside it: nobody would read it.
MOST_ROWS = 60

_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True)
class FigureText:
    """A figure in words, all of it plain text.

    Attributes:
        title: What it shows, in a sentence.
        details: What that rests on.
        is_alarm: Whether the title warns of the figure itself.
        axes: What its axes show, with their units.
        columns: Names of the columns of its numbers.
        rows: Its numbers, a row a mark; empty where there are too many.
    """

    title: str
    details: str
    is_alarm: bool
    axes: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]

    @property
    def alternative(self) -> str:
        """What a screen reader says instead of the figure."""
        table = "Its numbers stand in the table below it" if self.rows else ""
        parts = [self.title, self.details, self.axes, table]
        return ". ".join(part.rstrip(".") for part in parts if part) + "."

    def table(self) -> str:
        """Its numbers as HTML; empty where there are none."""
        rows = [tuple(map(html.escape, row)) for row in self.rows]
        return html_table(self.columns, rows, caption=self.title) if rows else ""


def figure_text(figure: Mapping[str, Any]) -> FigureText:
    """The words and numbers of a figure.

    Args:
        figure: A plotly figure as JSON: `data` and `layout`.
    """
    layout = figure.get("layout", {})
    marks = [mark for trace in figure.get("data", ()) for mark in _marks(trace, layout)]
    title = layout.get("title") or {}
    text = title.get("text", "") if isinstance(title, Mapping) else str(title)
    details = title.get("subtitle", {}).get("text", "") if isinstance(title, Mapping) else ""
    notes = [plain_text(note.get("text", "")) for note in layout.get("annotations", ())] if not marks else []
    few = 0 < len(marks) <= MOST_ROWS
    columns, rows = _table(marks) if few else ((), [])
    return FigureText(
        title=plain_text(text) or ". ".join(notes) or "Figure",
        details=plain_text(details),
        is_alarm=ALARM in text,
        axes=_axes(layout),
        columns=columns,
        rows=rows,
    )


def plain_text(text: str) -> str:
    """Text without plotly's markup."""
    return html.unescape(" ".join(_TAG.sub(" ", text).split()))


def _table(marks: list[dict[str, str]]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Columns and rows of what is known of the marks; what is the same of all of them is the name of a column."""
    names = {
        "series": "series",
        "at": "of",
        "measure": "measure",
        "value": "value",
        "range": "interval",
        "label": "label",
    }
    for column, name in (("value", "measure"), ("at", "scale")):
        same = {mark[name] for mark in marks}
        if len(same) == 1 and "" not in same:
            names[column] = same.pop()
            names.pop(name, None)
    shown = [name for name in names if any(mark[name] for mark in marks)]
    return tuple(names[name] for name in shown), [tuple(mark[name] for name in shown) for mark in marks]


def _marks(trace: Mapping[str, Any], layout: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    if trace.get("visible", True) is not True or "x" not in trace or "y" not in trace:
        return
    across, up = _values(trace["x"]), _values(trace["y"])
    # What is counted lies across where what it is counted of has a name on the other axis.
    is_across = trace.get("orientation") == "h" or any(isinstance(one, str) for one in up)
    values, places = (across, up) if is_across else (up, across)
    axis = trace.get("xaxis", "x") if is_across else trace.get("yaxis", "y")
    errors = trace.get("error_x" if is_across else "error_y") or {}
    more, less = _values(errors.get("array", ())), _values(errors.get("arrayminus", ()))
    labels = trace.get("text")
    other = trace.get("yaxis", "y") if is_across else trace.get("xaxis", "x")
    measure, scale = _axis_title(layout, axis), _axis_title(layout, other)
    for number, (value, place) in enumerate(zip(values, places, strict=False)):
        if value is None:
            continue
        between = ""
        if number < len(more) and number < len(less):
            between = f"{_told(value - less[number])} to {_told(value + more[number])}"
        label = labels[number] if isinstance(labels, list | tuple) and number < len(labels) else ""
        yield {
            "series": plain_text(str(trace.get("name") or "")),
            "at": plain_text(_told(place)),
            "measure": measure,
            "scale": scale,
            "value": _told(value),
            "range": between,
            "label": plain_text(str(label or "")),
        }


def _values(values: Any) -> list[Any]:
    """The values of an array, which plotly may have packed."""
    if isinstance(values, Mapping):
        flat = np.frombuffer(base64.b64decode(values["bdata"]), np.dtype(values["dtype"]))
        return list(flat.tolist())
    return list(values) if isinstance(values, Sequence) and not isinstance(values, str) else []


def _told(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _axis_title(layout: Mapping[str, Any], axis: str) -> str:
    title = layout.get(f"{axis[0]}axis{axis[1:]}", {}).get("title") or {}
    return plain_text(title.get("text", "") if isinstance(title, Mapping) else str(title))


def _axes(layout: Mapping[str, Any]) -> str:
    told = []
    for direction, letter in (("Across", "x"), ("Up", "y")):
        names = [key[0] + key[5:] for key in layout if re.fullmatch(rf"{letter}axis\d*", key)]
        titles = dict.fromkeys(filter(None, (_axis_title(layout, name) for name in sorted(names))))
        if titles:
            told.append(f"{direction}: {' and '.join(titles)}")
    return ". ".join(told)
