"""`workbench tune`: what it refuses before any trial, and how it goes on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pretended_machine import Machine, product_of

from workbench import cli
from workbench.errors import BadInput
from workbench.knobs.joined import parse_knobs
from workbench.knobs.space import space_of
from workbench.records import TuneLimits
from workbench.report.notebook_run import NotebookFailed
from workbench.report.tuning.open_search import read_limits
from workbench.report.tuning.search import begin_search

PAGES = Path(__file__).parents[2] / "data_samples"


@pytest.fixture
def tune(monkeypatch, capsys):
    """Runs the command without its notebook; gives the exit code, what it printed, and what the notebook was given."""
    given: list[dict] = []

    def run(*arguments: str) -> tuple[int, str, list[dict]]:
        def headless(name, parameters, *_, **__):
            given.append({"name": name, **parameters})
            raise NotebookFailed("not here")

        monkeypatch.setattr("workbench.commands.headless.run_headless", headless)
        monkeypatch.setattr(sys, "argv", ["workbench", "tune", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        captured = capsys.readouterr()
        return int(end.value.code or 0), captured.out + captured.err, given

    return run


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--knobs", "cach"], "there is no knob named 'cach'"),
        (["--knobs", "batch_size"], "--grid batch_size="),
        (["--grid", "num_workers=2"], "nothing to search"),
        (["--memory", "much", "--start-up", "soon", "--result", "good"], "Write a size: 4GB, 512MiB"),
        (["--minutes", "0.1"], "too few for any answer"),
        (["--sampler", "guess"], "there is no sampler 'guess'"),
        (["-p", "profilers=torch"], "profilers cost time"),
        (["--resume", "nowhere"], "tune.json"),
        (["--resume", "nowhere", "--knobs", "cache"], "a search that goes on keeps all but its time"),
    ],
)
def test_what_it_refuses_before_anything_runs(tune, tmp_path, arguments, said):
    code, text, given = (
        tune("--data", str(PAGES), "--out", str(tmp_path), *arguments)
        if "--resume" not in arguments
        else tune("--out", str(tmp_path), *arguments)
    )

    assert code == 2 and said in text and not given
    assert "Traceback" not in text
    assert list(tmp_path.iterdir()) == []


def test_one_whose_trials_are_gone_is_refused_before_anything_runs(tune, tmp_path):
    space = space_of(parse_knobs({"dataset": str(PAGES)}), axes=["cache=none,decoded"], cores=2)
    state = begin_search(tmp_path, space, minutes=10.0)
    state.change(notes=[])

    code, text, given = tune("--resume", str(state.folder))
    assert code == 2 and "the folder of its trials is gone" in text and not given


def test_all_that_is_wrong_with_limits_is_in_one_message():
    with pytest.raises(BadInput) as error:
        read_limits("memory:much start_up:soon result:good speed:2")

    assert all(word in str(error.value) for word in ("'much'", "'soon'", "'good'", "'speed'"))


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("", TuneLimits()),
        ("memory:4GB", TuneLimits(memory_bytes=4 * 10**9)),
        ("memory=1.5GiB start_up=2min result=same", TuneLimits(memory_bytes=3 * 2**29, startup_s=120.0, result="same")),
    ],
)
def test_limits_are_read(text, limits):
    assert read_limits(text) == limits


def test_what_the_notebook_is_given(tune, tmp_path):
    arguments = ("--knobs", "cache, num_workers", "--memory", "4 GB", "--start-up", "30s", "--minutes", "5")
    code, _, (given,) = tune("--data", str(PAGES), "--out", str(tmp_path), *arguments)

    assert code == 1 and given["name"] == "tune"
    assert given["knobs"] == ["cache", "num_workers"] and given["minutes"] == 5.0
    assert given["limits"] == "memory:4GB start_up:30s result:within_tolerance"
    assert given["dataset"] == str(PAGES)


def test_a_command_is_observed(tune, tmp_path, monkeypatch):
    (tmp_path / "train.py").write_text("print('hello')\n")
    monkeypatch.chdir(tmp_path)
    _, _, (given,) = tune("--out", str(tmp_path / "r"), "--knobs", "num_workers", "--", sys.executable, "train.py")

    assert given["workload"] == "observed" and given["command"].endswith("train.py")


def test_an_interrupted_search_says_how_to_go_on(monkeypatch, capsys, tmp_path):
    machine = Machine(product_of({("cache", "prepared"): 1.5}))

    def stop(number):
        if number == 4:
            raise KeyboardInterrupt

    def headless(name, parameters, results, **_):
        machine.trials.before = stop
        machine.run(machine.begin(results))

    monkeypatch.setattr("workbench.commands.headless.run_headless", headless)
    monkeypatch.setattr(sys, "argv", ["workbench", "tune", "--data", str(PAGES), "--out", str(tmp_path / "my results")])
    with pytest.raises(SystemExit) as end:
        cli.main()

    assert end.value.code == 130
    (folder,) = (tmp_path / "my results" / "tunings").iterdir()
    assert f"Go on with: workbench tune --resume '{folder}'" in capsys.readouterr().err
