"""Predictions are drawn as what they are: simulated, with their interval; nothing from a name is taken for HTML."""

from __future__ import annotations

import pytest
from record_factory import make_record

from workbench.explain.figures.gain_map import gain_map
from workbench.explain.figures.prediction_tables import answer_table, ceiling_lines, gain_table, predictions_table
from workbench.explain.prediction.gain_map import Ceilings, StageGain, format_gain
from workbench.explain.prediction.variants import with_predictions
from workbench.explain.verdicts.comparison import compare
from workbench.records import PredictedValue, Prediction

EVIL = "<script>alert(1)</script>"
GAIN = PredictedValue(estimate=0.25, low=0.2, high=0.31)
NONE = PredictedValue(estimate=0.001, low=-0.002, high=0.004)


def stage(name: str, gain: PredictedValue, share: float | None = 0.3) -> StageGain:
    return StageGain(name, 0.004, share, gain, gain, (f"{name}=off",), "")


def prediction(rate: float) -> Prediction:
    predicted = PredictedValue(estimate=rate, low=rate * 0.9, high=rate * 1.1)
    return Prediction(
        run_id="a", questions=[EVIL], measured_pages_per_s=100, samples_per_s=predicted, gain=GAIN, limited_by=EVIL
    )


def test_a_stage_has_a_bar_with_its_interval_and_a_mark_for_its_share():
    figure = gain_map([stage("decode", GAIN), stage(EVIL, NONE, 0.5), stage("tiny", NONE, 0.001)])
    bars, marks = figure.data
    assert list(bars.x) == pytest.approx([25.0, 0.1])
    assert list(bars.error_x.array) == pytest.approx([6.0, 0.3])
    assert list(marks.x) == pytest.approx([30.0, 50.0])
    assert EVIL not in figure.to_json()
    assert "simulated" in bars.name
    assert "'decode' for free would gain 25.0 % end to end (it is 30.0 % of the work)" in figure.layout.title.text


def test_where_nothing_gains_the_figure_says_so():
    assert "No single stage" in gain_map([]).layout.title.text


def test_tables_hold_what_was_foretold_and_escape_names():
    for table in (gain_table([stage(EVIL, GAIN)]), answer_table([prediction(125)])):
        assert EVIL not in table
        assert format_gain(GAIN) in table
    assert "125 pages/s" in answer_table([prediction(125)])


def test_predicted_stands_beside_measured():
    records = {name: [make_record(rate)] * 3 for name, rate in (("baseline", 100.0), (EVIL, 130.0), ("b", 110.0))}
    comparison = compare(records, baseline="baseline", order=[list(records)] * 3, seed=0)
    table = predictions_table(with_predictions(comparison, [(EVIL, prediction(125)), ("b", f"not {EVIL}")]))
    assert EVIL not in table
    assert "-3.8 %" in table
    assert ">yes<" in table
    wrong = predictions_table(with_predictions(comparison, [(EVIL, prediction(70))]))
    assert ">no<" in wrong
    assert "nothing was predicted" in wrong


def test_ceilings_are_told_with_how_far_the_run_is_from_them():
    lines = ceiling_lines(Ceilings(device=200.0, loader=120.0, main=300.0, measured=100.0))
    assert "50.0 % of that" in lines[0]
    assert len(ceiling_lines(Ceilings(device=None, loader=120.0, main=300.0, measured=100.0))) == 2
