"""Profilers: a clean trial answers, the one with profilers carries what they cost, and each names the other."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from record_factory import make_failed, make_record
from toy import toy_knobs

from workbench.knobs.knobs import Knobs
from workbench.measure.trial import profiled
from workbench.measure.trial.events import Event
from workbench.measure.trial.profiled import overhead_of, run_profiled, trials_of
from workbench.records import Record
from workbench.records.run_folder import RECORD, read_record, write_json

pytestmark = pytest.mark.real


class Launches:
    """In place of the launcher: trials that end at once, and are slower with profilers.

    Attributes:
        failing: Numbers of those that fail, from 1.
    """

    def __init__(self) -> None:
        self.knobs: list[Knobs] = []
        self.failing: set[int] = set()

    def __call__(
        self, knobs: Knobs, runs: Path, *, on_event: Any = None, cancel: threading.Event | None = None
    ) -> Record:
        self.knobs.append(knobs)
        rates = {1: 100.0, 2: 50.0, 3: 110.0}
        number = len(self.knobs)
        name = f"run-{number}"
        record = make_failed(name) if number in self.failing else make_record(rates[number], name=name)
        record = record.model_copy(update={"knobs": knobs})
        write_json(runs / record.run_id / RECORD, record)
        if on_event is not None:
            on_event(Event(phase="steady"))
        return record


@pytest.fixture
def launches(monkeypatch: pytest.MonkeyPatch) -> Launches:
    made = Launches()
    monkeypatch.setattr(profiled, "run_trial", made)
    return made


def test_the_overhead_is_the_throughput_without_over_that_with():
    record = make_record(50.0, profilers="lines,memory")
    overhead = overhead_of(record, [make_record(100.0, name="a"), make_record(110.0, name="b"), make_failed()])
    assert overhead is not None
    assert (overhead.factor, overhead.lowest, overhead.highest) == pytest.approx((2.1, 2.0, 2.2))
    assert overhead.profilers == ["lines", "memory"]
    assert overhead.run_ids == ["a", "b"]


@pytest.mark.parametrize(
    ("record", "plain"), [(make_record(profilers="torch"), make_failed()), (make_failed(), make_record())]
)
def test_without_both_kinds_of_trial_there_is_no_overhead(record, plain):
    assert overhead_of(record, [plain]) is None


def test_the_clean_run_before_answers_and_names_the_one_with_profilers(tmp_path, launches):
    knobs = toy_knobs(profilers="lines,stacks", line_functions="toy.decode", native_stacks=True)
    said: list[str] = []
    record = run_profiled(knobs, tmp_path, on_event=lambda event: said.append(event.trial))
    assert [bool(each.profilers) for each in launches.knobs] == [False, True, False]
    assert launches.knobs[1].changed(checked_samples=knobs.checked_samples) == knobs
    assert launches.knobs[0].compared(knobs) == {}, "they differ in nothing but how they are looked at"
    assert launches.knobs[0].checked_samples == knobs.checked_samples > 0, "checks are of the run that answers"
    assert said == ["clean run before", "with profilers", "clean run after"]
    assert (record.run_id, record.profiled_run_id, trials_of(knobs)) == ("run-1", "run-2", 3)
    assert record.profiler_overhead is None
    assert read_record(tmp_path / "run-1") == record
    profiled_record = read_record(tmp_path / "run-2")
    assert profiled_record.profiler_overhead is not None
    assert profiled_record.profiler_overhead.run_ids == ["run-1", "run-3"]


@pytest.mark.parametrize(("failing", "answers"), [({1}, "run-3"), ({3}, "run-1"), ({2}, "run-1"), ({1, 3}, "run-2")])
def test_of_the_runs_that_did_not_fail_a_clean_one_answers(tmp_path, launches, failing, answers):
    launches.failing = failing
    record = run_profiled(toy_knobs(profilers="memory"), tmp_path)
    assert record.run_id == answers
    assert record.profiled_run_id == (None if answers == "run-2" else "run-2")
    assert any("both runs without profilers failed" in note for note in record.notes) == (answers == "run-2")
    assert read_record(tmp_path / answers) == record


@pytest.mark.parametrize("after", [1, 2])
def test_what_was_cancelled_is_not_followed_by_more(tmp_path, launches, after):
    cancel = threading.Event()

    def follow(event: Any) -> None:
        if len(launches.knobs) == after:
            cancel.set()

    record = run_profiled(toy_knobs(profilers="memory"), tmp_path, on_event=follow, cancel=cancel)
    assert record.run_id == f"run-{after}"
    assert len(launches.knobs) == after


def test_without_profilers_it_is_a_trial(tmp_path, launches):
    knobs = toy_knobs()
    assert run_profiled(knobs, tmp_path).profiled_run_id is None
    assert launches.knobs == [knobs]
    assert trials_of(knobs) == 1
