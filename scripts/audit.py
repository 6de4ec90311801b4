"""Asks for known vulnerabilities of every package that constraints.txt pins. Exit code 1 where there are any.

Where nobody can be asked it says so, and is no failure: without a network nothing has become worse. pip-audit itself
passes in silence where the index knows of no package; that is not taken for an answer.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_PINS = Path(__file__).resolve().parent.parent / "constraints.txt"

#: For one request, and for all of them, in seconds.
_PATIENCE_S, _WHOLE_S = 10, 300


def audit(pins: Path = _PINS) -> tuple[int, list[str]]:
    """What is known of the pinned packages.

    Args:
        pins: A file of plain pins.

    Returns:
        The exit code, and what to say, a line each.
    """
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(pins), "--no-deps", "--disable-pip"]
    options = ["--format", "json", "--progress-spinner", "off", "--timeout", str(_PATIENCE_S)]
    try:
        told = subprocess.run([*command, *options], capture_output=True, text=True, timeout=_WHOLE_S, check=False)
        packages: list[dict[str, Any]] = json.loads(told.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        return 0, [f"Vulnerabilities: not asked, for there was no answer within {_WHOLE_S} s."]
    except (ValueError, KeyError, TypeError):
        reason = (told.stderr.strip().splitlines() or ["no answer"])[-1]
        return 0, [f"Vulnerabilities: not asked, for there is no network ({reason})."]
    known = [package for package in packages if "skip_reason" not in package]
    if not known:
        return 0, ["Vulnerabilities: not asked, for there is no network, or an index that knows of none."]
    lines = list(_vulnerabilities(known))
    asked = f"of {len(known)} of {len(packages)} packages"
    return bool(lines), [*lines, f"Vulnerabilities: {len(lines)} known {asked}."]


def _vulnerabilities(packages: list[dict[str, Any]]) -> Iterator[str]:
    for package in packages:
        for found in package.get("vulns", ()):
            fixed = ", ".join(found.get("fix_versions", ())) or "no version yet"
            yield f"{package['name']} {package['version']}: {found['id']}, mended in {fixed}"


if __name__ == "__main__":
    code, said = audit()
    print("\n".join(said))
    sys.exit(code)
