"""What results take is said before a trial; one that would fill the disk is refused."""

from __future__ import annotations

import shutil

import pytest

from workbench.records.run_folder import RECORD
from workbench.report import room
from workbench.report.room import NoRoom, check_room


@pytest.fixture
def reports(tmp_path):
    """A folder with one trial of 100 kB, and a file of somebody else."""
    folder = tmp_path / "runs" / "20260101-000000-00000a"
    folder.mkdir(parents=True)
    (folder / RECORD).write_bytes(bytes(100_000))
    (tmp_path / "film.mp4").write_bytes(bytes(1_000_000))
    return tmp_path


def test_it_is_said_before_the_bound_is_reached(reports, monkeypatch):
    assert check_room(reports) == ""
    monkeypatch.setattr(room, "BOUND_BYTES", 120_000)
    assert "workbench clean --keep 50" in check_room(reports)
    monkeypatch.setattr(room, "BOUND_BYTES", 1_000_000)
    assert check_room(reports) == "", "a film isn't what could be removed"


def test_a_trial_that_would_fill_the_disk_is_refused(reports, monkeypatch):
    usage = shutil.disk_usage(reports)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=50_000))
    with pytest.raises(NoRoom, match=r"50.0 kB are free, and one of the last 5 trials took 10\d kB.*workbench clean"):
        check_room(reports)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=200_000))
    assert check_room(reports) == ""


def test_an_empty_folder_has_room(tmp_path):
    assert check_room(tmp_path) == ""
