"""A figure carries its words and numbers with it, made from its data, through a notebook into the page."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import plotly.graph_objects as go
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from record_factory import make_failed, make_lane, make_record, make_stage

from workbench.explain.figures.description import META, MOST_ROWS, describe, take_description
from workbench.explain.figures.template import plain
from workbench.explain.figures.where_time_goes import where_time_goes
from workbench.explain.table import make_table, number

EVIL = "<script>alert(1)</script> & <b>so</b>"


def described(num_rows: int = 2, **settings) -> go.Figure:
    rows = [(EVIL, number(str(count), "of 9")) for count in range(num_rows)]
    table = make_table(("variant", "samples/s"), rows)
    figure = go.Figure(layout={"meta": {"narrow": {"height": 100}}})
    return describe(figure, f"{EVIL} is faster.", "by far", "", "simulated", axes="a by b", table=table, **settings)


def through_a_notebook(figure: go.Figure, path: Path) -> dict:
    """What is left of a figure in the file of an executed notebook."""
    data = {"application/vnd.plotly.v1+json": json.loads(figure.to_json())}
    cell = new_code_cell("", outputs=[new_output("display_data", data)])
    nbformat.write(new_notebook(cells=[cell]), path)
    return nbformat.read(path, as_version=4).cells[0].outputs[0].data["application/vnd.plotly.v1+json"]


def test_words_and_numbers_come_out_of_a_notebook_as_they_went_in(tmp_path):
    said, figure = take_description(through_a_notebook(described(), tmp_path / "a.ipynb"))
    assert (said.title, said.details, said.axes) == (f"{EVIL} is faster.", "By far; simulated", "a by b")
    assert said.table.columns == ("variant", "samples/s")
    assert said.table.texts == [(EVIL, "0 of 9"), (EVIL, "1 of 9")]
    assert figure["layout"]["meta"] == {"narrow": {"height": 100}}  # what else is there stays
    assert figure["layout"]["title"]["text"] == plain(said.title)


def test_the_alternative_is_all_of_it_in_sentences(tmp_path):
    said, _ = take_description(json.loads(described().to_json()))
    assert said.alternative == f"{EVIL} is faster. By far; simulated. A by b. Its numbers are in the table below it."


def test_too_many_rows_are_no_table():
    few, _ = take_description(json.loads(described(MOST_ROWS).to_json()))
    many, _ = take_description(json.loads(described(MOST_ROWS + 1).to_json()))
    assert len(few.table.rows) == MOST_ROWS
    assert many.table.rows == ()
    assert "table" in few.alternative
    assert "table" not in many.alternative


def test_plotly_gets_no_html_from_a_name():
    _, figure = take_description(json.loads(described().to_json()))
    assert META not in figure["layout"]["meta"]
    assert "<script>" not in json.dumps(figure)
    assert "<b>so" not in json.dumps(figure)


def test_an_alarm_is_said_and_red():
    said, figure = take_description(json.loads(described(is_alarm=True).to_json()))
    assert said.is_alarm
    assert "#C81E1E" in figure["layout"]["title"]["text"]
    assert "<span" not in said.title
    assert not take_description(json.loads(described().to_json()))[0].is_alarm


@pytest.mark.parametrize("title", ["it <b>shows</b> &amp; tells", {"text": "it <b>shows</b> &amp; tells"}])
def test_a_figure_of_somebody_else_has_its_title(title):
    said, figure = take_description({"data": [], "layout": {"title": title}})
    assert said.title == "it shows & tells"
    assert figure == {"data": [], "layout": {"title": title}}
    assert take_description({"data": []})[0].alternative == "Figure."


def test_a_figure_without_data_says_why():
    said, _ = take_description(json.loads(where_time_goes(make_failed()).to_json()))
    assert said.title == "No stage was timed in this run."
    assert said.table.rows == ()


def test_a_breakdown_that_does_not_add_up_warns():
    stages, lanes = [make_stage("main", "wait", 0.5)], [make_lane("main", 1.0, 0.5)]
    said, _ = take_description(json.loads(where_time_goes(make_record(stages=stages, lanes=lanes)).to_json()))
    assert said.is_alarm
    assert "do not add up" in said.title
