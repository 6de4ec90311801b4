from __future__ import annotations

from collections import namedtuple
from pathlib import Path

import pytest

from workbench.commands import doctor

Usage = namedtuple("Usage", "total used free")


def test_everything_lacking_says_what_it_limits_and_how_to_get_it() -> None:
    findings = list(doctor.examine())

    assert {"Python", "PyTorch", "GPU", "Cores", "Memory", "Shared memory", "ptrace"} <= {f.name for f in findings}
    assert all(finding.found for finding in findings)
    assert all(finding.limits and finding.remedy for finding in findings if finding.state != "ok")


def test_the_command_prints_a_row_for_each_finding(capsys: pytest.CaptureFixture[str]) -> None:
    doctor.doctor()

    out = capsys.readouterr().out
    assert "how to get it" in out
    assert all(name in out for name in ("Python", "PyTorch", "GPU", "Shared memory", "ptrace", "py-spy"))


def test_missing_packages_are_named() -> None:
    finding = doctor.check_package("no-such-package-anywhere", "no such thing")

    assert (finding.state, finding.limits) == ("missing", "no such thing")
    assert finding.remedy == "pip install no-such-package-anywhere"


def test_little_shared_memory_is_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.check_shared_memory(tmp_path / "absent").state == "missing"

    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: Usage(67_108_864, 0, 67_108_864))
    finding = doctor.check_shared_memory(tmp_path)
    assert finding.state == "limited"
    assert "--shm-size" in finding.remedy

    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: Usage(8_000_000_000, 0, 8_000_000_000))
    assert doctor.check_shared_memory(tmp_path).state == "ok"


def test_a_quota_below_the_usable_cores_is_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.os, "sched_getaffinity", lambda pid: {0, 1, 2, 3})
    monkeypatch.setattr(doctor, "cores_by_quota", lambda: 2.0)
    finding = doctor.check_cores()
    assert finding.state == "limited"
    assert "4 of" in finding.found
    assert "2 by the control group's quota" in finding.found

    monkeypatch.setattr(doctor, "cores_by_quota", lambda: None)
    assert doctor.check_cores().state == "ok"

    monkeypatch.setattr(doctor.os, "sched_getaffinity", lambda pid: {0})
    assert doctor.check_cores().state == "limited"


@pytest.mark.parametrize(("scope", "state"), [("0\n", "ok"), ("1\n", "limited"), ("3\n", "limited")])
def test_ptrace_is_judged_by_scope_and_capability(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scope: str, state: str
) -> None:
    (tmp_path / "scope").write_text(scope)
    (tmp_path / "plain").write_text("Name:\tpython\nCapEff:\t0000000000000000\n")
    (tmp_path / "root").write_text("Name:\tpython\nCapEff:\t000001ffffffffff\n")

    assert doctor.check_ptrace(tmp_path / "scope", tmp_path / "plain").state == state
    assert doctor.check_ptrace(tmp_path / "scope", tmp_path / "root").state == "ok"
