"""Costs are found again from spans that were made of known costs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from run_factory import BATCHES, SIZE, Run

from workbench.errors import BadInput
from workbench.explain.prediction.calibration import calibrate
from workbench.explain.prediction.simulator import simulate
from workbench.records import Machine


def test_waiting_for_a_core_is_no_part_of_what_stages_cost():
    model = calibrate(Run().record(), Run().spans())
    assert model.cost_per_page("decode") == pytest.approx(0.008 * Run.loaded, rel=1e-6)
    assert model.cost_per_page("collate") == pytest.approx(0.010 / SIZE * Run.loaded, rel=1e-6)
    assert model.cost_per_page("postprocess") == pytest.approx(0.004 / SIZE * Run.loaded, rel=1e-6)
    assert model.cost_per_page("receive") == pytest.approx(0.002 / SIZE * Run.loaded, rel=1e-6)
    assert model.cost_per_page("device") == pytest.approx(0.005, rel=1e-6)


def test_where_the_main_process_loads_pages_cost_what_they_did_alone():
    model = calibrate(Run().record(), Run().spans())
    here = replace(model, config=replace(model.config, num_workers=0)).draw(np.random.default_rng(0))
    assert here.make == pytest.approx(np.full(BATCHES, SIZE * 0.008 + 0.010 * Run.loaded), rel=1e-6)
    assert here.finish == pytest.approx(np.full(BATCHES, 0.004), rel=1e-6)


def test_without_a_time_alone_that_is_said():
    model = calibrate(Run().record(isolated=False), Run().spans())
    assert any("isolated_samples=32" in told for told in model.assumptions)


def test_what_the_simulated_run_lacks_is_put_down_to_busy_cores():
    class Slow(Run):
        loaded, preempted = 1.0, 1.0

    record, spans = Slow().record(num_workers=2), Slow().spans()
    assert record.steady is not None
    plain = calibrate(record.model_copy(update={"knobs": record.knobs.changed(num_workers=2)}), spans)
    simulated = simulate(replace(plain.config, slowdown=0.0), plain.draw(np.random.default_rng(0))).samples_per_s
    slower = record.steady.model_copy(update={"samples_per_s": simulated / 1.2})
    model = calibrate(record.model_copy(update={"steady": slower}), spans)
    again = simulate(model.config, model.draw(np.random.default_rng(0))).samples_per_s
    assert model.config.slowdown > 0.1
    assert again == pytest.approx(simulated / 1.2, rel=0.01)


def test_without_the_schedulers_counters_waiting_counts_as_work_and_that_is_said():
    model = calibrate(Run().record(isolated=False, counted=False), Run().spans())
    assert model.cost_per_page("decode") == pytest.approx(0.008 * Run.loaded * Run.preempted, rel=1e-6)
    assert any("counters could not be read" in told for told in model.assumptions)


def test_drawn_batches_cost_what_their_pages_do():
    model = calibrate(Run().record(), Run().spans())
    drawn = model.draw(np.random.default_rng(0))
    assert drawn.make == pytest.approx(np.full(BATCHES, (SIZE * 0.008 + 0.010) * Run.loaded), rel=1e-6)
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


def test_a_disturbed_run_is_named_as_such():
    busy = Machine(wall_s=9, num_cores=2, other_cores=0.9, steal_share=0, load_1min=1)
    quiet = busy.model_copy(update={"other_cores": 0.01})
    runs = [Run().record().model_copy(update={"machine": machine}) for machine in (busy, quiet)]
    told = [calibrate(run, Run().spans()).assumptions for run in runs]
    assert any("0.90 of 2 cores busy" in one for one in told[0])
    assert not any("cores busy meanwhile" in one for one in told[1])
