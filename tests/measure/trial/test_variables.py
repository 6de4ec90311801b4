"""Which environment variables a trial gets."""

import os
from pathlib import Path

import pytest

from workbench.knobs.joined import parse_knobs
from workbench.measure.trial.environment import describe_environment
from workbench.measure.trial.launcher import run_trial
from workbench.measure.trial.variables import deciding_variables, without_deciding
from workbench.records import Program, Record


@pytest.fixture
def ran(tmp_path, monkeypatch):
    """A trial by an interpreter that writes its environment down and ends; gives the record and that environment."""
    for name in deciding_variables(os.environ):
        monkeypatch.delenv(name)

    def run(**settings) -> tuple[Record, list[str]]:
        shell = tmp_path / "interpreter"
        shell.write_text(f'#!/bin/sh\nenv > "{tmp_path}/environment"\nexit 1\n')
        shell.chmod(0o755)
        program = Program(name="writes its environment", python=str(shell), source=None)
        record = run_trial(parse_knobs(settings), tmp_path / "runs", program=program)
        return record, Path(tmp_path, "environment").read_text().splitlines()

    return run


def test_what_a_scheduler_has_set_does_not_reach_a_trial_and_that_is_said(ran, monkeypatch):
    for name, value in {"OMP_NUM_THREADS": "1", "MALLOC_TRIM_THRESHOLD_": "65536"}.items():
        monkeypatch.setenv(name, value)
    record, environment = ran()
    assert not any(line.startswith(("OMP_", "MALLOC_")) for line in environment)
    assert [note for note in record.notes if "MALLOC_TRIM_THRESHOLD_=65536 OMP_NUM_THREADS=1" in note]


def test_what_says_where_something_is_reaches_it(ran, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setenv("PAGES", "/of/my/own")
    record, environment = ran()
    assert {"CUDA_VISIBLE_DEVICES=1", "PAGES=/of/my/own"} <= set(environment)
    assert record.notes == []


def test_what_its_knobs_set_reaches_it_whatever_the_shell_has(ran, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    _, environment = ran(env="OMP_NUM_THREADS=2 GREETING='good day'")
    assert {"OMP_NUM_THREADS=2", "GREETING=good day"} <= set(environment)


def test_a_script_that_is_observed_has_the_environment_of_its_shell(ran, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    record, environment = ran(workload="observed", command="true")
    assert "OMP_NUM_THREADS=1" in environment
    assert record.notes == []


def test_the_record_has_what_decides_and_not_what_names_a_run(monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    variables = describe_environment().variables
    assert variables["OMP_WAIT_POLICY"] == "passive"
    assert "TORCHELASTIC_RUN_ID" not in variables


def test_nothing_is_lost_of_what_is_left_out():
    given, left_out = without_deciding({"KMP_BLOCKTIME": "1", "HOME": "/home"})
    assert (given, left_out) == ({"HOME": "/home"}, {"KMP_BLOCKTIME": "1"})
