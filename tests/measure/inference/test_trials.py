"""Whole trials with engines: what is in the record, what is compared, and what makes a trial fail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from toy import toy_knobs

from workbench.errors import BadInput
from workbench.explain.checks.runs import compare_runs
from workbench.knobs.joined import parse_knobs
from workbench.knobs.knobs import Knobs
from workbench.measure.trial.inputs import check_inputs
from workbench.measure.trial.launcher import run_trial
from workbench.records import Record
from workbench.records.run_folder import SAMPLES

pytestmark = pytest.mark.real

SMALL = {
    "num_pages": 6, "batch_size": 4, "image_size": 160, "num_workers": 1, "device": "cpu", "normalize": "device",
    "encoder": "lcnet_050", "neck": "fpn_small", "weights": "shipped", "targets": "none", "isolated_samples": 0,
    "checked_samples": 2, "model_threads": 1,
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _kept_elsewhere(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


def knobs_of(**settings) -> Knobs:
    return parse_knobs({**SMALL, **settings})


@pytest.fixture(scope="module")
def eager(runs: Path) -> Record:
    return run_trial(knobs_of(), runs)


@pytest.fixture(scope="module")
def onnx(runs: Path) -> Record:
    return run_trial(knobs_of(engine="onnx", model_threads=1, spinning=False), runs)


def test_the_record_says_what_ran(runs, eager, onnx):
    assert (eager.status, onnx.status) == ("ok", "ok"), (eager.failure, onnx.failure)
    facts = onnx.engine
    assert facts is not None and onnx.steady is not None and onnx.startup is not None
    assert (facts.engine, facts.provider, facts.precision) == ("onnx", "CPUExecutionProvider", "fp32")
    assert facts.calls == onnx.steady.num_steps
    assert (facts.threads, facts.spinning, facts.batch_sizes) == (1, False, [4, 2])
    assert onnx.startup.engine_s == pytest.approx(facts.load_s, rel=0.5)
    assert eager.engine is not None and eager.engine.calls == eager.steady.num_steps
    arrays = np.load(runs / onnx.run_id / SAMPLES)
    assert arrays["result_probability"].shape == (2, 80, 80)
    assert sorted(arrays["scored_pages"].tolist()) == list(range(6))
    assert arrays["page_counts"].shape == (6, 3)


def test_its_result_is_the_baselines(runs, eager, onnx):
    checks = compare_runs(runs, eager, onnx)
    names = {check.name: check.status for check in checks.checks}
    assert names["probabilities of the model"] in ("same", "within_tolerance")
    assert names["words of the model"] in ("same", "within_tolerance", "not_comparable")
    assert checks.status in ("same", "within_tolerance")


def test_a_workload_that_does_not_call_the_engine_fails(runs):
    record = run_trial(knobs_of(workload="engine_workloads:KeepsItsModel", engine="onnx"), runs)
    assert record.status == "failed" and record.failure is not None
    assert "no counted step ran the engine that was asked for: the model itself was called" in record.failure.message


def test_training_says_how_often_weights_were_updated(runs):
    settings = {"mode": "train", "targets": "fast", "accumulate": 2, "num_steps": 4, "batch_size": 2}
    pair = [run_trial(knobs_of(**settings, checkpointing=value), runs) for value in (False, True)]
    assert [record.status for record in pair] == ["ok", "ok"], [record.failure for record in pair]
    assert pair[0].training is not None
    assert (pair[0].training.optimizer_steps, pair[0].training.samples_per_step) == (2, 4.0)
    checks = compare_runs(runs, *pair)
    assert checks.status == "same", checks


def test_a_workload_without_a_model_to_hand_over_takes_no_engine():
    with pytest.raises(BadInput, match="the workload does not hand over its model"):
        check_inputs(toy_knobs(device="cpu", engine="onnx"))
