"""A real trial with a worker: what it was on a core, what its stages take isolated, and a prediction from that."""

from __future__ import annotations

from typing import Any

import pytest
from toy import toy_knobs

from workbench.explain.prediction.changes import remove_stage
from workbench.explain.prediction.predictor import Predictor
from workbench.measure.trial.isolated import can_time_isolated
from workbench.measure.trial.launcher import run_trial
from workbench.records.run_folder import read_spans
from workbench.workloads.ocr.knobs import OcrKnobs

pytestmark = pytest.mark.real


def test_a_run_with_a_worker_has_what_a_prediction_needs(tmp_path):
    knobs = OcrKnobs(
        num_pages=12, batch_size=2, num_steps=6, num_workers=1, device="replay", checked_samples=0, image_size=320,
        isolated_samples=10, replay_ms_per_sample=1.0,
    )  # fmt: skip
    record = run_trial(knobs, tmp_path)
    assert record.failure is None
    counts = {(row.lane, row.name): row.count for row in record.isolated.stages}
    assert counts["worker", "decode"] == len(record.isolated.samples) == 10
    assert counts["worker", "collate"] == counts["main", "postprocess"] == 5
    assert not any(row.background for row in record.isolated.stages), "nothing is at work beside them"
    workers = record.lane("worker")
    assert workers is not None
    if workers.cpu_s is None:
        pytest.skip("this kernel keeps no scheduler statistics")
    assert 0.0 < workers.cpu_s <= workers.wall_s
    predictor = Predictor(record, read_spans(tmp_path / record.run_id))
    assert {"decode", "targets", "collate", "receive", "postprocess", "device"} <= set(predictor.model.stages)
    changes = [remove_stage(predictor.model, name) for name in ("decode", "receive")]
    decode, receive = (predictor.predict([change]).gain.estimate for change in changes)
    assert decode > receive


@pytest.mark.parametrize(
    "settings",
    [
        {"num_workers": 0},
        {"isolated_samples": 0},
        {"profilers": "memory"},
        {"stage_timing": False},
        {"loader": "webdataset"},
    ],
    ids=str,
)
def test_what_would_say_nothing_is_not_timed_isolated(settings: dict[str, Any]) -> None:
    several = {"num_workers": 2, "isolated_samples": 4}
    assert can_time_isolated(toy_knobs(**several))
    assert not can_time_isolated(toy_knobs(**{**several, **settings}))
