"""Costs are found again from spans that were made of known costs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted_run import Pipeline
from run_factory import BATCHES, SIZE, Run, stats

from workbench.errors import BadInput
from workbench.explain.prediction.calibration import calibrate
from workbench.explain.prediction.changes import set_knob
from workbench.explain.prediction.predictor import predictor_for
from workbench.explain.prediction.simulator import simulate
from workbench.records import Machine, RankStats
from workbench.stages import Stage


def test_waiting_for_a_core_is_not_part_of_what_stages_cost():
    model = calibrate(Run().record(), Run().spans())
    assert model.cost_per_sample("decode") == pytest.approx(0.008 * Run.loaded, rel=1e-6)
    assert model.cost_per_sample("collate") == pytest.approx(0.010 / SIZE * Run.loaded, rel=1e-6)
    assert model.cost_per_sample("postprocess") == pytest.approx(0.004 / SIZE * Run.loaded, rel=1e-6)
    assert model.cost_per_sample("receive") == pytest.approx(0.002 / SIZE * Run.loaded, rel=1e-6)
    assert model.cost_per_sample("device") == pytest.approx(0.005, rel=1e-6)


def test_where_the_main_process_loads_samples_cost_what_they_did_isolated():
    model = calibrate(Run().record(), Run().spans())
    here = replace(model, config=replace(model.config, num_workers=0)).draw(np.random.default_rng(0))
    assert here.load == pytest.approx(np.full(BATCHES, SIZE * 0.008 + 0.010 * Run.loaded), rel=1e-6)
    assert here.collect == pytest.approx(np.full(BATCHES, 0.004), rel=1e-6)


def test_isolated_times_that_cannot_be_are_not_used_and_that_is_said():
    """A stage that takes longer with nothing beside it than with: memory had to be found first, or the like."""
    run = Run()
    record = run.record()
    slow = [
        row.model_copy(update={"mean_s": row.mean_s * 10, "total_s": row.total_s * 10})
        for row in record.isolated.stages
    ]
    busy = [stats("worker", "decode", run.decode_ms * run.loaded * run.preempted / 1e3, BATCHES * SIZE, "sample")]
    isolated = record.isolated.model_copy(update={"stages": slow})
    model = calibrate(record.model_copy(update={"isolated": isolated, "stages": [*record.stages, *busy]}), run.spans())
    assert model.samples.isolated == pytest.approx([1.0])
    assert any("'decode' took 80.0 ms isolated and 15.0 ms beside others" in text for text in model.assumptions)


def test_without_isolated_times_that_is_said():
    model = calibrate(Run().record(isolated=False), Run().spans())
    assert any("isolated_samples=32" in sentence for sentence in model.assumptions)


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
    assert model.cost_per_sample("decode") == pytest.approx(0.008 * Run.loaded * Run.preempted, rel=1e-6)
    assert any("counters could not be read" in sentence for sentence in model.assumptions)


def test_drawn_batches_cost_what_their_samples_do():
    model = calibrate(Run().record(), Run().spans())
    drawn = model.draw(np.random.default_rng(0))
    assert drawn.load == pytest.approx(np.full(BATCHES, (SIZE * 0.008 + 0.010) * Run.loaded), rel=1e-6)
    assert drawn.device == pytest.approx(np.full(BATCHES, SIZE * 0.005), rel=1e-6)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"steady": None, "status": "failed"}, "the run failed"),
        ({"stages": []}, "no stages were timed"),
    ],
)
def test_what_a_record_does_not_tell_is_not_made_up(changed, message):
    with pytest.raises(BadInput, match=message):
        calibrate(Run().record().model_copy(update=changed), Run().spans())


def test_ranks_that_wait_for_each_other_are_not_modelled():
    ranks = [RankStats(rank=n, num_steps=8, samples_per_s=1.0, wait_share=0.0) for n in (0, 1)]
    with pytest.raises(BadInput, match=r"several ranks that wait for each other.*rank-0"):
        calibrate(Run().record().model_copy(update={"ranks": ranks}), Run().spans())


def test_the_inside_of_other_loaders_is_not_modelled():
    with pytest.raises(BadInput, match="the inside of the webdataset loader"):
        calibrate(Run().record(loader="webdataset"), Run().spans())


def test_a_disturbed_run_is_named_as_such():
    busy = Machine(wall_s=9, num_cores=2, other_cores=0.9, steal_share=0, load_1min=1)
    quiet = busy.model_copy(update={"other_cores": 0.01})
    runs = [Run().record().model_copy(update={"machine": machine}) for machine in (busy, quiet)]
    disturbed, undisturbed = (calibrate(run, Run().spans()).assumptions for run in runs)
    assert any("0.90 of 2 cores busy" in sentence for sentence in disturbed)
    assert not any("cores busy meanwhile" in sentence for sentence in undisturbed)


def test_only_the_counted_steps_count():
    """What was recorded before and after them, in the warm-up and when samples were looked at, costs nothing here."""
    record, spans = Run().record(), Run().spans()
    shift = round(record.steady.wall_s * 1e9) + 1
    slow = spans.assign(end_ns=spans["end_ns"] + 10**9)
    other = [
        slow.assign(begin_ns=slow["begin_ns"] + at, end_ns=slow["end_ns"] + at) for at in (-10 * shift, 10 * shift)
    ]
    assert calibrate(record, pd.concat([spans, *other])).cost_per_sample("decode") == pytest.approx(0.008 * Run.loaded)
    with pytest.raises(BadInput, match="no spans of the counted steps"):
        calibrate(record, pd.concat(other))


def test_batches_cost_by_the_samples_that_were_in_them():
    record, spans = Run().record(), Run().spans()
    half = record.batches.model_copy(update={"samples": [1 if number % 2 else SIZE for number in range(BATCHES)]})
    model = calibrate(record.model_copy(update={"batches": half}), spans)
    assert model.cost_per_sample("collate") == pytest.approx(0.010 * Run.loaded * (1 + 1 / SIZE) / 2)


def test_batches_made_ahead_that_no_step_took_are_left_out():
    record, spans = Run().record(), Run().spans()
    last = spans["batch"] == BATCHES - 1
    slower = spans.assign(end_ns=spans["end_ns"].where(~last | (spans["stage"] != "collate"), spans["end_ns"] + 10))
    seen = record.batches.model_copy(
        update={name: getattr(record.batches, name)[:-1] for name in ("number", "samples", "num_bytes")}
    )
    model = calibrate(record.model_copy(update={"batches": seen}), slower)
    assert len(model.batches["collate"].per_sample_s) == BATCHES - 1


@pytest.mark.parametrize(("steps", "expected"), [(2, 2), (None, 64), (0, 1)])
def test_how_far_the_device_may_fall_behind_is_the_records_to_say(steps, expected):
    record = Run().record()
    record = record.model_copy(update={"limits": record.limits.model_copy(update={"device_steps": steps})})
    assert calibrate(record, Run().spans()).config.device_steps == expected


def test_threads_are_seen_in_the_record():
    record, spans = Pipeline(background={"postprocess": 0.01}, receiver={"receive": 0.001, "pin": 0.001}, own={}).run()
    config = calibrate(record, spans).config
    assert (config.background, config.background_batches, config.receiver) == (True, 3, True)
    config = calibrate(*Pipeline().run()).config
    assert (config.background, config.receiver) == (False, False)


def test_stages_are_put_where_their_role_says():
    record, spans = Run().record(), Run().spans().replace({"stage": {"postprocess": "beam_search"}})
    own = [Stage("beam_search", "main", "collect")]
    model = calibrate(record.model_copy(update={"workload_stages": own}), spans)
    assert model.batches["beam_search"].station == "collect"
    assert calibrate(record, spans).batches["beam_search"].station == "end", "nobody has declared it"


def test_what_the_first_step_after_a_start_of_workers_takes_longer_belongs_to_the_start():
    """A run whose workers start anew, against the same one made by hand with workers that stay."""
    own = {**Pipeline().own, "transfer": 0.02}
    anew = Pipeline(start=0.1, after_start=0.15, own=own, ready=0.0, cores=8, per_epoch=6)
    record, spans = anew.run()
    model = calibrate(record, spans)
    assert model.config.after_start_s == pytest.approx(0.15, rel=1e-6)
    assert model.cost_per_sample("transfer") == pytest.approx(0.02 / 8, rel=1e-6)

    stays, _ = replace(anew, start=0.0, after_start=0.0).run()
    predictor = predictor_for(record, spans)
    change = set_knob(predictor.model, record.knobs, "persistent_workers", True)
    gained = stays.steady.samples_per_s / record.steady.samples_per_s
    assert 1.0 + predictor.gain(change.apply(predictor.model)).estimate == pytest.approx(gained, rel=0.05)
    assert gained > 1.2


@pytest.mark.parametrize("pipeline", [Pipeline(start=0.1), Pipeline(after_start=0.15), Pipeline(start=0.1, epochs=1)])
def test_where_first_steps_are_like_others_or_nothing_starts_it_is_nothing(pipeline):
    assert calibrate(*pipeline.run()).config.after_start_s == 0.0
