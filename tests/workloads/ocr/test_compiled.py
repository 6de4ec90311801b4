"""What numba compiles is compiled once, ahead of what is timed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from workbench.workloads.ocr import compiled

ROOM = Path(compiled.__file__).parent


@pytest.fixture
def processes(tmp_path, monkeypatch) -> list[list[str]]:
    """The processes that were started to compile, with a cache folder of the test; they only leave their stamp."""
    started: list[list[str]] = []

    def run(command: list[str], **_: object) -> None:
        started.append(command)
        compiled.main()

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
    monkeypatch.setattr(compiled.subprocess, "run", lambda *_, **__: None)
    compiled.compile_ahead()
    assert not compiled._stamp().exists()
