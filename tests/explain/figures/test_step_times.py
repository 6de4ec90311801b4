"""What does each step cost a sample, in its place and isolated?"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from drawn import said, shown
from record_factory import make_record, make_stage

from workbench.explain.figures.step_times import LoadCurve, cost_by_load, step_table, step_times, steps_in_place
from workbench.explain.table import Cell

STAGES = [
    make_stage("worker", "unpack", 3.0, per="sample", count=100, mean_s=0.03, p50_s=0.02, p95_s=0.05),
    make_stage("worker", "<b>", 1.0, per="sample", count=100, mean_s=0.01, p50_s=0.01, p95_s=0.01),
    make_stage("worker", "collate", 9.0),
    make_stage("main", "wait", 9.0, per="sample"),
]


@dataclass(frozen=True)
class Times:
    name: str
    mean_s: float
    share: float | None = None
    std_s: float = 0.0
    min_s: float = 0.0005
    max_s: float = 0.004


def test_steps_of_a_sample_are_those_of_workers_that_are_not_done_for_a_batch() -> None:
    data = step_times(make_record(stages=STAGES).model_copy(update={"item": "image"}))
    assert [row.name for row in data.steps] == ["unpack", "<b>"]
    assert data.finding == "'unpack' takes most: 75 % of what is done image by image"
    assert data.table().columns[0] == "step, for each image"
    assert data.table().texts[0] == ("unpack", "30.0 ms", "20.0 ms", "50.0 ms", "100", "measured")


def test_steps_are_drawn_in_milliseconds_with_their_spread() -> None:
    figure = steps_in_place(make_record(stages=STAGES))
    (bars,) = figure.data
    assert [name.strip() for name in bars.y] == ["unpack, 30.0 ms", "&lt;b&gt;, 10.0 ms"]
    assert list(bars.x) == pytest.approx([30.0, 10.0])
    assert list(bars.error_x.array) == pytest.approx([20.0, 0.0])
    assert list(bars.error_x.arrayminus) == pytest.approx([10.0, 0.0])
    assert "ms" in figure.layout.xaxis.title.text
    assert "<b>:" not in str(shown(figure))


def test_a_run_without_such_steps_says_so() -> None:
    figure = steps_in_place(make_record(stages=[make_stage("main", "wait", 1.0)]))
    assert "No step was timed page by page" in said(figure).title


def table(in_place: float = 1.0):
    rows = [Times("scale", 0.001, 0.5), Times("pad", 0.001, 0.5)]
    isolated = [Times("scale", 0.0035, 0.9)]
    return step_table(rows, isolated, [Times("whole", 0.002)], sums=(in_place, 2.0), item="image", isolated_on="alone")


def test_each_step_has_both_columns_and_what_is_no_step_has_one() -> None:
    assert table().groups == (("", 1), ("in place", 5), ("alone", 5))
    assert table().texts[0] == (
        "scale", "1.000", "0.000", "0.500", "4.000", "50.0 %", "3.500", "0.000", "0.500", "4.000", "90.0 %",
    )  # fmt: skip
    assert table().texts[1][6:] == table().texts[-1][6:] == ("",) * 5
    assert table().texts[-1][:2] == ("whole", "2.000")


def test_a_column_that_does_not_add_up_is_an_alarm() -> None:
    def alarms(made) -> list[Cell]:
        return [cell for row in made.rows for cell in row if cell.tone == "alarm"]

    assert [cell.text for cell in alarms(table())] == ["200.0 % (does not add up)"]
    assert len(alarms(table(in_place=0.5))) == 2


def test_a_load_has_its_cost() -> None:
    curves = [LoadCurve("words on the page", {100: 0.0021, 0: 0.002}), LoadCurve("width (px)", {640: 0.001})]
    assert curves[0].per_unit_s() == pytest.approx(1e-6)
    figure = cost_by_load(curves, item="page")
    assert figure.layout.title.text == "By words on the page: each one more costs about 1 microseconds"
    assert [list(line.x) for line in figure.data] == [[0, 100], [640]]
    assert list(figure.data[0].y) == pytest.approx([2.0, 2.1])
    assert (figure.layout.xaxis.title.text, figure.layout.xaxis2.title.text) == ("words on the page", "width (px)")
    assert said(figure).table.texts[-1] == ("width (px)", "640", "1.000")
