"""Do imports point down only, and would it be seen if one did not?"""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

#: A fault: the file that gets a line more, the line, and the contract that must break.
FAULTS = {
    "an import that points up": ("units.py", "import workbench.measure.trial.events", "Imports point down only"),
    "neighbours that know each other": ("explain/new.py", "import workbench.measure.devices.choose", "point down only"),
    "a room that no layer names": ("attic.py", "", "Imports point down only"),
    "torch in the explaining half": ("explain/new.py", "import torch", "opens old runs without torch"),
    "a measuring half that knows a workload": (
        "measure/profilers/new.py", "import workbench.workloads.ocr.knobs", "reached by name alone",
    ),
    "a workload that measures": ("workloads/ocr/new.py", "import workbench.measure.trial.loop", "no more of measuring"),
}  # fmt: skip


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter by the configuration of a checkout, on the package that lies beside it."""
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", code, "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def copied(checkout: Path, tmp_path: Path) -> Path:
    shutil.copy(checkout / "pyproject.toml", tmp_path)
    shutil.copytree(checkout / "workbench", tmp_path / "workbench", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_imports_point_down_only(checkout: Path) -> None:
    done = lint(checkout)

    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(copied: Path, fault: str) -> None:
    name, line, contract = FAULTS[fault]
    path = copied / "workbench" / name
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    path.write_text(f"{before}\n{line}\n", encoding="utf-8")
    done = lint(copied)

    assert done.returncode == 1, done.stdout + done.stderr
    broken = [told for told in done.stdout.splitlines() if told.endswith("BROKEN")] or [done.stdout]
    assert any(contract in told for told in broken), done.stdout


def test_a_room_is_one_of_the_layers(checkout: Path) -> None:
    """Nothing lies loose: `__init__.py` files are empty, and no room is a drawer for odds and ends."""
    for path in (checkout / "workbench").rglob("*.py"):
        if path.name == "__init__.py" and path.parent.name not in ("records", "workbench"):
            assert path.read_bytes().strip() == b"", f"{path} imports or defines something"
        assert path.stem not in {"utils", "util", "helpers", "helper", "common", "misc"}, path


def gathers_only(text: str, room: str) -> bool:
    """Whether a source text holds nothing but a docstring, imports from one room, and the list of their names."""
    docstring, *rest = ast.parse(text).body
    imports = [node for node in rest if isinstance(node, ast.ImportFrom)]
    others = [ast.unparse(node).split(" = ")[0] for node in rest if not isinstance(node, ast.ImportFrom)]
    is_below = all((node.module or "").startswith(f"{room}.") or node.module == "__future__" for node in imports)
    return isinstance(docstring, ast.Expr) and is_below and others == ["__all__"]


def test_the_records_are_one_contract_in_several_files(checkout: Path) -> None:
    """The one `__init__.py` that isn't empty gathers the parts of the contract, and does nothing else."""
    text = (checkout / "workbench" / "records" / "__init__.py").read_text(encoding="utf-8")
    assert gathers_only(text, "workbench.records")
    assert not gathers_only(f"{text}\nimport torch\n", "workbench.records")
    assert not gathers_only(f"{text}\nfrom workbench.units import format_rate\n", "workbench.records")
