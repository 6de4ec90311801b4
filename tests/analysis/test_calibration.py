"""Costs are found again from spans that were made of known costs."""

from __future__ import annotations

import numpy as np
import pytest
from run_factory import BATCHES, SIZE, Run

from workbench.analysis.calibration import calibrate
from workbench.errors import BadInput


def test_waiting_for_a_core_and_busy_neighbours_are_taken_out_of_what_stages_cost():
    model = calibrate(Run().record(), Run().spans())
    assert model.cost_per_page("decode") == pytest.approx(0.008, rel=1e-6)
    assert model.cost_per_page("collate") == pytest.approx(0.010 / SIZE, rel=1e-6)
    assert model.cost_per_page("postprocess") == pytest.approx(0.004 / SIZE, rel=1e-6)
    assert model.cost_per_page("receive") == pytest.approx(0.002 / SIZE, rel=1e-6)
    assert model.cost_per_page("device") == pytest.approx(0.005, rel=1e-6)


def test_without_a_time_alone_stages_cost_what_they_took_on_a_core_and_that_is_said():
    model = calibrate(Run().record(alone=False), Run().spans())
    assert model.cost_per_page("decode") == pytest.approx(0.008 * Run.loaded, rel=1e-6)
    assert model.shape.slowdown == 0.0
    assert any("alone_pages=32" in told for told in model.assumptions)


def test_without_the_schedulers_counters_waiting_counts_as_work_and_that_is_said():
    model = calibrate(Run().record(alone=False, counted=False), Run().spans())
    assert model.cost_per_page("decode") == pytest.approx(0.008 * Run.loaded * Run.preempted, rel=1e-6)
    assert any("counters could not be read" in told for told in model.assumptions)


def test_drawn_batches_cost_what_their_pages_do():
    model = calibrate(Run().record(), Run().spans())
    drawn = model.draw(np.random.default_rng(0))
    assert drawn.make == pytest.approx(np.full(BATCHES, SIZE * 0.008 + 0.010), rel=1e-6)
    assert drawn.device == pytest.approx(np.full(BATCHES, SIZE * 0.005), rel=1e-6)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"steady": None, "status": "failed"}, "the run failed"),
        ({"stages": []}, "no stages were timed"),
    ],
)
def test_what_a_record_does_not_tell_is_not_made_up(changed, told):
    with pytest.raises(BadInput, match=told):
        calibrate(Run().record().model_copy(update=changed), Run().spans())


def test_the_inside_of_other_loaders_is_not_modelled():
    with pytest.raises(BadInput, match="the inside of the webdataset loader"):
        calibrate(Run().record(loader="webdataset"), Run().spans())
