"""What other processes do beside a trial is seen; what the trial itself does is not taken for it."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from workbench.measure.trial import machine as machine_module
from workbench.measure.trial.machine import MachineWatch, disturbances
from workbench.records import Machine, Policy
from workbench.units import NS_PER_S

BUSY = "import time\nwhile time.process_time() < {}: pass"


def machine(**settings: float) -> Machine:
    quiet = {"wall_s": 1.0, "num_cores": 2, "other_cores": 0.0, "steal_share": 0.0, "load_1min": 0.0}
    return Machine(**{**quiet, **settings})


def test_work_of_ones_own_children_is_no_disturbance_and_that_of_others_is(monkeypatch):
    """The machine was busy for 1.5 s while the clock went on by 1.0 s; a real child worked for some of them."""
    before, now = machine_module._own_times(), iter([0, NS_PER_S])
    busy = iter([(10.0, 0.0), (11.5, 0.0)])
    monkeypatch.setattr(machine_module, "_cpu_times", lambda cores: next(busy))
    watch = MachineWatch(lambda: next(now))
    subprocess.run([sys.executable, "-c", BUSY.format(0.3)], check=True)
    found = watch.describe()
    own_s = machine_module._own_times() - before
    assert own_s >= 0.3
    assert found.other_cores == pytest.approx(1.5 - own_s, abs=0.1)


def test_a_stranger_on_the_cores_is_a_disturbance():
    """A process that outlives the watch stands for a stranger: its time isn't known to belong to a child."""
    stranger = subprocess.Popen([sys.executable, "-c", BUSY.format(60)])
    try:
        watch = MachineWatch()
        time.sleep(1.0)
        beside = watch.describe()
    finally:
        stranger.kill()
        stranger.wait()
    assert beside.other_cores > 0.2
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
