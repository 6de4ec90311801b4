"""The map and the ceilings of runs whose costs are known."""

from __future__ import annotations

import pytest
from planted_run import Pipeline

from workbench.explain.figures.predictions import ceiling_lines, gain_bars
from workbench.explain.prediction.gain_map import ceilings, format_gain, gain_map
from workbench.explain.prediction.predictor import Predictor
from workbench.records import PredictedValue


def test_a_gain_is_a_percentage_until_the_run_is_twice_as_fast():
    assert format_gain(PredictedValue(estimate=0.25, low=0.2, high=0.31)) == "25.0 % [20.0 %, 31.0 %]"
    assert format_gain(PredictedValue(estimate=10.58, low=6.1, high=17.8)) == "11.6x [7.1, 18.8] as fast"


def test_the_finding_of_a_device_bound_run_is_no_percentage_of_thousands():
    predictor = Predictor(*Pipeline(device=0.3).run())
    first, *_ = gains = gain_map(predictor)
    assert first.stage == "device"
    assert first.free.estimate > 1.0
    assert (
        gain_bars(gains).finding
        == f"'device' for free would make the run {1 + first.free.estimate:.1f}x as fast end to end"
    )


def test_workers_that_start_anew_are_part_of_loading_and_of_no_other_ceiling():
    there, anew = (ceilings(Predictor(*Pipeline(start=start).run())) for start in (0.0, 0.8))
    assert anew.loader < there.loader
    assert anew.main == pytest.approx(there.main, rel=0.01)
    for found in (there, anew):
        assert found.device == pytest.approx(1 / Pipeline().device, rel=0.01)


def test_loading_has_no_ceiling_where_none_of_it_lies_in_the_counted_steps():
    predictor = Predictor(*Pipeline().run())
    model = predictor.model
    loading = [name for name, stage in model.batches.items() if stage.station in ("load", "send")]
    predictor.model = model.scaled(0.0, *model.samples.stages, *loading)
    found = ceilings(predictor)
    assert found.loader is None
    assert "only loading" not in " ".join(ceiling_lines(found))
