"""A figure in words and numbers: those of its marks, with the units of their axes, as plain text."""

from __future__ import annotations

import json

import numpy as np
import plotly.graph_objects as go
import pytest
from record_factory import make_failed, make_lane, make_record, make_stage

from workbench.explain.figures.costs import costs
from workbench.explain.figures.figure_text import MOST_ROWS, figure_text
from workbench.explain.figures.template import plain, titled
from workbench.explain.figures.throughput import throughput
from workbench.explain.figures.verdicts import verdicts
from workbench.explain.figures.where_time_goes import where_time_goes
from workbench.explain.verdicts.comparison import compare

EVIL = "<script>alert(1)</script> & <b>so</b>"


def of(figure: go.Figure):
    return figure_text(json.loads(figure.to_json()))


@pytest.fixture
def comparison():
    records = {
        "baseline": [make_record(rate) for rate in (100, 101, 99)],
        EVIL: [make_record(rate, cache="decoded", startup_s=6.0) for rate in (150, 152, 149)],
    }
    return compare(records, baseline="baseline", order=[list(records)] * 3, seed=0)


def test_the_speed_ups_are_told_with_their_intervals(comparison):
    said = of(verdicts(comparison))
    assert said.title == f"'{EVIL}' is faster than 'baseline'"
    assert said.columns[0] == "of"
    assert said.columns[1].startswith("times as fast as the baseline")
    (row,) = said.rows
    assert row[0] == EVIL
    speedup = comparison.variants[1].speedup
    assert row[1] == f"{speedup.estimate:.4g}"
    assert row[2] == "{:.4g} to {:.4g}".format(*speedup.ci95)


def test_every_trial_is_a_row_with_its_unit(comparison):
    said = of(throughput(comparison))
    assert said.columns == ("series", "block", "pages per second")
    assert said.rows[:2] == [("baseline", "1", "100"), ("baseline", "2", "101")]
    assert said.rows[3] == (EVIL, "1", "150")
    assert "Across: block. Up: pages per second" in said.alternative


def test_drawings_with_two_scales_name_the_scale_of_each_number(comparison):
    said = of(costs(comparison))
    assert "measure" in said.columns
    measures = {row[said.columns.index("measure")] for row in said.rows}
    assert measures == {"peak memory (GB)", "start-up (s)"}


def test_the_shares_of_a_lane_are_all_there():
    said = of(where_time_goes(make_record()))
    value = said.columns.index("share of the lane's wall time (%)")
    assert sum(float(row[value]) for row in said.rows) == pytest.approx(200.0, abs=0.1)


def test_an_alarm_is_told():
    stages, lanes = [make_stage("main", "wait", 0.5)], [make_lane("main", 1.0, 0.5)]
    said = of(where_time_goes(make_record(stages=stages, lanes=lanes)))
    assert said.is_alarm
    assert "does not close" in said.title
    assert "<" not in said.title
    assert not of(where_time_goes(make_record())).is_alarm


def test_a_figure_without_marks_says_why():
    said = of(where_time_goes(make_failed()))
    assert said.title == "No stage was timed in this run."
    assert said.table() == ""


def test_too_many_marks_are_no_table():
    few = of(go.Figure(go.Bar(x=list(range(MOST_ROWS)), y=list(range(MOST_ROWS)))))
    many = of(go.Figure(go.Bar(x=list(range(MOST_ROWS + 1)), y=list(range(MOST_ROWS + 1)))))
    assert len(few.rows) == MOST_ROWS
    assert many.rows == []
    assert "table below" in few.alternative
    assert "table below" not in many.alternative


def test_packed_arrays_are_read():
    said = of(go.Figure(go.Scatter(x=np.arange(3), y=np.array([0.5, 1.5, 2.5]))))
    assert [row[1] for row in said.rows] == ["0.5", "1.5", "2.5"]


def test_what_is_hidden_and_what_was_not_measured_is_left_out():
    hidden, shown = go.Bar(x=["a"], y=[1.0], visible=False), go.Bar(x=["a", "b"], y=[None, 2.0])
    assert of(go.Figure([hidden, shown])).rows == [("b", "2")]


def test_names_are_text_in_titles_and_tables(comparison):
    assert titled(EVIL)["text"] == plain(EVIL)
    assert "<script>" not in plain(EVIL)
    assert "<script>" not in of(throughput(comparison)).table()


@pytest.mark.parametrize("draw", [verdicts, price, throughput])
def test_plotly_gets_no_html_from_a_name(comparison, draw):
    shown = draw(comparison).to_json().replace("\\u003c", "<")
    assert "<script>" not in shown
    assert "<b>so" not in shown
