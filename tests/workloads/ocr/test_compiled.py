"""What numba compiles is compiled once, ahead of what is timed."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from workbench.workloads.ocr import compiled

ROOM = Path(compiled.__file__).parent


@pytest.fixture
def processes(tmp_path, monkeypatch) -> list[list[str]]:
    """The processes that were started to compile, with a cache folder of the test; they only leave their stamp."""
    started: list[list[str]] = []

    def run(command: list[str], **_: object) -> SimpleNamespace:
        started.append(command)
        compiled.main()
        return SimpleNamespace(returncode=0)

    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(compiled.subprocess, "run", run)
    return started


def test_all_that_is_compiled_is_known():
    found = [str(path.relative_to(ROOM)) for path in ROOM.rglob("*.py") if "@numba.njit" in path.read_text()]
    assert sorted(found) == sorted(compiled._SOURCES)


def test_it_is_compiled_once(processes):
    compiled.compile_ahead()
    compiled.compile_ahead()
    assert [command[1:] for command in processes] == [["-m", compiled.__name__]]


@pytest.mark.parametrize("change", ["touched", "longer"])
def test_it_is_compiled_anew_where_a_source_has_changed(processes, tmp_path, monkeypatch, change):
    source = tmp_path / "source.py"
    source.write_text("a = 1\n")
    monkeypatch.setattr(compiled, "_SOURCES", (str(source),))
    compiled.compile_ahead()
    state = source.stat()
    source.write_text("a = 1\n" if change == "touched" else "a = 12\n")
    os.utime(source, ns=(state.st_atime_ns, state.st_mtime_ns + (change == "touched")))
    compiled.compile_ahead()
    assert len(processes) == 2


def test_where_it_fails_a_trial_goes_on(processes, monkeypatch):
    monkeypatch.setattr(compiled.subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=1))
    monkeypatch.setattr(compiled, "_likely_files", list)
    compiled.compile_ahead()
    assert not compiled._stamp().exists()


def test_where_no_stamp_can_be_written_nothing_is_compiled_twice(processes, tmp_path, monkeypatch):
    (tmp_path / "cache").touch()  # no folder can be made of it

    def refuse(paths):
        assert not [*paths]

    monkeypatch.setattr(compiled, "_remove", refuse)
    compiled.compile_ahead()
    assert len(processes) == 1


@pytest.fixture
def kept(tmp_path, monkeypatch) -> Path:
    """A file that is taken for one that numba keeps."""
    path = tmp_path / "quads.area-1.py311.1.nbc"
    path.write_bytes(b"machine code")
    monkeypatch.setattr(compiled, "_files_in", lambda folders: [path] if path.exists() else [])
    return path


def test_a_damaged_file_is_removed_and_compiled_anew(processes, kept):
    compiled.compile_ahead()
    kept.write_bytes(b"machine c0de")
    compiled.compile_ahead()
    assert (len(processes), kept.exists()) == (2, False)
    compiled.compile_ahead()
    assert len(processes) == 2


def test_files_without_a_digest_that_cannot_be_loaded_are_removed(tmp_path, monkeypatch, kept):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    found = []

    def run(*_: object, **__: object) -> SimpleNamespace:
        found.append(kept.exists())
        return SimpleNamespace(returncode=int(kept.exists()))

    monkeypatch.setattr(compiled.subprocess, "run", run)
    compiled.compile_ahead()
    assert found == [True, False]


def test_a_stamp_without_digests_is_made_anew(processes):
    compiled.compile_ahead()
    compiled._stamp().write_text("")
    compiled.compile_ahead()
    assert len(processes) == 2
    assert all(Path(path).is_file() for path in compiled._read(compiled._stamp()))
    assert any("quads." in path for path in compiled._read(compiled._stamp()))
