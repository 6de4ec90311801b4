"""Whatever a profiler's file holds, it is read, or named as damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import BadInput
from workbench.explain.figures.profiler_figures import flame
from workbench.explain.figures.profiler_files import read_lines, read_operators, read_stacks

OPERATOR: dict[str, Any] = {
    "name": "aten::add", "calls": 7, "cpu_self_s": 0.25, "cpu_s": 0.5, "device_self_s": 0.125, "cpu_bytes": 4096,
    "device_bytes": 0,
}  # fmt: skip
LINE: dict[str, Any] = {"line": 8, "hits": 10, "time_s": 1.5, "source": "load(page)"}
FUNCTION: dict[str, Any] = {"path": "a.py:7", "total_s": 1.5, "lines": [LINE]}
PROFILE: dict[str, Any] = {"name": "main process", "samples": [[0], [0, 1]], "weights": [400.0, 100.0]}


def lines(**changed: Any) -> dict[str, Any]:
    return {"processes": ["main"], "functions": [{**FUNCTION, **changed}]}


def stacks(**changed: Any) -> dict[str, Any]:
    return {"shared": {"frames": [{"name": "main"}, {"name": "load"}]}, "profiles": [{**PROFILE, **changed}]}


def written(folder: Path, content: Any) -> Path:
    (folder / "file.json").write_text(json.dumps(content))
    return folder / "file.json"


def test_what_is_whole_is_read(tmp_path: Path) -> None:
    assert read_operators(written(tmp_path, [OPERATOR])) == [OPERATOR]
    assert read_lines(written(tmp_path, lines())).model_dump() == lines()
    assert read_stacks(written(tmp_path, stacks()))["profiles"] == [PROFILE]


@pytest.mark.parametrize(
    ("read", "content", "where"),
    [
        (read_operators, None, "list"),
        (read_operators, [None], "0"),
        (read_operators, [{**OPERATOR, "cpu_bytes": None}], "0.cpu_bytes"),
        (read_operators, [{**OPERATOR, "cpu_s": float("nan")}], "0.cpu_s"),
        (read_lines, {}, "processes"),
        (read_lines, lines(lines=None), "functions.0.lines"),
        (read_lines, lines(lines=[{**LINE, "source": 3}]), "functions.0.lines.0.source"),
        (read_stacks, {"profiles": []}, "shared"),
        (read_stacks, stacks(samples=[[0]]), "not as many weights as samples"),
        (read_stacks, stacks(samples=[[0], [2]]), "a frame that there is not"),
        (read_stacks, stacks(samples=[[0], []]), "profiles.0.samples.1"),
        (read_stacks, stacks(weights=[1.0, -1.0]), "profiles.0.weights.1"),
    ],
)
def test_what_is_something_else_is_named_with_its_place(tmp_path: Path, read: Any, content: Any, where: str) -> None:
    with pytest.raises(BadInput, match="is damaged") as caught:
        read(written(tmp_path, content))
    assert str(tmp_path / "file.json") in str(caught.value)
    assert where in str(caught.value)


def test_samples_that_weigh_nothing_are_none(tmp_path: Path) -> None:
    figure = flame(written(tmp_path, stacks(weights=[0.0, 0.0])))
    assert not figure.data
