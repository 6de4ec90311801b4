"""What the panel's parts show and how: output from any thread, messages, the style sheet; and how widgets are closed.

``with output:`` and ``print`` lose what a thread writes; setting an Output widget's outputs doesn't. Each setting
replaces the one before, so nothing piles up in the kernel or in the page.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import plotly.graph_objects as go

from workbench.explain.figures.template import ALARM

#: A figure, HTML, or something that shows itself as HTML.
Renderable = Any

_PLOTLY = "application/vnd.plotly.v1+json"
_CONFIG = {"responsive": True, "displaylogo": False}

_STYLE = Path(__file__).with_name("panel.css")


def show(output: widgets.Output, items: Sequence[Renderable]) -> None:
    """Show these, instead of what was there."""
    output.outputs = tuple(_bundle(item) for item in items)


class Screen:
    """An Output widget that can be out of sight: a figure that is drawn there gets no width, so it is drawn again.

    Attributes:
        widget: To be placed.
    """

    def __init__(self) -> None:
        self.widget = widgets.Output()
        self._in_front = False
        self._is_stale = False

    def show(self, items: Sequence[Renderable]) -> None:
        """Show these, instead of what was there."""
        self._is_stale = not self._in_front
        show(self.widget, items)

    def set_in_front(self, in_front: bool) -> None:
        """Say whether it can be seen."""
        self._in_front = in_front
        if in_front and self._is_stale:
            self._is_stale = False
            outputs, self.widget.outputs = self.widget.outputs, ()
            self.widget.outputs = outputs


def message(text: str, *, bad: bool = False) -> str:
    """A message as HTML, escaped."""
    return f"<div class='{'wb-bad' if bad else 'wb-muted'}'>{html.escape(text)}</div>"


def muted(text: str) -> str:
    """A remark in small letters as HTML, escaped."""
    return f"<span class='wb-muted wb-small'>{html.escape(text)}</span>"


def title(text: str) -> str:
    """A sentence as a title, as HTML, escaped."""
    return f"<div class='wb-title'>{html.escape(text)}</div>"


def style_sheet() -> widgets.HTML:
    """The style sheet as a widget; it holds for everything inside the class ``wb``."""
    style = f"{_STYLE.read_text(encoding='utf-8')}\n.wb {{--wb-alarm: {ALARM}}}"
    return widgets.HTML(f"<style>{style}</style>", layout={"display": "none"})


def close_tree(widget: widgets.Widget) -> None:
    """Close a widget, its children, and the layout and style that came along with each.

    What is only taken off the page stays in the kernel for ever.
    """
    for child in getattr(widget, "children", ()):
        close_tree(child)
    for name in ("layout", "style"):
        part = getattr(widget, name, None)
        if isinstance(part, widgets.Widget):
            part.close()
    widget.close()


def _bundle(item: Renderable) -> dict[str, Any]:
    if isinstance(item, go.Figure):
        figure = json.loads(item.to_json())
        data: dict[str, Any] = {_PLOTLY: {**figure, "config": _CONFIG}, "text/plain": "Figure"}
    else:
        text = item if isinstance(item, str) else item._repr_html_()
        data = {"text/html": text, "text/plain": "HTML"}
    return {"output_type": "display_data", "data": data, "metadata": {}}
