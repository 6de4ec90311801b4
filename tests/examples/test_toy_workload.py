"""A workload that is not OCR goes the whole way, in its own words; and a broken one gives one clear error."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.errors import BadInput
from workbench.knobs.joined import knobs_class, parse_knobs
from workbench.measure.trial.inputs import check_inputs
from workbench.measure.trial.launcher import run_trial
from workbench.records import Record
from workbench.records.run_folder import SAMPLES, read_record

pytestmark = pytest.mark.real

TOY = "examples.toy_workload:Toy"

#: A trial that is over soon.
SMALL = {
    "workload": TOY,
    "num_images": 24,
    "image_side": 16,
    "batch_size": 4,
    "num_workers": 0,
    "device": "replay",
    "replay_ms_per_sample": 0.5,
    "isolated_samples": 0,
}


@pytest.fixture(autouse=True)
def _found_by_trials(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a shell whose current folder is the checkout, or the folder of one's own module."""
    monkeypatch.setenv("PYTHONPATH", str(checkout))


def trial(folder: Path, **settings: Any) -> Record:
    record = run_trial(parse_knobs({**SMALL, **settings}), folder)
    assert record.failure is None, record.failure
    return record


def counts(record: Record) -> dict[tuple[str, str], int]:
    return {(row.lane, row.name): row.count for row in record.stages}


def test_its_knobs_are_joined_with_those_of_measuring() -> None:
    rows = knobs_class(TOY).rows()
    assert rows["num_images"].unit == "images"
    assert rows["keep_images"].effects[True].frees == ("draw",)
    assert "num_workers" in rows
    assert "image_decoder" not in rows


def test_a_mistyped_knob_is_answered_with_its_own() -> None:
    with pytest.raises(BadInput, match="Did you mean 'num_images'"):
        parse_knobs({"workload": TOY, "num_image": 3})


@pytest.mark.parametrize(
    ("settings", "main"),
    [
        ({"device": "cpu", "num_workers": 2, "start_method": "fork", "isolated_samples": 8}, {"forward", "score"}),
        ({"device": "cpu", "mode": "train", "num_workers": 1, "start_method": "spawn"}, {"forward", "backward"}),
        ({"device": "replay", "mode": "train"}, {"forward", "loss", "backward", "optimizer"}),
        ({"device": "replay", "num_workers": 1, "transport": "ring"}, {"forward", "fetch", "score"}),
        ({"device": "none", "keep_images": True}, {"wait"}),
    ],
    ids=["cpu fork", "cpu train spawn", "replay train", "replay ring", "none"],
)
def test_a_trial_ends_well(tmp_path: Path, settings: dict[str, Any], main: set[str]) -> None:
    record = trial(tmp_path, **settings)

    seen = counts(record)
    assert main <= {name for lane, name in seen if lane == "main"}
    assert seen["worker", "normalize"] > 0
    assert record.item == "image"
    assert record.catalogue.find("worker", "draw").colour == "#8E5EA2"
    assert record.steady is not None and record.steady.num_samples == 24
    assert record.description is not None and record.description.num_samples == 24
    assert record.batches.bytes_per_sample == 3 * 16 * 16 * 4 + 8
    if settings["device"] == "cpu" and "mode" not in settings:
        score = record.quality["accuracy"]
        assert (score.num_samples, score.origin) == (24, "measured")
        assert {row.name for row in record.isolated.stages} >= {"draw", "normalize", "forward"}
    if settings.get("transport") == "ring":
        assert record.quality["accuracy"].origin == "simulated"
        assert record.quality["accuracy"].value == 1.0


def test_what_the_model_gets_is_recorded(tmp_path: Path) -> None:
    record = trial(tmp_path, checked_samples=3)
    with np.load(tmp_path / record.run_id / SAMPLES) as kept:
        assert kept["times_seen"].tolist() == [1] * 24
        assert kept["whole/data.0"].shape == (3, 3, 16, 16)
        assert kept["whole/data.1"].shape == (3,)


def test_a_stage_of_its_own_is_knocked_out(tmp_path: Path) -> None:
    record = trial(tmp_path, knock_out="draw")
    stage = record.stage("draw")
    assert stage is not None and stage.count == 24
    assert record.quality == {}
    assert "knocked out: draw" in record.notes[-1]
    with pytest.raises(BadInput, match="normalize cannot be replayed"):
        parse_knobs({**SMALL, "knock_out": "normalize"})


def test_a_stage_of_its_own_is_slowed_down(tmp_path: Path) -> None:
    record = trial(tmp_path, slow_down="normalize:20")
    stage = record.stage("normalize")
    assert stage is not None and stage.mean_s >= 0.020  # its own time on a core, which a busy machine only lengthens


def test_an_old_run_opens_where_the_workload_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text("from examples.toy_workload import Toy as Mine\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parents[2]}")
    record = trial(tmp_path, workload="mine:Mine")

    monkeypatch.undo()
    sys.modules.pop("mine")
    knobs_class.cache_clear()
    again = read_record(tmp_path / record.run_id)
    assert again.knobs.num_images == 24
    assert again.item == "image"
    assert again.catalogue.find("main", "score").role == "collect"


BROKEN = """
    import torch
    from pydantic import BaseModel
    from examples.toy_workload import Toy, ToyImages, ToyKnobs

    class NoStep:
        item, stages = "image", ()
        def __init__(self, knobs): pass
        def check(self): pass
        def dataset(self): pass
        def collate(self): pass
        def build(self, device): pass
        def quality(self): pass

    class NoItem(Toy):
        item = ""

    class WrongKnobs(Toy):
        Knobs = dict

    class TakenName(Toy):
        class Knobs(BaseModel):
            seed: int = 3

    class NoDefault(Toy):
        class Knobs(BaseModel):
            path: str

    class WrongStages(Toy):
        stages = ("draw",)

    class CheckRaises(Toy):
        def check(self): raise FileNotFoundError("no /data")

    class CheckGivesNothing(Toy):
        def check(self): pass

    class InitRaises(Toy):
        def __init__(self, knobs): raise KeyError("x")

    def function(knobs): pass

    class BadImages(ToyImages):
        def __getitem__(self, number):
            if number == 5:
                raise ValueError("image 5 is bad")
            return super().__getitem__(number)

    class BadSample(Toy):
        def dataset(self): return BadImages(self.knobs)

    class Stream(Toy):
        def dataset(self): return iter(range(24))

    class OtherLength(Toy):
        def check(self): return super().check().model_copy(update={"num_samples": 10})

    class BuildRaises(Toy):
        def build(self, device): raise RuntimeError("no weights")

    class OldStep(Toy):
        def step(self, batch, timers): pass

    class WrongScore(Toy):
        def quality(self): return {"accuracy": 0.5}
"""


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkout: Path) -> str:
    """The name of a module of broken workloads."""
    name = f"broken_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(textwrap.dedent(BROKEN), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{checkout}")
    return name


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("NoStep", "has no method 'step'"),
        ("NoItem", "does not say what it calls a sample"),
        ("WrongKnobs", "Make it a pydantic BaseModel"),
        ("TakenName", "the knob 'seed' of .* is one of measuring already"),
        ("NoDefault", "the knob 'path' of .* has no default"),
        ("WrongStages", "holds something else than stages"),
        ("CheckRaises", r"check\(\): raised FileNotFoundError: no /data"),
        ("CheckGivesNothing", "gives NoneType, not a Description"),
        ("InitRaises", r"\(knobs\): raised KeyError"),
        ("function", "is not a class"),
        ("Missing", "has no 'Missing'"),
    ],
)
def test_a_broken_workload_is_refused_before_a_trial(broken: str, kind: str, message: str) -> None:
    with pytest.raises(BadInput, match=message) as caught:
        check_inputs(parse_knobs({"workload": f"{broken}:{kind}"}))
    assert len(caught.value.problems) == 1
    assert "Traceback" not in str(caught.value)


def test_a_module_that_is_not_there_is_named() -> None:
    with pytest.raises(BadInput, match="'no_such_module' cannot be imported"):
        parse_knobs({"workload": "no_such_module:Mine"})


def test_a_value_that_its_own_check_refuses() -> None:
    with pytest.raises(BadInput, match=r"image_side: the model needs 8 pixels\. Take 8 or more"):
        check_inputs(parse_knobs({**SMALL, "image_side": 4}))


@pytest.mark.parametrize(
    ("kind", "settings", "failure", "message"),
    [
        ("BadSample", {"num_workers": 1}, "error", "ValueError: image 5 is bad (in a loader worker)"),
        ("Stream", {}, "bad_input", "which has no __len__"),
        ("OtherLength", {}, "bad_input", "says 10 samples, and the data set has 24"),
        ("BuildRaises", {}, "error", "RuntimeError: no weights"),
        ("OldStep", {}, "error", "unexpected keyword argument 'counted'"),
    ],
)
def test_a_workload_that_fails_leaves_a_record_that_says_why(
    tmp_path: Path, broken: str, kind: str, settings: dict[str, Any], failure: str, message: str
) -> None:
    record = run_trial(parse_knobs({**SMALL, "workload": f"{broken}:{kind}", **settings}), tmp_path)
    assert record.failure is not None
    assert record.failure.kind == failure
    assert message in record.failure.message
    assert "Traceback" not in record.failure.message


def test_a_score_that_is_none_costs_no_measurement(tmp_path: Path, broken: str) -> None:
    record = trial(tmp_path, workload=f"{broken}:WrongScore")
    assert record.quality == {}
    assert any("'accuracy' is left out" in note for note in record.notes)
