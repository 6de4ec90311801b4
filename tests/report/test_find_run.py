"""The run that a person names, and what a stage costs in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from record_factory import make_failed, make_record, make_stage

from workbench.errors import BadInput
from workbench.records import Isolated, ProfilerOverhead, Record
from workbench.records.run_folder import RECORD, write_json
from workbench.report.find_run import RunsBelow, find_run


def leave(runs: Path, record: Record) -> Path:
    write_json(runs / record.run_id / RECORD, record)
    return runs / record.run_id


def test_a_run_is_found_by_its_folder_its_name_or_as_the_last_that_ended_well(tmp_path):
    first, second = (leave(tmp_path, make_record(name=name)) for name in ("a", "b"))
    leave(tmp_path, make_failed("c"))
    assert find_run(str(first), tmp_path) == first
    assert find_run("a", tmp_path) == first
    assert find_run("last", tmp_path) == second


def with_profilers(name: str, *clean: str) -> Record:
    overhead = ProfilerOverhead(profilers=["torch"], factor=2.0, lowest=2.0, highest=2.0, run_ids=list(clean))
    return make_record(name=name, profilers="torch").model_copy(update={"profiler_overhead": overhead})


def test_the_last_run_is_a_clean_one(tmp_path):
    slow = leave(tmp_path, with_profilers("b"))
    assert find_run("last", tmp_path) == slow, "there is no other"
    before = leave(tmp_path, make_record(name="a"))
    assert find_run("last", tmp_path) == before
    leave(tmp_path, make_record(name="c"))
    leave(tmp_path, with_profilers("b", "a", "c"))
    assert find_run("last", tmp_path) == before, "the one that the report is about"
    assert find_run("b", tmp_path) == slow
    other = leave(tmp_path, make_record(name="d"))
    assert find_run("last", tmp_path) == other


@pytest.mark.parametrize(("name", "words"), [("nowhere", "there is no run 'nowhere'"), ("last", "that ended well")])
def test_a_run_that_is_not_there_is_refused(tmp_path, name, words):
    leave(tmp_path, make_failed("c"))
    with pytest.raises(BadInput, match=words):
        find_run(name, tmp_path)


def test_a_stage_costs_what_it_took_isolated_for_every_sample(tmp_path):
    stages = [make_stage("worker", "read", 0.5, per="sample", count=100), make_stage("worker", "collate", 0.2)]
    isolated = Isolated(samples=[1, 2], stages=[make_stage("worker", "read", 0.06, per="sample", count=20)])
    leave(tmp_path, make_record(name="loaded", stages=stages))
    leave(tmp_path, make_record(name="both", stages=stages).model_copy(update={"isolated": isolated}))
    cost = RunsBelow(tmp_path).stage_s
    assert cost("loaded", "read") == pytest.approx(0.005)
    assert cost("both", "read") == pytest.approx(0.003)
    for stage in ("collate", "nothing"):
        with pytest.raises(BadInput, match=f"has no stage '{stage}' that is done for every sample"):
            cost("loaded", stage)


def test_a_model_takes_what_the_device_did_in_a_run_with_that_engine(tmp_path):
    stages = [make_stage("device", "forward", 0.5), make_stage("device", "loss", 0.1)]
    record = make_record(name="onnx", stages=stages)
    leave(tmp_path, record.model_copy(update={"knobs": record.knobs.unchecked(engine="onnx")}))
    leave(tmp_path, make_record(name="no-device", stages=[]))
    others = RunsBelow(tmp_path)
    assert others.model_s("onnx", "engine", "onnx") == pytest.approx(0.6 / record.steady.num_samples)
    with pytest.raises(BadInput, match="run 'onnx' has engine=onnx"):
        others.model_s("onnx", "engine", "eager")
    with pytest.raises(BadInput, match="has no times of a model"):
        others.model_s("no-device", "engine", "eager")
