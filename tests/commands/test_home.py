"""Libraries keep settings in a folder that goes with the command, where the home of a user cannot be written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from workbench.commands.home import place_for_settings

NAMES = ("IPYTHONDIR", "MPLCONFIGDIR")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home, with a folder for temporary files beside it, and no variable that says anything else."""
    for name in (*NAMES, "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    return tmp_path / "home"


def _refuse(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let nothing below a folder be written, for root as well."""
    monkeypatch.setattr(os, "access", lambda path, mode: not Path(path).is_relative_to(folder))


def test_a_home_that_cannot_be_written_is_replaced_while_the_command_runs(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _refuse(monkeypatch, home)
    with place_for_settings():
        folders = [Path(os.environ[name]) for name in NAMES]
        assert all(folder.is_dir() for folder in folders)
        (folders[0] / "profile_default").mkdir()
    assert not any(name in os.environ for name in NAMES)
    assert list((home.parent / "temporary").iterdir()) == []


def test_a_home_that_can_be_written_is_used(home: Path) -> None:
    with place_for_settings():
        assert not any(name in os.environ for name in NAMES)


def test_what_the_user_says_stays(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _refuse(monkeypatch, home)
    monkeypatch.setenv("IPYTHONDIR", "elsewhere")
    with place_for_settings():
        assert os.environ["IPYTHONDIR"] == "elsewhere"
        assert "MPLCONFIGDIR" in os.environ
    assert os.environ["IPYTHONDIR"] == "elsewhere"


def test_settings_of_matplotlib_may_lie_outside_of_home(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _refuse(monkeypatch, home)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with place_for_settings():
        assert "IPYTHONDIR" in os.environ
        assert "MPLCONFIGDIR" not in os.environ
