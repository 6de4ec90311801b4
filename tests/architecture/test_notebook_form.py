"""Are the notebooks committed in the form that keeps them readable: no outputs, parameters in cell 2, little code?"""

from __future__ import annotations

import ast
import copy
from pathlib import Path
from typing import Any

import nbformat
import pytest

MOST_LINES = 15
EXPECTED = ("profile", "compare", "transforms")


def faults(notebook: Any) -> list[str]:
    """What is wrong with the form of a notebook."""
    found = []
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code, start=1):
        if cell.outputs:
            found.append(f"code cell {number} has outputs")
        if cell.execution_count is not None:
            found.append(f"code cell {number} has an execution count")
        lines = len(cell.source.splitlines())
        if lines > MOST_LINES:
            found.append(f"code cell {number} has {lines} lines")
        definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        nodes = ast.walk(ast.parse(cell.source))
        found += [f"code cell {number} defines {node.name}" for node in nodes if isinstance(node, definitions)]
    cells = enumerate(notebook.cells, start=1)
    tagged = [number for number, cell in cells if "parameters" in cell.metadata.get("tags", [])]
    if tagged != [2]:
        found.append(f"the cells tagged 'parameters' are {tagged}, not the second one")
    if "widgets" in notebook.metadata:
        found.append("the metadata holds the state of widgets")
    return found


def read(checkout: Path, name: str) -> Any:
    return nbformat.read(checkout / "notebooks" / f"{name}.ipynb", as_version=4)


def test_the_notebooks_are_in_form(checkout: Path) -> None:
    names = [path.stem for path in (checkout / "notebooks").glob("*.ipynb")]
    assert set(EXPECTED) <= set(names)
    for name in names:
        notebook = read(checkout, name)
        nbformat.validate(notebook)
        assert faults(notebook) == [], name


@pytest.fixture
def notebook(checkout: Path) -> Any:
    return copy.deepcopy(read(checkout, "profile"))


def parameters_cell(notebook: Any) -> Any:
    return notebook.cells[1]


def test_outputs_and_counts_are_found(notebook: Any) -> None:
    cell = parameters_cell(notebook)
    cell.outputs = [nbformat.v4.new_output("stream", text="1")]
    cell.execution_count = 3

    assert faults(notebook) == ["code cell 1 has outputs", "code cell 1 has an execution count"]


@pytest.mark.parametrize("source", ["def measure():\n    pass", "class Run:\n    pass", "async def wait():\n    pass"])
def test_a_definition_is_found(notebook: Any, source: str) -> None:
    notebook.cells.append(nbformat.v4.new_code_cell(source))

    assert len(faults(notebook)) == 1
    assert " defines " in faults(notebook)[0]


def test_a_long_cell_is_found(notebook: Any) -> None:
    notebook.cells.append(nbformat.v4.new_code_cell("\n".join(["1"] * 16)))

    assert [fault.split(" has ")[1] for fault in faults(notebook)] == ["16 lines"]


def test_misplaced_parameters_are_found(notebook: Any) -> None:
    notebook.cells.insert(0, nbformat.v4.new_code_cell("1"))

    assert faults(notebook) == ["the cells tagged 'parameters' are [3], not the second one"]


def test_missing_parameters_are_found(notebook: Any) -> None:
    del parameters_cell(notebook).metadata["tags"]

    assert faults(notebook) == ["the cells tagged 'parameters' are [], not the second one"]


def test_widget_state_is_found(notebook: Any) -> None:
    notebook.metadata["widgets"] = {}

    assert faults(notebook) == ["the metadata holds the state of widgets"]
