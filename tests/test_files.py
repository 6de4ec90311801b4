"""The files of a data set, and the environment of the processes that the workbench starts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from workbench.errors import BadInput
from workbench.files import QUIET_LIBRARIES, cache_dir, child_environment, expanded, files_below


def test_all_files_sorted_but_hidden_ones(tmp_path):
    for name in ("b.jpg", "a/c.jpg", "a/a.jpg", ".hidden.jpg", ".git/x", "a/.ipynb_checkpoints/x.json", "z/._b.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert files_below(tmp_path) == [tmp_path / "a/a.jpg", tmp_path / "a/c.jpg", tmp_path / "b.jpg"]


def test_a_hidden_folder_may_be_the_data_set_itself(tmp_path):
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache/a.jpg").touch()
    assert files_below(tmp_path / ".cache") == [tmp_path / ".cache/a.jpg"]


def test_links_are_followed_and_rings_end(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store/a.jpg").touch()
    (tmp_path / "set").mkdir()
    (tmp_path / "set/images").symlink_to(tmp_path / "store")
    (tmp_path / "set/again").symlink_to(tmp_path / "set")
    assert files_below(tmp_path / "set") == [tmp_path / "set/images/a.jpg"]


def test_what_would_be_waited_for_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").symlink_to("a.jpg")
    (tmp_path / "c.jpg").symlink_to("/dev/zero")
    (tmp_path / "d.jpg").symlink_to("gone")
    (tmp_path / "e.jpg").symlink_to("e.jpg")
    (tmp_path / "f.jpg").touch()
    assert files_below(tmp_path) == [tmp_path / f"{name}.jpg" for name in "def"]


def test_an_empty_folder(tmp_path):
    assert files_below(tmp_path) == []


def test_a_child_inherits_and_asks_nobody(monkeypatch):
    monkeypatch.setenv("MINE", "1")
    monkeypatch.delenv("NO_ALBUMENTATIONS_UPDATE")
    environment = child_environment({"PYTHONPATH": "/there"})
    assert (environment["MINE"], environment["PYTHONPATH"]) == ("1", "/there")
    assert QUIET_LIBRARIES.items() <= environment.items()


def test_nobody_else_sets_what_keeps_libraries_quiet(checkout: Path):
    named = [
        path.relative_to(checkout).as_posix()
        for folder in ("workbench", "tests", "benchmarks", "examples", "scripts")
        for path in (checkout / folder).rglob("*.py")
        if any(name in path.read_text(encoding="utf-8") for name in QUIET_LIBRARIES)
    ]
    assert sorted(named) == ["tests/test_files.py", "workbench/files.py"]


def test_a_home_folder_that_there_is_not_is_named(monkeypatch):
    assert expanded("~/a") == Path.home() / "a"
    with pytest.raises(BadInput, match="there is no home folder for '~nobody-of-that-name'"):
        expanded("~nobody-of-that-name/a")
    monkeypatch.setenv("WORKBENCH_CACHE", "~nobody-of-that-name")
    with pytest.raises(BadInput, match="Write the path in full"):
        cache_dir()
