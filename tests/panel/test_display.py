"""What a cell shows, put into an Output widget."""

from __future__ import annotations

import ipywidgets as widgets
import plotly.graph_objects as go

from workbench.explain.figures.template import ALARM
from workbench.panel.display import Screen, close_tree, message, show, style_sheet

PLOTLY = "application/vnd.plotly.v1+json"


def test_figures_and_html_replace_what_was_there() -> None:
    screen = Screen()
    show(screen.widget, [go.Figure(go.Bar(x=[1, 2], y=[3, 4])), "<b>bold</b>"])
    show(screen.widget, ["text"])
    assert [item["data"]["text/html"] for item in screen.widget.outputs] == ["text"]

    show(screen.widget, [go.Figure(go.Bar(x=[1, 2], y=[3, 4]))])
    (figure,) = screen.widget.outputs
    assert set(figure["data"][PLOTLY]) >= {"data", "layout", "config"}


def test_what_was_drawn_out_of_sight_is_drawn_again_once() -> None:
    screen, drawn = Screen(), []
    screen.widget.observe(lambda change: drawn.append(len(change["new"])), names="outputs")

    screen.show(["a", "b"])
    screen.set_in_front(True)
    assert drawn == [2, 0, 2]
    screen.set_in_front(False)
    screen.set_in_front(True)
    assert drawn == [2, 0, 2]
    screen.show(["c"])
    screen.set_in_front(True)
    assert drawn == [2, 0, 2, 1]


def test_messages_are_escaped() -> None:
    assert message("<script>") == "<div class='wb-muted'>&lt;script&gt;</div>"
    assert "wb-bad" in message("x", bad=True)


def test_the_style_sheet_holds_inside_the_panel_and_knows_the_alarm() -> None:
    style = style_sheet()

    assert style.layout.display == "none"
    assert style.value.startswith("<style>") and style.value.endswith("</style>")
    assert f"--wb-alarm: {ALARM}" in style.value
    assert ".wb-card" in style.value


def test_closing_leaves_nothing_of_a_tree() -> None:
    before = len(widgets.widget._instances)
    tree = widgets.VBox([widgets.Button(description="a"), widgets.HBox([widgets.Text()])])
    assert len(widgets.widget._instances) > before

    close_tree(tree)
    assert len(widgets.widget._instances) == before
