"""A vulnerability that is known is named; and that nobody could be asked is no answer."""

from __future__ import annotations

import json
import subprocess

import pytest

from scripts.audit import audit

FOUND = {"id": "CVE-2026-1", "fix_versions": ["2.0"], "description": "..."}


def answers(monkeypatch: pytest.MonkeyPatch, *packages: dict, stdout: str | None = None, stderr: str = "") -> None:
    told = json.dumps({"dependencies": packages, "fixes": []}) if stdout is None else stdout
    done = subprocess.CompletedProcess([], 0, told, stderr)
    monkeypatch.setattr("subprocess.run", lambda command, **options: done)


def test_a_vulnerability_that_is_known_fails(monkeypatch) -> None:
    sound = {"name": "numpy", "version": "2.0", "vulns": []}
    answers(monkeypatch, sound, {"name": "pillow", "version": "1.0", "vulns": [FOUND]})
    assert audit() == (
        1, ["pillow 1.0: CVE-2026-1, mended in 2.0", "Vulnerabilities: 1 known of 2 of 2 packages."],
    )  # fmt: skip
    answers(monkeypatch, sound, {"name": "pillow", "skip_reason": "not found"})
    assert audit() == (0, ["Vulnerabilities: 0 known of 1 of 2 packages."])


@pytest.mark.parametrize(
    ("stdout", "packages"),
    [("", ()), ("[]", ()), (None, ({"name": "numpy", "skip_reason": "Dependency not found on PyPI"},))],
)
def test_that_nobody_could_be_asked_is_said(monkeypatch, stdout, packages) -> None:
    answers(monkeypatch, *packages, stdout=stdout, stderr="ConnectionError: no route")
    code, (line,) = audit()
    assert code == 0
    assert line.startswith("Vulnerabilities: not asked")
    assert "known of" not in line


def test_no_answer_in_time_is_said(monkeypatch) -> None:
    def never(command, *, timeout, **options):
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr("subprocess.run", never)
    assert audit() == (0, ["Vulnerabilities: not asked, for there was no answer within 300 s."])
