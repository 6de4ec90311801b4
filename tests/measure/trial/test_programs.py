"""Another workbench measures a variant: it gets its own package, and what it leaves is read with care."""

from __future__ import annotations

from pathlib import Path

import pytest
from record_factory import make_record

from workbench.errors import CannotWrite
from workbench.measure.trial import launcher
from workbench.measure.trial.events import Event
from workbench.measure.trial.launcher import run_trial
from workbench.records import Program
from workbench.records.run_folder import read_knobs, write_json
from workbench.workloads.ocr.knobs import OcrKnobs

pytestmark = pytest.mark.real


def program(folder: Path, script: str, source: str | None = None) -> Program:
    """An interpreter that runs a shell script, in which $3 is the run folder."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return Program(name="v1", python=str(path), source=source)


@pytest.mark.parametrize("source", [None, "/somewhere/source"])
def test_its_package_is_found_before_that_of_the_current_folder(tmp_path, monkeypatch, source):
    monkeypatch.setenv("PYTHONPATH", "/of/the/caller")
    other = program(tmp_path, 'echo "[$PYTHONPATH] $PYTHONSAFEPATH" > "$3/found"', source)
    record = run_trial(OcrKnobs(), tmp_path / "runs", program=other)
    assert (tmp_path / "runs" / record.run_id / "found").read_text() == f"[{source or ''}] 1\n"


def test_it_is_told_only_the_knobs_that_it_may_not_have_by_default(tmp_path):
    record = run_trial(OcrKnobs(num_workers=3), tmp_path / "runs", program=program(tmp_path, "exit 1"))
    folder = tmp_path / "runs" / record.run_id
    assert (folder / "knobs.json").read_text().split() == ["{", '"num_workers":', "3", "}"]
    assert read_knobs(folder) == OcrKnobs(num_workers=3)


def test_a_record_that_cannot_be_read_is_a_failure_that_says_so(tmp_path):
    other = program(tmp_path, 'echo \'{"schema_version": 99}\' > "$3/record.json"')
    record = run_trial(OcrKnobs(), tmp_path / "runs", program=other)
    assert record.failure is not None
    assert "'v1' has left a record that this workbench cannot read" in record.failure.message


def test_the_machine_is_watched_beside_every_trial(tmp_path):
    record = run_trial(OcrKnobs(), tmp_path / "runs", program=program(tmp_path, "exit 1"))
    assert record.machine is not None
    assert record.machine.wall_s > 0.0
    assert record.machine.num_cores >= 1


def test_a_full_disk_does_not_stop_the_events(tmp_path):
    """More of them than a pipe holds: a trial whose pipe nobody empties would wait for ever."""
    script = 'ln -s /dev/full "$3/events.jsonl"; yes \'{"phase": "steady"}\' | head -n 20000; exit 1'
    events: list[Event] = []
    record = run_trial(
        OcrKnobs(timeout_s=60.0), tmp_path / "runs", program=program(tmp_path, script), on_event=events.append
    )
    assert len(events) == 20000
    assert record.failure is not None
    assert record.failure.kind == "crash"
    assert record.notes == ["events.jsonl is not complete: No space left on device"]


def refuse(path: Path, model: object) -> None:
    raise CannotWrite.full(path, needed_bytes=1)


def test_a_record_that_cannot_be_written_is_there_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(launcher, "write_json", refuse)
    record = run_trial(OcrKnobs(), tmp_path / "runs", program=program(tmp_path, "exit 3"))
    assert record.status == "failed"
    assert record.failure is not None
    assert "cannot write record.json" in record.failure.message
    assert "exit code 3" in record.failure.message


def test_a_record_that_lies_there_survives_a_disk_that_is_full_afterwards(tmp_path, monkeypatch):
    left = tmp_path / "left.json"
    write_json(left, make_record())
    monkeypatch.setattr(launcher, "write_json", refuse)
    record = run_trial(OcrKnobs(), tmp_path / "runs", program=program(tmp_path, f'cp "{left}" "$3/record.json"'))
    assert record.status == "ok"
    assert record.steady == make_record().steady
    assert record.machine is not None
    assert "cannot write record.json" in record.notes[-1]
