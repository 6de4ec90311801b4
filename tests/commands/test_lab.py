"""`workbench lab` starts JupyterLab where the notebooks are."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

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


def test_it_listens_on_this_machine_alone_and_keeps_its_guards(monkeypatch, started) -> None:
    lab(monkeypatch)
    lab(monkeypatch, "--ip", "0.0.0.0")

    (_, *closed), (_, *opened) = started
    assert "--ServerApp.ip=localhost" in closed
    assert [option for option in opened if re.search(r"\bip\b", option)] == ["--ip"]
    for options in (closed, opened):
        assert "--ServerApp.disable_check_xsrf=False" in options
        assert not [option for option in options if re.search("root$|token|password|origin|remote", option)]


def test_settings_of_a_user_do_not_open_it(monkeypatch, started, tmp_path) -> None:
    settings = {"ServerApp": {"ip": "0.0.0.0", "disable_check_xsrf": True}}
    (tmp_path / "jupyter_server_config.json").write_text(json.dumps(settings), encoding="utf-8")
    lab(monkeypatch, "--no-browser")
    ((_, *options),) = started
    assert in_force(tmp_path, options) == {"ip": "localhost", "disable_check_xsrf": False}
    without = [option for option in options if "ip=" not in option and "xsrf" not in option]
    assert in_force(tmp_path, without) == {"ip": "0.0.0.0", "disable_check_xsrf": True}


def in_force(settings: Path, options: list[str]) -> dict[str, object]:
    """What a server that is started so would do; its token is drawn when it starts."""
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(settings)}
    command = [sys.executable, *options, "--show-config-json"]
    told = json.loads(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)["ServerApp"]
    assert "allow_root" not in told
    return {name: told[name] for name in ("ip", "disable_check_xsrf")}


def test_options_and_another_notebook_go_to_jupyterlab(monkeypatch, started) -> None:
    lab(monkeypatch, "--no-browser", "--port", "9999", "profile.ipynb")

    (command,) = started
    assert command[-4:] == ["--no-browser", "--port", "9999", "profile.ipynb"]
    assert "default_url" not in " ".join(command)
