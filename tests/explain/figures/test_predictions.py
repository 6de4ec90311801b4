"""Predictions are shown as what they are: simulated, with their interval, beside what was measured."""

from __future__ import annotations

import json

import pytest
from drawn import said, shown
from record_factory import make_record

from workbench.explain.figures.predictions import (
    answer_table,
    ceiling_lines,
    gain_bars,
    gain_map,
    gain_table,
    predictions_table,
)
from workbench.explain.figures.template import colour_of
from workbench.explain.prediction.gain_map import Ceilings, StageGain, format_gain
from workbench.explain.prediction.variants import with_predictions
from workbench.explain.verdicts.comparison import compare
from workbench.records import PredictedValue, Prediction

EVIL = "<script>alert(1)</script>"
GAIN = PredictedValue(estimate=0.25, low=0.2, high=0.31)
NONE = PredictedValue(estimate=0.001, low=-0.002, high=0.004)


def stage(name: str, gain: PredictedValue, share: float | None = 0.3) -> StageGain:
    return StageGain(name, 0.004, share, gain, gain, ({f"{name}": "off"}, {"other": 1}), "")


def prediction(rate: float) -> Prediction:
    predicted = PredictedValue(estimate=rate, low=rate * 0.9, high=rate * 1.1)
    return Prediction(
        run_id="a", changes=[EVIL], measured_samples_per_s=100, samples_per_s=predicted, gain=GAIN, limited_by=EVIL
    )


def test_stages_that_matter_neither_way_are_left_out():
    gains = [stage("resize", GAIN), stage(EVIL, NONE, 0.5), stage("tiny", NONE, 0.001), stage("device", GAIN, None)]
    data = gain_bars(gains)
    assert [gain.stage for gain in data.gains] == ["resize", EVIL, "device"]
    assert data.finding == "'resize' for free would gain 25.0 % end to end (it is 30.0 % of the work)"
    assert [row[1] for row in data.table().texts] == ["30.0 %", "50.0 %", "-"]


def test_a_stage_has_a_bar_with_its_interval_and_a_mark_for_its_share():
    figure = gain_map([stage("resize", GAIN), stage(EVIL, NONE, 0.5)], {"resize": "#7B5EA7"}, "image")
    bars, marks = figure.data
    assert list(bars.x) == pytest.approx([25.0, 0.1])
    assert list(bars.error_x.array) == pytest.approx([6.0, 0.3])
    assert list(bars.error_x.arrayminus) == pytest.approx([5.0, 0.3])
    assert list(marks.x) == pytest.approx([30.0, 50.0])
    assert list(bars.marker.color) == ["#7B5EA7", colour_of(EVIL)]
    assert bars.marker.pattern.shape == "/"
    assert "images per second" in figure.layout.xaxis.title.text
    assert EVIL not in json.dumps(shown(figure))


def test_where_nothing_gains_the_figure_says_so():
    assert said(gain_map([])).title == "No single stage would gain anything"


def test_tables_hold_what_was_predicted():
    assert gain_table([stage("resize", GAIN)], "image").columns[1] == "per image"
    ((*_, half, settings),) = gain_table([stage("resize", GAIN)]).texts
    assert (half, settings) == (format_gain(GAIN), "`resize=off`, `other=1`")
    (row,) = answer_table([prediction(125)], "image").texts
    assert row == (EVIL, format_gain(GAIN), "125 images/s [112.5, 137.5]", EVIL)


def test_predicted_stands_beside_measured():
    records = {name: [make_record(rate)] * 3 for name, rate in (("baseline", 100.0), ("a", 130.0), ("b", 110.0))}
    comparison = compare(records, baseline="baseline", order=[list(records)] * 3, seed=0)
    good, unknown = predictions_table(with_predictions(comparison, [("a", prediction(125)), ("b", "not known")])).texts
    assert good == ("a", "125 pages/s [112.5, 137.5]", "130 pages/s (1.30x)", "-3.8 %", "yes")
    assert unknown == ("b", "not known", "110 pages/s (1.10x)", "-", "-")
    wrong, nothing = predictions_table(with_predictions(comparison, [("a", prediction(70))])).texts
    assert wrong[-1] == "no"
    assert nothing[1] == "nothing was predicted"


def test_ceilings_come_with_how_far_the_run_is_from_them():
    lines = ceiling_lines(Ceilings(device=200.0, loader=120.0, main=300.0, measured=100.0), "image")
    assert lines[0] == (
        "Ceilings (simulated), if only one part took time: only the device: 200 images/s; only loading: 120 images/s; "
        "only the main process: 300 images/s."
    )
    assert lines[1] == "Measured: 100 images/s, 83.3 % of the lowest ceiling (loading)."
    assert "device" not in ceiling_lines(Ceilings(device=None, loader=120.0, main=300.0, measured=100.0))[0]
