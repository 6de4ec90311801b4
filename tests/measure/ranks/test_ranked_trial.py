"""Trials of two ranks for real: one record, the slowest named, the same parameters; and what a rank does wrong."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from types import SimpleNamespace

import psutil
import pytest

from workbench.errors import BadInput
from workbench.knobs.joined import parse_knobs
from workbench.measure.ranks.ranked_trial import cause_of, check_ranks, folder_of
from workbench.measure.trial.launcher import run_trial
from workbench.records import Failure, Record
from workbench.records.run_folder import read_record, read_spans, write_json

pytestmark = pytest.mark.real


@pytest.fixture
def trained(tmp_path):
    """Runs two ranks; gives the record and its folder."""

    def run(fault: str = "none", **settings):
        common = {"num_workers": 0, "num_steps": 6, "batch_size": 2, "checked_samples": 0, "timeout_s": 120.0}
        knobs = parse_knobs(
            {"workload": "rank_workloads:Linear", "mode": "train", "device": "cpu", "ranks": 2, "fault": fault}
            | common
            | settings
        )
        record = run_trial(knobs, tmp_path)
        return record, tmp_path / record.run_id

    return run


def left_over(folder) -> list[psutil.Process]:
    """Processes of a run, also those that a dead rank has started."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        with contextlib.suppress(psutil.Error):
            is_named = str(folder) in " ".join(process.info["cmdline"] or ())
            if is_named or process.environ().get("TORCHELASTIC_RUN_ID") == folder.name:
                found.append(process)
    return found


def test_two_ranks_are_one_record(trained):
    record, folder = trained(num_workers=1, start_method="forkserver", num_samples=13)
    assert record.status == "ok", record.failure
    assert [rank.rank for rank in record.ranks] == [0, 1]
    assert {rank.num_steps for rank in record.ranks} == {6}
    own = [read_record(folder_of(folder, number)) for number in (0, 1)]
    assert own[0].training.parameters == own[1].training.parameters == record.training.parameters
    for rank in record.ranks:
        shares = {lane.lane: lane.attributed_share for lane in rank.lanes}
        assert {"main", "worker"} <= set(shares)
        assert rank.rank_wait_s is not None and rank.exchange_s is not None
    # 13 samples are 7 for each rank: in every epoch of 4 steps one is given twice, and counts once.
    assert record.steady.num_samples == sum(one.steady.num_samples for one in own)
    assert sum(one.batches.samples[0] for one in own) == 4
    assert not read_spans(folder).empty and not read_spans(folder_of(folder, 1)).empty
    assert read_record(folder) == record and not left_over(folder)


def test_an_epoch_counts_every_sample_once(trained):
    record, _ = trained(num_samples=13, num_steps=4, warmup_steps=4)
    assert record.status == "ok", record.failure
    assert record.steady.num_samples == 13
    assert record.steady.num_epochs == pytest.approx(1.0)


def test_the_slowest_rank_is_named_and_the_other_waits_for_it(trained):
    record, _ = trained("slow")
    fast, slow = record.ranks
    assert slow.own_step_s > 0.05 > fast.own_step_s and slow.own_stage == "forward"
    assert fast.rank_wait_s > 0.03 > slow.rank_wait_s


@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [
        ("killed", "killed", "rank 1 was ended by signal SIGKILL"),
        ("raises", "error", "rank 1: ValueError: sample 3 is torn"),
        ("keeps its gradients", "error", "hold different parameters"),
    ],
)
def test_a_rank_that_fails_ends_all_and_is_named(trained, fault, kind, message):
    began = time.monotonic()
    record, folder = trained(fault, num_workers=1, start_method="forkserver")
    assert record.status == "failed" and record.failure.kind == kind
    assert message in record.failure.message
    assert time.monotonic() - began < 90 and not left_over(folder)


def test_more_ranks_than_cores_are_refused(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    with pytest.raises(BadInput, match=r"2 cores.*Take ranks=2"):
        check_ranks(SimpleNamespace(ranks=3, device="cpu"))
    check_ranks(SimpleNamespace(ranks=2, device="cpu"))


def failing(folder, number: int, message: str) -> None:
    failure = Failure(kind="error", phase="steady", message=message)
    knobs = parse_knobs({"workload": "toy:Toy"})
    folder_of(folder, number).mkdir()
    at = "2026-01-01T00:00:00+00:00"
    record = Record(run_id="a", created_at=at, status="failed", failure=failure, knobs=knobs)
    write_json(folder_of(folder, number) / "record.json", record)


def test_a_rank_that_lost_another_is_not_the_cause(tmp_path):
    failing(tmp_path, 0, "RuntimeError: [../gloo/transport/tcp/pair.cc:534] Connection closed by peer")
    failing(tmp_path, 1, "ValueError: sample 3 is torn")
    exits = {0: SimpleNamespace(exitcode=1), 1: SimpleNamespace(exitcode=1)}
    assert cause_of(exits, tmp_path, 2).message == "rank 1: ValueError: sample 3 is torn"


def test_a_rank_that_was_killed_is_the_cause_of_all_else(tmp_path):
    failing(tmp_path, 0, "RuntimeError: something else")
    exits = {0: SimpleNamespace(exitcode=1), 1: SimpleNamespace(exitcode=-signal.SIGKILL)}
    assert cause_of(exits, tmp_path, 2).message.startswith("rank 1 was ended by signal SIGKILL")


def test_a_rank_that_ends_without_a_word_is_named(tmp_path):
    found = cause_of({1: SimpleNamespace(exitcode=3)}, tmp_path, 2)
    assert found.message == "rank 1 ended with exit code 3 and left no record"
