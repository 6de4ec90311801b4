"""A run folder is written whole and read back; what is damaged is named."""

from __future__ import annotations

import json

import pytest
from record_factory import make_record

from workbench.errors import BadInput
from workbench.records import run_folder as run_store
from workbench.records.run_folder import (
    KNOBS,
    RECORD,
    list_runs,
    new_run_folder,
    read_knobs,
    read_record,
    read_spans,
    write_json,
    write_text,
)
from workbench.workloads.ocr.knobs import OcrKnobs


def test_knobs_lie_in_a_fresh_folder(tmp_path):
    folders = [new_run_folder(tmp_path / "runs", OcrKnobs(cache="decoded")) for _ in range(3)]
    assert len(set(folders)) == 3
    assert read_knobs(folders[0]) == OcrKnobs(cache="decoded")


def test_a_record_comes_back(tmp_path):
    write_json(tmp_path / RECORD, make_record())
    assert read_record(tmp_path) == make_record()


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    write_text(tmp_path / "a.txt", "old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_store.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_only_runs_that_ended_are_listed(tmp_path):
    ended, running = (new_run_folder(tmp_path, OcrKnobs()) for _ in range(2))
    write_json(ended / RECORD, make_record())
    assert list(list_runs(tmp_path)) == [ended]
    assert running.is_dir()
    assert list(list_runs(tmp_path / "nowhere")) == []


def test_a_missing_record_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"no record\.json"):
        read_record(tmp_path)


@pytest.mark.parametrize("content", ["", "{", '{"run_id": 5}', "[]"])
def test_a_damaged_record_is_named(tmp_path, content):
    (tmp_path / RECORD).write_text(content)
    with pytest.raises(BadInput, match=r"record.json is damaged"):
        read_record(tmp_path)


@pytest.mark.parametrize("content", ["{", json.dumps({"cahce": "none"})])
def test_damaged_knobs_are_named(tmp_path, content):
    (tmp_path / KNOBS).write_text(content)
    with pytest.raises(BadInput, match=r"knobs.json"):
        read_knobs(tmp_path)


def test_a_run_without_spans_says_how_to_get_them(tmp_path):
    with pytest.raises(BadInput, match="stage_timing"):
        read_spans(tmp_path)
