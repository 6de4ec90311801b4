"""The short form of the campaign of the machine's faults; and that it finds what is not survived."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest
from faults import FAULTS as ALL
from promise import damage_faults
from promise.fault import Fault, survived, try_fault
from promise.left_over import Watch
from promise.machine_faults import untold
from record_factory import make_record

from workbench.records import Failure

#: Those of files are in `test_damage`.
FAULTS = [fault for fault in ALL if fault not in damage_faults.FAULTS]


@pytest.mark.real
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.is_short], ids=str)
def test_it_is_survived(fault: Fault) -> None:
    assert try_fault(fault) == []


def test_every_fault_has_a_name_of_its_own() -> None:
    assert len({str(fault) for fault in FAULTS}) == len(FAULTS)


def test_whatever_is_left_over_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("promise.left_over._GONE_WITHIN_S", 0.0)
    monkeypatch.setattr("promise.left_over._SHARED_MEMORY", tmp_path / "memory")
    (tmp_path / "memory").mkdir()
    watch = Watch(tmp_path)
    assert watch.left() == []
    (tmp_path / "memory" / "torch_1_2_3").touch()
    (watch.temporary / "pymp-abc").mkdir()
    (tmp_path / ".record.json.abc").touch()
    code = "import time; print(flush=True); time.sleep(600)"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, env=watch.environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        lost = watch.left()
        assert process.wait(30) == -signal.SIGKILL
    assert [text.split(" ")[0] for text in lost] == ["process", "/dev/shm/torch_1_2_3", "pymp-abc", "half"]


def test_what_torch_leaves_where_a_death_comes_in_between_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("promise.left_over._GONE_WITHIN_S", 0.0)
    watch = Watch(tmp_path)
    descriptor, name = tempfile.mkstemp(dir=watch.temporary)  # it opens one, and does not come to close it
    assert watch.left() == []
    os.write(descriptor, b"of ours")
    os.close(descriptor)
    tempfile.mkdtemp(dir=watch.temporary)
    assert len(watch.left()) == 2 and any(Path(name).name in text for text in watch.left())


def test_a_record_that_does_not_tell_is_found() -> None:
    def failed(**values: str) -> list[str]:
        told = {"kind": "killed", "phase": "steady", "message": "killed: lower num_workers", **values}
        record = make_record().model_copy(update={"status": "failed", "failure": Failure(**told)})
        return list(untold(record, "steady", ["killed"], "lower"))

    assert failed() == []
    assert failed(kind="error") == ["it failed as 'error': killed: lower num_workers"]
    assert failed(message="Traceback: lower") == ["its message does not say it: Traceback: lower"]
    assert failed(phase="dataset") == ["it says that it was in phase dataset"]
    assert list(untold(make_record(), "steady", ["killed"], "")) == ["it ended well"]


def test_a_subject_that_dies_is_not_survived(capsys: pytest.CaptureFixture[str]) -> None:
    def dies(folder: Path) -> list[str]:
        raise psutil.NoSuchProcess(1)

    total, one = survived([Fault("dies", "driven", "steady", dies)])
    assert (total.met, one.met) == (False, False)
    assert "the caller died" in one.detail
