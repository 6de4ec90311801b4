"""Trials that are forked: environment and clock are their own, their end is known, none is left."""

from __future__ import annotations

import os
import signal
import time
from contextlib import closing
from shutil import rmtree

import pytest
from toy import toy_knobs

from workbench.measure.attach.seen import shared_folder
from workbench.measure.comparison.sliced_block import run_sliced_block
from workbench.measure.trial.launcher import Launch
from workbench.measure.trial.machine import MachineWatch
from workbench.measure.trial.template import MODULES, Template, template_of
from workbench.observer.clock import Pauses
from workbench.records import Slicing

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def template():
    """One that has imported little; what is no module is passed over."""
    template = Template(["json", "no_such_module", "__main__"])
    yield template
    template.close()


def test_what_cannot_be_imported_is_no_obstacle(template):
    assert template.is_alive
    assert template.cpu_s > 0.0, "what the imports took is no other process's"


def test_a_forked_trial_that_cannot_begin_says_so(template, tmp_path):
    """It has no knobs: as in a process of its own, its exit code and its standard error tell."""
    Pauses.make(str(tmp_path / "page"))
    environment = {**os.environ, "WORKBENCH_PAUSES": str(tmp_path / "page"), "ONLY_HERE": "yes"}
    with (tmp_path / "stderr").open("w") as stderr:
        trial = template.fork([str(tmp_path), "--started-ns", "0"], environment, stderr)
    with closing(trial.stdin), closing(trial.stdout):
        assert trial.wait(60.0) != 0
        assert trial.poll() == trial.returncode
        assert "knobs.json" in (tmp_path / "stderr").read_text()
        assert trial.stdout.read() == ""
    rmtree(shared_folder(tmp_path))  # as its launcher would


def test_a_killed_trial_is_known_as_one(template, tmp_path):
    """It would count for ever: nobody tells it to finish."""
    launch = Launch(toy_knobs(device="cpu"), tmp_path, in_turns=True, template=template)
    launch.start()
    until = time.monotonic() + 60.0
    while launch.phase != "steady" and time.monotonic() < until:
        launch.wait(0.05)
    assert not launch.has_ended
    assert launch.step_s is None or launch.step_s < 1.0
    assert launch._process is not None
    os.kill(launch._process.pid, signal.SIGKILL)
    launch.wait(60.0)
    assert launch.has_ended
    launch.end()
    record = launch.record(MachineWatch().describe())
    assert record.failure is not None
    assert (record.failure.kind, record.failure.phase) == ("killed", "steady")


def test_a_template_that_is_gone_is_an_error_and_no_wait(tmp_path):
    template = Template([])
    os.kill(template._process.pid, signal.SIGKILL)
    until = time.monotonic() + 20.0
    while template.is_alive and time.monotonic() < until:
        time.sleep(0.01)
    with (tmp_path / "stderr").open("w") as stderr, pytest.raises(OSError, match=r"gone|[Pp]ipe"):
        template.fork([str(tmp_path), "--started-ns", "0"], dict(os.environ), stderr)
    slicing = Slicing(slice_s=0.3, rounds=1)
    record = run_sliced_block({"a": toy_knobs(device="cpu")}, tmp_path, [["a"]], slicing, seed=0, template=template)[
        "a"
    ]
    template.close()
    assert record.status == "ok", record.failure
    assert not record.forked, "it was started anew"


def test_without_a_word_of_what_to_import_there_is_none(tmp_path):
    assert template_of([tmp_path]) is None


def test_real_trials_are_forked_and_say_so(tmp_path):
    """The first of them is started anew, and leaves what it has imported; the next one is forked from that."""
    knobs, slicing = toy_knobs(num_workers=1, device="cpu", batch_size=4), Slicing(slice_s=0.3, rounds=1)
    first = run_sliced_block({"a": knobs}, tmp_path, [["a"]], slicing, seed=0)["a"]
    assert first.status == "ok", first.failure
    assert not first.forked
    assert "torch" in (tmp_path / first.run_id / MODULES).read_text().split()
    template = template_of([tmp_path / first.run_id])
    assert template is not None
    try:
        before_s = template.cpu_s
        second = run_sliced_block({"a": knobs}, tmp_path, [["a"]], slicing, seed=0, template=template)["a"]
    finally:
        template.close()
    assert second.status == "ok", second.failure
    assert second.forked
    assert first.startup is not None
    assert second.startup is not None
    assert second.startup.imports_s < first.startup.imports_s
    assert template.cpu_s > before_s, "what it took is known, so that it is no other process's"
    assert second.quality == first.quality


def test_a_variant_with_an_environment_of_its_own_is_started_anew(tmp_path):
    knobs, slicing = toy_knobs(env="OMP_NUM_THREADS=1", device="cpu"), Slicing(slice_s=0.3, rounds=1)
    template = Template([])
    try:
        record = run_sliced_block({"a": knobs}, tmp_path, [["a"]], slicing, seed=0, template=template)["a"]
    finally:
        template.close()
    assert record.status == "ok", record.failure
    assert not record.forked
