"""A block on a node: an environment without what Dask puts there, and how often it tells of its progress."""

from __future__ import annotations

from workbench.measure.nodes.block import leave_out_dasks_variables, quiet
from workbench.measure.trial.events import Event


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
