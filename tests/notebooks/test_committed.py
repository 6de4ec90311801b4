"""The parameters that a committed notebook shows are the knobs, word for word. (Its form: tests/architecture.)"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from papermill.translators import PythonTranslator

from workbench.knobs.joined import knobs_class
from workbench.knobs.knob import Knob
from workbench.knobs.knobs import DEFAULT_WORKLOAD

pytestmark = pytest.mark.real

NOTEBOOKS = ("profile", "compare", "tune", "transforms", "explore")
ROWS = knobs_class(DEFAULT_WORKLOAD).rows()


def knob_lines(names: Iterable[str]) -> list[str]:
    """The lines of a parameters cell: one assignment a knob, with its type, default and help."""
    return [_line(ROWS[name]) for name in names]


def _line(row: Knob) -> str:
    # papermill's reader knows no `|` in a type and no `#` in a value; "type | None" goes into quotes as it takes them.
    annotation = f'"Optional[{row.kind}]"' if row.is_optional else row.kind
    choices = f" ({', '.join(row.choices)})" if row.kind == "str" and row.choices else ""
    unit = f" [{row.unit}]" if row.unit else ""
    default = json.dumps(row.default) if isinstance(row.default, str) else repr(row.default)
    return f"{row.name}: {annotation} = {default}  # {row.help}{unit}{choices}"


def parameter_lines(checkout: Path, name: str) -> list[str]:
    cell = nbformat.read(checkout / "notebooks" / f"{name}.ipynb", as_version=4).cells[1]
    return [line for line in cell.source.splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_parameters_agree_with_the_knobs(checkout: Path, name: str) -> None:
    lines = parameter_lines(checkout, name)
    shown = [line.partition(":")[0] for line in lines]
    knobs = [name for name in shown if name in ROWS]

    assert [line for line in lines if line.partition(":")[0] in ROWS] == knob_lines(knobs)
    assert knobs[:2] == ["workload", "dataset"] and {"num_workers", "device", "num_steps"} <= set(knobs)
    assert shown[-1] == "reports"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_lines_set_the_defaults_and_are_read_by_papermill(checkout: Path, name: str) -> None:
    lines = parameter_lines(checkout, name)
    namespace: dict[str, Any] = {}
    exec("\n".join(lines), namespace)
    parameters = {
        parameter.name: parameter for parameter in PythonTranslator.inspect(nbformat.v4.new_code_cell("\n".join(lines)))
    }

    assert list(parameters) == [line.partition(":")[0] for line in lines]
    for name in parameters.keys() & ROWS.keys():
        assert namespace[name] == ROWS[name].default
        assert parameters[name].help.startswith(ROWS[name].help)
        assert ROWS[name].kind in parameters[name].inferred_type_name


@pytest.mark.parametrize("name", ["profile", "compare", "tune"])
def test_what_they_import_needs_no_torch(checkout: Path, name: str) -> None:
    """The command has looked at the inputs, and trials import torch themselves: the kernel would take two seconds."""
    cells = nbformat.read(checkout / "notebooks" / f"{name}.ipynb", as_version=4).cells
    lines = [line for cell in cells for line in cell.source.splitlines() if line.startswith(("from ", "import "))]
    code = "\n".join([*lines, "import nbformat, sys", "print({'torch', 'lark'} & set(sys.modules))"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len(lines) > 10 and done.stdout == "set()\n", "lark is what jsonschema compiles a grammar with"


def test_a_line_that_is_not_the_knobs_is_found() -> None:
    (line,) = knob_lines(["num_steps"])

    assert line.startswith('num_steps: "Optional[int]" = None  # counted steps')
    assert line.endswith("[steps]")
    assert knob_lines(["mode"])[0].endswith("(validate, train)")
