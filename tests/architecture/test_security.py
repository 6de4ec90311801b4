"""What bandit is told to look for is found, and nothing of it is in the code without a reason."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

#: A line, and what bandit calls it.
FAULTS = {
    "B301": "import pickle\npickle.load(open('x', 'rb'))",
    "B602": "import subprocess\nsubprocess.run('ls ' + input(), shell=True)",
    "B307": "eval(input())",
    "B102": "exec(input())",
    "B506": "import yaml\nyaml.load('x')",
    "B614": "import torch\ntorch.load('x')",
    "B314": "import xml.etree.ElementTree as ET\nET.parse('x')",
    "B202": "import tarfile\ntarfile.open('x').extractall()",
    "B108": "open('/tmp/x')",
    "B104": "host = '0.0.0.0'",
    "B110": "try:\n    x = 1\nexcept Exception:\n    pass",
}


def found(checkout: Path, *paths: Path) -> list[str]:
    """What bandit finds with the project's settings."""
    command = [sys.executable, "-m", "bandit", "-q", "-f", "json", "-c", str(checkout / "pyproject.toml"), "-r"]
    done = subprocess.run([*command, *map(str, paths)], capture_output=True, text=True, check=False)
    return [f"{one['test_id']} {Path(one['filename']).stem}" for one in json.loads(done.stdout)["results"]]


def test_faults_are_found(checkout: Path, tmp_path: Path) -> None:
    for kind, text in FAULTS.items():
        (tmp_path / f"{kind}.py").write_text(f"{text}\n", encoding="utf-8")
    assert {f"{kind} {kind}" for kind in FAULTS} - set(found(checkout, tmp_path)) == set()


def test_every_line_that_is_let_through_says_which_fault_it_is_and_why(checkout: Path) -> None:
    lines = [
        f"{path.relative_to(checkout)}: {line.strip()}"
        for folder in ("workbench", "examples", "scripts", "benchmarks")
        for path in (checkout / folder).rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "# nosec" in line
    ]
    assert len(lines) >= 5
    without = [line for line in lines if not _has_reason(line)]
    assert without == []


@pytest.mark.parametrize("line", ["x()  # nosec", "x()  # nosec B301", "x()  # why  # nosec"])
def test_one_that_does_not_is_found(line: str) -> None:
    assert not _has_reason(line)


def _has_reason(line: str) -> bool:
    before, _, kinds = line.partition("# nosec")
    return kinds.strip().startswith("B") and "  # " in before
