"""What goes to a node and comes back: folders of runs, and an environment without what Dask puts there."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.measure.nodes.block import leave_out_dasks_variables, packed, quiet, unpack
from workbench.measure.trial.events import Event
from workbench.records.run_folder import RECORD


def test_a_folder_comes_back_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "node" / "run"
    (folder / "profiles").mkdir(parents=True)
    (folder / "profiles" / "trace.json").write_bytes(b"{}")
    (folder / RECORD).write_text("record")
    files = packed(folder)
    back = unpack(tmp_path / "runs", "run", files)
    assert (back / "profiles" / "trace.json").read_bytes() == b"{}"
    assert (back / RECORD).read_text() == "record"
    assert (folder / RECORD).is_file()
    assert not (folder / "profiles" / "trace.json").exists()


@pytest.mark.parametrize(("run_id", "name"), [("run", "../other/x"), ("../run", "x"), ("run", "/etc/x")])
def test_what_leads_out_of_the_folder_is_refused(tmp_path: Path, run_id: str, name: str) -> None:
    (tmp_path / "runs").mkdir()
    with pytest.raises(ValueError, match="leads out"):
        unpack(tmp_path / "runs", run_id, {name: b"x"})
    assert list(tmp_path.rglob("x")) == []


def test_what_dask_sets_is_left_out_and_what_the_user_sets_stays() -> None:
    environment = {
        "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "4", "MALLOC_TRIM_THRESHOLD_": "65536", "DASK_X": "1", "HOME": "h",
    }  # fmt: skip
    leave_out_dasks_variables(environment)
    assert environment == {"MKL_NUM_THREADS": "4", "HOME": "h"}


def test_progress_of_one_phase_is_told_now_and_then() -> None:
    told = []
    tell = quiet(told.append)
    for done in range(5):
        tell(Event(phase="steady", done=done))
    tell(Event(phase="finish"))
    assert [(event.phase, event.done) for event in told] == [("steady", 0), ("finish", 0)]
