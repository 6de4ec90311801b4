"""A trial through profilers carries their overhead: their throughput against that of the same trial without them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from record_factory import make_failed, make_record
from toy import toy_knobs

from workbench.knobs.knobs import Knobs
from workbench.measure.trial import profiled
from workbench.measure.trial.profiled import overhead_of, plain_run, run_profiled, trials_of
from workbench.records import Record
from workbench.records.run_folder import RECORD, read_record, write_json

pytestmark = pytest.mark.real


class Launches:
    """In place of the launcher: trials that end at once, and are slower with profilers."""

    def __init__(self) -> None:
        self.knobs: list[Knobs] = []

    def __call__(
        self, knobs: Knobs, runs: Path, *, on_event: Any = None, cancel: threading.Event | None = None
    ) -> Record:
        self.knobs.append(knobs)
        rates = {1: 100.0, 2: 50.0, 3: 110.0}
        record = make_record(rates[len(self.knobs)], name=f"run-{len(self.knobs)}")
        record = record.model_copy(update={"knobs": knobs})
        write_json(runs / record.run_id / RECORD, record)
        if on_event is not None:
            on_event("an event")
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


def test_three_trials_are_run_and_the_record_is_rewritten(tmp_path, launches):
    knobs = toy_knobs(profilers="lines,stacks", line_functions="toy.decode", native_stacks=True)
    record = run_profiled(knobs, tmp_path)
    assert [bool(each.profilers) for each in launches.knobs] == [False, True, False]
    assert launches.knobs[1] == knobs
    assert launches.knobs[0].compared(knobs) == {}, "they differ in nothing but how they are looked at"
    assert (record.run_id, trials_of(knobs)) == ("run-2", 3)
    assert record.profiler_overhead is not None
    assert record.profiler_overhead.run_ids == ["run-1", "run-3"]
    assert read_record(tmp_path / "run-2") == record
    assert plain_run(record, tmp_path).run_id == "run-1", "what is said of the run rests on the one without profilers"
    plain = read_record(tmp_path / "run-1")
    assert plain_run(plain, tmp_path) is plain


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
    assert run_profiled(knobs, tmp_path).profiler_overhead is None
    assert launches.knobs == [knobs]
    assert trials_of(knobs) == 1
