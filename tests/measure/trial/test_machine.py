"""What other processes do beside a trial is seen; what the trial itself does is not taken for it."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from workbench.measure.trial.machine import MachineWatch, disturbances
from workbench.records import Machine, Policy

BUSY = "import time\nuntil = time.monotonic() + {}\nwhile time.monotonic() < until: pass"


def machine(**settings: float) -> Machine:
    quiet = {"wall_s": 1.0, "num_cores": 2, "other_cores": 0.0, "steal_share": 0.0, "load_1min": 0.0}
    return Machine(**{**quiet, **settings})


def test_work_of_ones_own_children_is_no_disturbance_and_that_of_others_is():
    """A process that outlives the watch stands for a stranger: its time isn't known to belong to a child."""
    stranger = subprocess.Popen([sys.executable, "-c", BUSY.format(60)])
    try:
        time.sleep(0.3)
        watch = MachineWatch()
        subprocess.run([sys.executable, "-c", BUSY.format(1.0)], check=True)
        beside = watch.describe()
    finally:
        stranger.kill()
        stranger.wait()
    watch = MachineWatch()
    subprocess.run([sys.executable, "-c", BUSY.format(1.0)], check=True)
    alone = watch.describe()
    assert beside.other_cores > alone.other_cores
    assert disturbances(beside, Policy())
    assert beside.wall_s >= 1.0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, []),
        ({"other_cores": 0.15, "steal_share": 0.04}, []),
        ({"other_cores": 0.5}, ["other processes kept 0.50 of 2 cores busy"]),
        ({"other_cores": 0.5, "num_cores": 64}, []),  # there is room beside them
        ({"steal_share": 0.2}, ["the host took 20.0 % of the cores away"]),
    ],
)
def test_a_disturbance_is_told_in_words(settings, words):
    assert disturbances(machine(**settings), Policy()) == words


def test_of_a_trial_whose_machine_was_not_watched_nothing_is_said():
    assert disturbances(None, Policy()) == []
