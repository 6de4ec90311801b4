"""Real trials with a worker: what it was on a core, what stages take alone, what is left of a knocked-out one."""

from __future__ import annotations

import sys

import pytest

from workbench.explain.prediction.predictor import Predictor
from workbench.measure.trial.isolated import can_time_isolated
from workbench.measure.trial.launcher import run_trial
from workbench.records.run_folder import read_spans
from workbench.workloads.ocr.knobs import OcrKnobs


def knobs(**settings: object) -> OcrKnobs:
    quick = {
        "num_pages": 12,
        "batch_size": 2,
        "num_steps": 6,
        "num_workers": 1,
        "device": "replay",
        "checked_samples": 0,
    }
    return OcrKnobs(**{**quick, "isolated_samples": 10, "replay_ms_per_sample": 1.0, **settings})


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts time on a core")
def test_a_run_with_a_worker_tells_what_a_prediction_needs(tmp_path):
    record = run_trial(knobs(), tmp_path)
    assert record.failure is None
    counts = {(row.lane, row.name): row.count for row in record.isolated}
    assert counts["worker", "decode"] == 10
    assert counts["worker", "collate"] == counts["main", "postprocess"] == 5
    workers = next(lane for lane in record.lanes if lane.lane == "worker")
    if workers.cpu_s is None:
        pytest.skip("this kernel keeps no scheduler statistics")
    assert 0.0 < workers.cpu_s <= workers.wall_s
    predictor = Predictor(record, read_spans(tmp_path / record.run_id))
    assert {"decode", "targets", "collate", "receive", "postprocess", "device"} <= set(predictor.model.stages)
    assert predictor.ask(["remove decode"]).gain.estimate > predictor.ask(["remove receive"]).gain.estimate


def test_a_knocked_out_stage_costs_nothing_and_its_pages_are_said_to_be_invalid(tmp_path):
    record = run_trial(knobs(knock_out="targets", isolated_samples=0), tmp_path)
    assert record.failure is None
    assert record.isolated == []
    times = {row.name: row.p50_s for row in record.stages}
    assert times["targets"] < times["decode"] / 20
    assert record.quality is None
    assert any("not valid" in note for note in record.notes)


def test_a_stage_that_never_ran_cannot_be_knocked_out(tmp_path):
    record = run_trial(knobs(knock_out="resize", isolated_samples=0), tmp_path)
    assert record.failure is not None
    assert "no stage named 'resize'" in record.failure.message


@pytest.mark.parametrize(
    "settings",
    [
        {"num_workers": 0},
        {"isolated_samples": 0},
        {"profilers": "memory"},
        {"stage_timing": False},
        {"loader": "webdataset"},
    ],
)
def test_what_would_say_nothing_is_not_timed_alone(settings):
    assert can_time_isolated(knobs())
    assert not can_time_isolated(knobs(**settings))
