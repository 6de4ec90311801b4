"""What processes have left behind is found by its name, its age, and that nobody has it open."""

from __future__ import annotations

import fcntl
import tempfile
import time

import pytest

from workbench.report.removal import remove
from workbench.report.stale import left_behind, unused_caches

DAY_S = 86400.0
RUN = "20260101-000000-00000a"


def names(found) -> list[str]:
    return [path.name for thing in found for path in thing.paths]


def after(days: float):
    later_s = time.time() + days * DAY_S
    return lambda: later_s


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder for temporary files; the machine's own is not looked into."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr("workbench.report.stale._temporary_folders", lambda: [folder])
    return folder


def test_old_temporary_folders_go_and_those_of_others_stay(tmp_path, temporary):
    for name in ("workbench-ab12cd_9", f"workbench-observe-{RUN}", "workbench-notes", "other-ab12cd_9"):
        (temporary / name).mkdir()
        (temporary / name / "file").touch()
    (temporary / "workbench-linked_0").symlink_to(tmp_path)
    assert left_behind(tmp_path, now_s=after(0.5)) == []
    assert names(left_behind(tmp_path, now_s=after(2))) == ["workbench-ab12cd_9", f"workbench-observe-{RUN}"]


def test_a_temporary_folder_that_a_process_has_open_stays(tmp_path, temporary):
    (temporary / "workbench-ab12cd_9").mkdir()
    with (temporary / "workbench-ab12cd_9" / "progress.jsonl").open("w"):
        assert left_behind(tmp_path, now_s=after(2)) == []
    assert names(left_behind(tmp_path, now_s=after(2))) == ["workbench-ab12cd_9"]


def test_half_of_a_file_goes_and_so_does_half_of_what_was_removed(tmp_path, temporary):
    run = tmp_path / "runs" / RUN
    run.mkdir(parents=True)
    (run / ".record.json.a1b2c3d4").touch()
    (run / ".mine").touch()
    (tmp_path / "runs" / f".removed-{RUN}").mkdir()
    (tmp_path / "runs" / ".removed-other").mkdir()
    found = left_behind(tmp_path, now_s=after(2))
    assert names(found) == [f".removed-{RUN}", ".record.json.a1b2c3d4"]
    assert remove(found).left == []
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [".removed-other", RUN]


def test_cache_entries_go_that_nobody_has_used(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    (tmp_path / "k.pages").write_bytes(b"x")
    (tmp_path / "mine.txt").touch()
    for name in ("engines", "words", "compiled", "others"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "entry").touch()
    assert unused_caches(30, now_s=after(29)) == []
    with (tmp_path / "k.pages").open("rb"):
        assert names(unused_caches(30, now_s=after(31))) == ["entry"] * 3
    assert names(unused_caches(30, now_s=after(31))) == ["k.pages", "entry", "entry", "entry"]


def test_half_of_a_cache_goes_unless_it_is_being_written(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    (tmp_path / ".k-0123abcd").touch()
    with (tmp_path / ".k-0123abcd").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert unused_caches(30) == []
    assert names(unused_caches(30)) == [".k-0123abcd"]
