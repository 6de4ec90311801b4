"""The environment of the processes that the workbench starts comes from one place."""

from __future__ import annotations

from pathlib import Path

from workbench.files import QUIET_LIBRARIES, child_environment


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
