"""A command that cannot be observed is refused before it is started, with what to do."""

from __future__ import annotations

import sys

import pytest

from workbench.errors import BadInput
from workbench.knobs.observed import ObservedKnobs
from workbench.measure.attach.command import check_command, environment_of, words_of
from workbench.measure.comparison.variants import parse_variants
from workbench.observer.session import VARIABLE

WRONG = {
    "": "there is none",
    "nosuchprogram train.py": "no such program",
    "train.py": "Write: python train.py",
    "docker run image python train.py": "inside the container",
    f"{sys.executable} -I train.py": "started with -I",
    f"{sys.executable} -u -": "would read the script from its standard input",
    f"{sys.executable} train.py --multirun lr=1,2": "several trainings",
    "python 'train.py": "Close the quote",
}


@pytest.mark.parametrize("command", WRONG)
def test_a_command_that_cannot_be_observed_is_refused_in_words(command: str) -> None:
    with pytest.raises(BadInput, match="the command") as raised:
        check_command(ObservedKnobs(command=command))
    assert WRONG[command] in str(raised.value)


def test_rules_know_that_the_script_decides_of_its_workers() -> None:
    assert ObservedKnobs().num_workers is None
    with pytest.raises(BadInput, match="ranks with mode=validate"):
        ObservedKnobs.parse_own({"ranks": 2})


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({"folder": "/no/such/folder"}, "no such folder"),
        ({"env": "A"}, "write NAME=VALUE"),
        ({"knock_out": ("loader", "collate"), "command": "python x.py"}, "cannot be"),
        ({"device": "cuda"}, "the script decides"),
        ({"num_workers": 0, "prefetch_factor": 4}, "without workers"),
    ],
)
def test_knobs_that_make_no_sense_for_a_script_are_refused(knobs: dict[str, object], words: str) -> None:
    with pytest.raises(BadInput) as raised:
        check_command(ObservedKnobs.parse_own({"command": f"{sys.executable} train.py", **knobs}))
    assert words in str(raised.value)


def test_a_command_keeps_its_words_and_gets_the_observer_first_on_its_path(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    knobs = ObservedKnobs(command="python 'my train.py' lr=1", args="--batch 4", env="A=1 B='2 3'", blas_threads=2)
    environment = environment_of(knobs, tmp_path)

    assert words_of(knobs) == ["python", "my train.py", "lr=1", "--batch", "4"]
    assert environment["PYTHONPATH"].endswith(":/elsewhere") and "injected" in environment["PYTHONPATH"].split(":")[0]
    assert (environment["A"], environment["B"], environment["OMP_NUM_THREADS"]) == ("1", "2 3", "2")
    assert environment[VARIABLE] == str(tmp_path)
    own_path = environment_of(ObservedKnobs(command="python a.py", env="PYTHONPATH=/mine"), tmp_path)["PYTHONPATH"]
    assert own_path.split(":")[1:] == ["/mine"]


def test_variants_may_add_arguments_and_environment() -> None:
    common = {"workload": "observed", "command": "python train.py"}
    variants = parse_variants(["b4: num_workers=4 env: A=1 B=2 args: --batch-size 4 lr=0.1", "same:"], common)

    assert (variants["b4"].num_workers, variants["b4"].env, variants["b4"].args) == (
        4, "A=1 B=2", "--batch-size 4 lr=0.1",
    )  # fmt: skip
    assert variants["baseline"].num_workers is None and variants["baseline"].asked() == {}


def test_knobs_of_trials_that_the_workbench_drives_are_none_of_a_script() -> None:
    with pytest.raises(BadInput, match="there is no knob named 'transport'"):
        ObservedKnobs.parse_own({"command": "python x.py", "transport": "ring"})
    knobs = ObservedKnobs(command="python x.py")
    assert ObservedKnobs.parse_own(knobs.model_dump()) == knobs


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("import torch\nmain()\n", "line 2"),
        ("for _ in range(3):\n    pass\n", "line 1"),
        ('def main(): pass\nif __name__ == "__main__":\n    main()\n', None),
        ("VALUE = 1\ndef main(): pass\n", None),
        ("def broken(:\n", None),
    ],
)
def test_a_script_that_works_when_imported_is_not_spawned(tmp_path, code: str, line: str | None) -> None:
    (tmp_path / "train.py").write_text(code)
    settings = {"command": f"{sys.executable} train.py", "folder": str(tmp_path)}
    for method in ("spawn", "forkserver"):
        knobs = ObservedKnobs.parse_own({**settings, "start_method": method})
        if line is None:
            check_command(knobs)
            continue
        with pytest.raises(BadInput, match="works when it is imported") as raised:
            check_command(knobs)
        assert line in str(raised.value) and "__main__" in str(raised.value)
    check_command(ObservedKnobs.parse_own({**settings, "start_method": "fork"}))
