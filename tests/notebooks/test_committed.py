"""What every committed notebook keeps to."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import nbformat
import pytest

from workbench.panel.parameters import COMPARE_KNOBS, PROFILE_KNOBS, knob_lines

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))


def code_cells(notebook: Path) -> list[Any]:
    return [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]


def test_the_promised_notebooks_are_there() -> None:
    assert {"profile", "compare"} <= {notebook.stem for notebook in NOTEBOOKS}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_clean_and_holds_no_logic(notebook: Path) -> None:
    nbformat.validate(nbformat.read(notebook, as_version=4))
    for cell in code_cells(notebook):
        assert cell.execution_count is None
        assert cell.outputs == []
        assert len(cell.source.splitlines()) <= 15, cell.source
        definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
        assert not [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, definitions)]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_second_code_cell_holds_the_parameters(notebook: Path) -> None:
    tagged = [
        number for number, cell in enumerate(code_cells(notebook)) if "parameters" in cell.metadata.get("tags", [])
    ]

    assert tagged == [1]


@pytest.mark.parametrize(("name", "knobs"), [("profile", PROFILE_KNOBS), ("compare", COMPARE_KNOBS)])
def test_the_parameters_agree_with_the_knobs(checkout: Path, name: str, knobs: tuple[str, ...]) -> None:
    lines = code_cells(checkout / "notebooks" / f"{name}.ipynb")[1].source.splitlines()

    assert lines[1 : 1 + len(knobs)] == knob_lines(knobs)
    assert lines[-1].startswith('reports: str = ""')
