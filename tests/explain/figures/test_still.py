"""A figure's still picture says what the figure says: its title, its axes with their units, its names."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import plotly.graph_objects as go
import plotly.io as pio
import pytest
from record_factory import make_record
from run_factory import Run

from workbench.explain.figures.predictions import gain_map as draw_gains
from workbench.explain.figures.still import SVG, picture_of, show_stills, still
from workbench.explain.figures.where_time_goes import where_time_goes
from workbench.explain.prediction.gain_map import gain_map
from workbench.explain.prediction.predictor import Predictor


def texts(svg: str) -> str:
    return " ".join(
        "".join(element.itertext()).strip() for element in ET.fromstring(svg).iter() if "text" in element.tag
    )


def of(figure: go.Figure) -> str:
    return still(json.loads(figure.to_json()))


def test_bars_bring_title_axis_and_rows():
    svg = of(where_time_goes(make_record()))
    said = texts(svg)
    assert "60.0 % of the time the main process waits for a batch" in said
    assert "share of the lane's wall time (%)" in said
    assert "main process" in said


def test_the_map_brings_its_stages_and_its_intervals():
    gains = gain_map(Predictor(Run().record(), Run().spans()))
    said = texts(of(draw_gains(gains)))
    assert all(gain.stage in said for gain in gains)
    assert "gain in samples per second" in said


@pytest.mark.parametrize("count", [10, 2000])
def test_a_picture_stays_small_whatever_is_in_it(count):
    figure = go.Figure(go.Bar(x=[1.0] * count, y=["a"] * count, base=list(range(count)), orientation="h"))
    assert len(of(figure)) < 200_000


def test_names_that_look_like_markup_stay_text():
    figure = go.Figure([go.Scatter(x=[1, 2], y=[1, 2], name="$x$ &lt;script&gt;"), go.Scatter(x=[1], y=[2], name="b")])
    svg = of(figure)
    assert "<script" not in svg
    assert "<script>" in texts(svg).replace("\\", "")


def test_a_flame_graph_names_its_wide_frames():
    figure = go.Figure(go.Icicle(ids=["0", "1"], parents=["", "0"], values=[1.0, 0.9], labels=["main process", "run"]))
    said = texts(of(figure))
    assert "main process" in said
    assert "run" in said


def test_rows_stand_in_the_order_of_the_figure():
    figure = go.Figure(go.Bar(x=[1, 2, 3], y=["second", "last", "first"], orientation="h"))
    figure.update_yaxes(categoryarray=["last", "first", "second"])
    said = [text for text in texts(of(figure)).split() if text in ("last", "first", "second")]
    assert said == ["last", "first", "second"]


def test_a_note_stands_at_the_row_that_it_names():
    figure = go.Figure(go.Bar(x=[1.0], y=["a "], orientation="h"))
    figure.add_annotation(x=1.0, y="a ", text="579 MB")
    assert texts(of(figure)).split().count("a") == 1, "and makes no row of its own"


def test_a_logarithmic_axis_reaches_as_far_as_in_the_figure():
    figure = go.Figure(go.Scatter(x=[1.0], y=["a"], mode="markers"))
    figure.update_xaxes(type="log", range=[-0.1, 0.5], tickvals=[1, 2, 3], ticktext=["1x", "2x", "3x"])
    assert {"1x", "2x", "3x"} <= set(texts(of(figure)).split())
    figure.update_xaxes(range=[-0.1, 0.4])
    assert "3x" not in texts(of(figure))


def test_an_axis_begins_where_that_of_the_figure_does():
    figure = go.Figure(go.Scatter(x=[1, 2, 3], y=[105.0, 106.0, 104.0]))
    assert "0" not in texts(of(figure)).split()
    figure.update_yaxes(rangemode="tozero")
    figure.update_xaxes(dtick=1)
    said = texts(of(figure)).split()
    assert "0" in said
    assert {"1", "2", "3"} <= set(said) and "1.5" not in said


def test_what_would_be_drawn_wrongly_goes_without_a_picture():
    assert picture_of(json.loads(go.Figure(go.Heatmap(z=[[1, 2]])).to_json())) is None
    assert picture_of({"data": [{"type": "bar", "x": ["a"], "y": ["no number"]}]}) is None
    assert picture_of({"data": [], "layout": {}})


def test_what_is_displayed_holds_both_forms(monkeypatch):
    monkeypatch.setattr(pio.renderers, "_default_name", pio.renderers.default, raising=False)
    before = pio.renderers.default
    try:
        show_stills()
        bundle = pio.renderers._build_mime_bundle(go.Figure(go.Bar(x=[1], y=[2])).to_dict())
    finally:
        pio.renderers.default = before
    assert set(bundle) == {"application/vnd.plotly.v1+json", SVG}


def test_only_what_is_simulated_is_hatched():
    bars = {"x": ["a", "b"], "y": [1, 2], "marker": {"pattern": {"shape": ["", "/"]}}}
    assert of(go.Figure(go.Bar(**bars))).count("<pattern") == 1
    bars["marker"] = {"pattern": {"shape": ["", ""]}}
    assert "<pattern" not in of(go.Figure(go.Bar(**bars)))
