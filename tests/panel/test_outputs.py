"""What a cell shows, put into an Output widget."""

from __future__ import annotations

import plotly.graph_objects as go

from workbench.panel.outputs import Screen, message, show

PLOTLY = "application/vnd.plotly.v1+json"


def test_figures_and_html_replace_what_was_there() -> None:
    screen = Screen()
    show(screen.widget, [go.Figure(go.Bar(x=[1, 2], y=[3, 4])), "<b>bold</b>"])
    show(screen.widget, ["one"])
    assert [item["data"]["text/html"] for item in screen.widget.outputs] == ["one"]

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
