"""`workbench clean` shows what would go, and removes it only when that is wanted."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from workbench import cli
from workbench.records.run_folder import KNOBS, RECORD

YEAR = 2020


@pytest.fixture
def clean(tmp_path, monkeypatch, capsys):
    """Runs the command on a folder of three old trials; gives its exit code, what it wrote, and what is left."""
    monkeypatch.setattr("workbench.report.stale._temporary_folders", list)
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    runs = tmp_path / "reports" / "runs"
    for number in range(3):
        folder = runs / f"{YEAR}0101-000000-00000{number}"
        folder.mkdir(parents=True)
        for path in (folder / RECORD, folder / KNOBS, folder):
            path.is_dir() or path.write_text("{}")
            os.utime(path, (1.6e9, 1.6e9))

    def run(*arguments: str) -> tuple[int, str, list[str]]:
        monkeypatch.setattr("sys.argv", ["workbench", "clean", "--out", str(tmp_path / "reports"), *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        written = capsys.readouterr()
        return int(ended.value.code or 0), written.out + written.err, sorted(path.name[-1] for path in runs.iterdir())

    return run


def test_in_a_pipe_it_only_says_what_would_go(clean):
    code, said, left = clean("--keep", "1")
    assert (code, left) == (0, ["0", "1", "2"])
    assert "| trial | 2 " in said and "would be free again" in said and "--yes" in said


def test_it_removes_when_it_is_told_to(clean):
    code, said, left = clean("--keep", "1", "--yes")
    assert (code, left) == (0, ["2"])
    assert "are free again" in said
    assert "Nothing is to be removed" in clean("--keep", "1", "--yes")[1]


@pytest.mark.parametrize(("answer", "stay"), [(True, ["2"]), (False, ["0", "1", "2"])])
def test_on_a_terminal_it_asks(clean, monkeypatch, answer, stay):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda question: answer)
    code, _, left = clean("--keep", "1")
    assert (code, left) == (0, stay)


def test_what_cannot_be_removed_is_named(clean, monkeypatch):
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(shutil, "rmtree", refuse)
    code, said, _ = clean("--keep", "1", "--yes")
    assert code == 1 and "cannot be removed (Permission denied)" in said
