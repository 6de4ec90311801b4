"""`workbench lab` starts JupyterLab where the notebooks are."""

from __future__ import annotations

import os
import sys

import pytest

from workbench import cli
from workbench.commands.lab import FIRST
from workbench.files import examples_root, notebooks_dir

pytestmark = pytest.mark.real


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    commands: list[list[str]] = []
    monkeypatch.setattr("subprocess.call", lambda command, env: commands.append(command) or 0)
    return commands


def test_kernels_find_a_workload_in_the_folder_where_it_is_typed(monkeypatch, tmp_path) -> None:
    paths: list[list[str]] = []
    monkeypatch.setattr("subprocess.call", lambda command, env: paths.append(env["PYTHONPATH"].split(os.pathsep)) or 0)
    monkeypatch.setenv("PYTHONPATH", "before")
    monkeypatch.chdir(tmp_path)

    lab(monkeypatch)

    assert paths == [["before", str(examples_root()), str(tmp_path)]]


def lab(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["workbench", "lab", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert not end.value.code


def test_the_panel_is_what_opens(monkeypatch, started) -> None:
    lab(monkeypatch)

    ((python, *options),) = started
    assert python == sys.executable
    assert f"--ServerApp.root_dir={notebooks_dir()}" in options
    assert f"--LabApp.default_url=/lab/tree/{FIRST}" in options
    assert (notebooks_dir() / FIRST).is_file()


def test_options_and_another_notebook_go_to_jupyterlab(monkeypatch, started) -> None:
    lab(monkeypatch, "--no-browser", "--port", "9999", "profile.ipynb")

    (command,) = started
    assert command[-4:] == ["--no-browser", "--port", "9999", "profile.ipynb"]
    assert "default_url" not in " ".join(command)
