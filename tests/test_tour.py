"""The README's tour, line by line and in its order: whoever pastes it gets no error."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"

#: The lab waits for a person.
_WAITS = ("lab",)

#: What makes a command short.
_FEW = ("-p", "num_steps=8", "-p", "isolated_samples=4")
SHORT = {"run": _FEW, "compare": ("--blocks", "1", "-p", "batch_size=4", *_FEW)}


def tour() -> list[list[str]]:
    """The commands of the tour, as arguments of `workbench`."""
    section = README.read_text(encoding="utf-8").partition("## A short tour")[2].partition("```\n")[0]
    lines = re.findall(r"^\$ (workbench .*)$", section, re.MULTILINE)
    commands = [shlex.split(line, comments=True)[1:] for line in lines]
    return [command for command in commands if command[0] not in _WAITS]


def test_the_tour_has_its_three_questions_and_a_script_of_ones_own():
    assert [command[0] for command in tour()] == ["run", "whatif", "compare", "attach"]


@pytest.mark.real
@pytest.mark.timeout(600)
def test_the_tour_runs_in_its_order(tmp_path):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # as in an activated environment
    for command in tour():
        options = [*SHORT.get(command[0], ()), "--out", str(tmp_path / "reports")]
        arguments = [sys.executable, "-m", "workbench", command[0], *options, *command[1:]]
        environment = {**os.environ, "PATH": path}
        done = subprocess.run(
            arguments, capture_output=True, text=True, cwd=README.parent, env=environment, check=False
        )
        assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}{done.stderr}"
        assert "| not predicted" not in done.stdout
