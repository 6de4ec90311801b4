"""A run folder is written whole and read back; what is damaged is named."""

from __future__ import annotations

import errno
import json
import os
import pickle
import re
import shutil
from pathlib import Path

import pytest
from record_factory import make_record

from workbench.errors import BadInput, CannotWrite
from workbench.records import run_folder as run_store
from workbench.records.run_folder import (
    COMPARISON,
    KNOBS,
    RECORD,
    SELFTEST,
    SPANS,
    STATE,
    list_runs,
    new_run_folder,
    read_comparison,
    read_knobs,
    read_record,
    read_selftest,
    read_spans,
    read_state,
    write_json,
    write_text,
    writing,
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
    with pytest.raises(CannotWrite) as caught:
        write_text(tmp_path / "a.txt", "new")
    assert caught.value.folder == tmp_path
    assert caught.value.needed_bytes == 3
    assert caught.value.free_bytes is not None
    assert re.search(
        r"a\.txt in .*: no space left on device \(0\.000 MB needed, .* MB free\)\. Make", str(caught.value)
    )
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def no_room(*args: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_run_folder_without_room_is_not_left_half_made(tmp_path, monkeypatch):
    monkeypatch.setattr(run_store.os, "fsync", no_room)
    with pytest.raises(CannotWrite, match=r"knobs\.json"):
        new_run_folder(tmp_path / "runs", OcrKnobs())
    assert list((tmp_path / "runs").iterdir()) == []


def test_every_writer_is_told_of_a_full_disk():
    """The disk is one that is really full."""
    path = Path("/dev/full")
    with pytest.raises(CannotWrite, match="cannot write full in /dev: no space left"), writing(path):
        path.write_text("x")


def test_what_is_there_of_a_file_is_removed(tmp_path):
    path = tmp_path / "spans.parquet"
    with pytest.raises(CannotWrite), writing(path, partial=True):
        path.write_text("half of")
        no_room()
    assert not path.exists()
    with pytest.raises(ZeroDivisionError), writing(path, partial=True):
        path.write_text("an error of the program's own touches nothing")
        raise ZeroDivisionError
    assert path.exists()


def test_a_writer_that_gives_no_reason_is_believed_where_the_disk_is_full(tmp_path, monkeypatch):
    """NumPy counts what it could not write, and names no error."""
    error = OSError("16384 requested and 0 written")
    with pytest.raises(OSError, match="16384") as caught, writing(tmp_path / "a.npz"):
        raise error
    assert caught.value is error
    usage = shutil.disk_usage(tmp_path)._replace(free=0)
    monkeypatch.setattr(run_store.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(CannotWrite, match=r"a\.npz"), writing(tmp_path / "a.npz"):
        raise error


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_folder_that_is_not_ours_is_named_with_the_reason(tmp_path, number):
    with pytest.raises(CannotWrite) as caught, writing(tmp_path / "a.txt"):
        raise OSError(number, os.strerror(number))
    assert os.strerror(number).lower() in str(caught.value).lower()
    assert "free" not in str(caught.value)


def test_an_error_of_another_kind_stays_what_it_is(tmp_path):
    with pytest.raises(FileNotFoundError), writing(tmp_path / "a.txt"):
        (tmp_path / "missing" / "a.txt").write_text("")


def test_the_error_crosses_process_borders_whole(tmp_path):
    error = CannotWrite(tmp_path / "a.txt", "No space left on device", free_bytes=1, needed_bytes=2)
    copied = pickle.loads(pickle.dumps(error))
    assert (str(copied), copied.folder, copied.free_bytes) == (str(error), tmp_path, 1)


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


@pytest.mark.parametrize("put", [Path.mkdir, lambda path: path.symlink_to("gone")], ids=["folder", "dangling link"])
def test_what_stands_in_place_of_a_file_is_damage_and_not_its_absence(tmp_path, put):
    (tmp_path / "run").mkdir()
    put(tmp_path / "run" / RECORD)
    assert list(list_runs(tmp_path)) == [tmp_path / "run"]
    with pytest.raises(BadInput, match=r"record.json: cannot be read .*Put back a copy"):
        read_record(tmp_path / "run")


def test_damaged_spans_are_refused_by_name(tmp_path):
    (tmp_path / SPANS).write_bytes(b"PAR1 and no more")
    with pytest.raises(BadInput, match=r"spans.parquet: is damaged"):
        read_spans(tmp_path)


def test_a_run_without_spans_says_how_to_get_them(tmp_path):
    with pytest.raises(BadInput, match="stage_timing"):
        read_spans(tmp_path)


@pytest.mark.parametrize(
    ("name", "read"),
    [(RECORD, read_record), (COMPARISON, read_comparison), (STATE, read_state), (SELFTEST, read_selftest)],
)
def test_a_file_of_the_older_schema_is_refused_with_the_version_that_reads_it(tmp_path, name, read):
    (tmp_path / name).write_text(json.dumps({"schema_version": 1, "run_id": "a", "pages_per_s": 3.0}))
    with pytest.raises(BadInput) as caught:
        read(tmp_path)
    (problem,) = caught.value.problems
    assert str(problem) == ("is a record of schema 1, and this workbench reads schema 2; workbench 0.1 reads it"), (
        "one line, and not a list of fields"
    )
    assert name in str(caught.value)


def test_a_file_of_a_newer_schema_is_refused_as_such(tmp_path):
    (tmp_path / RECORD).write_text(json.dumps({"schema_version": 99}))
    with pytest.raises(BadInput, match=r"schema 99.*a newer workbench wrote it"):
        read_record(tmp_path)


def test_a_record_of_a_workload_that_is_not_on_this_machine_opens_and_keeps_its_knobs(tmp_path):
    content = json.loads(make_record().model_dump_json())
    content["knobs"] = {"workload": "gone.module:Workload", "num_workers": 3, "crop": 224, "labels": ["a", "b"]}
    (tmp_path / RECORD).write_text(json.dumps(content))
    record = read_record(tmp_path)
    assert (record.knobs.num_workers, record.knobs.crop) == (3, 224)
    assert record.item == "page", "what the record itself says is there"
    assert record.catalogue.find("worker", "decode").replayable
    again = json.loads(record.model_dump_json())["knobs"]
    assert (again["crop"], again["labels"], again["workload"]) == (224, ["a", "b"], "gone.module:Workload")


def test_knobs_of_a_workload_that_is_gone_are_compared_by_what_they_were(tmp_path):
    def read(**settings):
        content = json.loads(make_record().model_dump_json())
        content["knobs"] = {"workload": "gone.module:Workload", **settings}
        (tmp_path / RECORD).write_text(json.dumps(content))
        return read_record(tmp_path).knobs

    baseline, variant = read(crop=224), read(crop=160, num_workers=0, timeout_s=9.0)
    assert variant.compared(baseline) == {"num_workers": 0, "crop": 160}
    assert baseline.compared(read(crop=224)) == {}
    assert read(crop=224, knock_out=[], profilers=["lines"]).compared() == {"crop": 224}


@pytest.mark.parametrize(
    "content", ["null", "[]", '"knobs"', '{"workload": "nope.nope:Nope"}', f'{{"seed": {"9" * 5000}}}']
)
def test_knobs_that_are_none_are_named_with_their_file(tmp_path, content):
    (tmp_path / KNOBS).write_text(content)
    with pytest.raises(BadInput) as caught:
        read_knobs(tmp_path)
    assert caught.value.subject == str(tmp_path / KNOBS)


@pytest.mark.parametrize("version", ['{"a": 1}', "[]", "9" * 5000, '"1"', "null"])
def test_a_schema_that_is_no_number_is_damage(tmp_path, version):
    write_json(tmp_path / RECORD, make_record())
    text = (tmp_path / RECORD).read_text()
    assert '"schema_version": 2' in text
    (tmp_path / RECORD).write_text(text.replace('"schema_version": 2', f'"schema_version": {version}', 1))
    with pytest.raises(BadInput, match=r"record\.json:? is damaged"):
        read_record(tmp_path)


def test_work_that_no_process_shares_is_damage(tmp_path):
    write_json(tmp_path / RECORD, make_record())
    text = (tmp_path / RECORD).read_text()
    assert '"side_by_side": 1' in text
    (tmp_path / RECORD).write_text(text.replace('"side_by_side": 1', '"side_by_side": 0', 1))
    with pytest.raises(BadInput, match="side_by_side"):
        read_record(tmp_path)
