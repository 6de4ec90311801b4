"""Knobs of a workload of one's own join those of measuring; one that is broken is refused with one clear problem."""

from __future__ import annotations

import itertools
import pickle
import sys
import textwrap
from collections.abc import Callable

import pytest
from record_factory import make_record

from workbench.errors import BadInput
from workbench.knobs.joined import knobs_class, parse_knobs
from workbench.knobs.knobs import Knobs, read_settings
from workbench.measure.trial.inputs import check_inputs
from workbench.records import Record
from workbench.registry import make_workload

_NUMBERS = itertools.count()

HEAD = """
    from pydantic import BaseModel
    from workbench.knobs.knob import Inactive, Refusal, knob
    from workbench.records import Description
    from workbench.stages import Stage
"""

KNOBS = """
    class ToyKnobs(BaseModel):
        side: int = knob(32, "workload", "side of the images", unit="px", ge=8)
        crop: bool = knob(False, "workload", "crop the images", inactive=[
            Inactive(lambda s: s.knobs.side == 8, "the images are as small as they can be")
        ], refused=[
            Refusal(("crop", "mode=train"), lambda k: k.crop and k.mode == "train", "no crop in training", "Leave it")
        ])
        flavour: str = "plain"
"""

STAGES = '(Stage("draw", "worker", "work", "sample", replayable=True),)'

MEMBERS = """
    class Toy:
        Knobs = ToyKnobs
        item = "image"
        stages = (Stage("draw", "worker", "work", "sample", replayable=True),)
        def __init__(self, knobs): self.knobs = knobs
        def check(self): return Description(num_samples=4)
        def dataset(self): return [0, 1, 2, 3]
        def collate(self): return None
        def build(self, device): pass
        def step(self, batch, timers, *, counted): pass
        def quality(self): return {}
"""


@pytest.fixture
def write(tmp_path, monkeypatch) -> Callable[..., str]:
    """Writes a module with a workload; gives the workload's name."""
    monkeypatch.syspath_prepend(tmp_path)

    def write_module(*parts: str, name: str = "Toy", **replaced: str) -> str:
        module = f"made_up_workload_{next(_NUMBERS)}"
        text = "\n".join(textwrap.dedent(part) for part in parts or (HEAD, KNOBS, MEMBERS))
        for old, new in replaced.items():
            assert old in text
            text = text.replace(old, new)
        (tmp_path / f"{module}.py").write_text(text)
        return f"{module}:{name}"

    return write_module


def problem_of(action: Callable[[], object]) -> str:
    with pytest.raises(BadInput) as caught:
        action()
    (problem,) = caught.value.problems
    return str(problem)


def test_own_knobs_and_those_of_measuring_are_one_set(write):
    workload = write()
    knobs = parse_knobs({"workload": workload, "side": "64", "num_workers": "0", "crop": "true"})
    assert (knobs.side, knobs.crop, knobs.num_workers, knobs.flavour) == (64, True, 0, "plain")
    assert knobs.compared() == {"side": 64, "crop": True, "num_workers": 0}
    rows = knobs.rows()
    assert (rows["side"].unit, rows["side"].default) == ("px", 32)
    assert rows["flavour"].kind == "str", "a plain pydantic field is a knob as well"
    assert type(knobs).item == "image"
    assert type(knobs).catalogue().find("worker", "draw").replayable


def test_they_are_read_like_any_other(write):
    workload = write()
    kind = knobs_class(workload)
    assert read_settings(["side=16", "crop=true"], kind) == {"side": 16, "crop": True}
    assert "Did you mean 'side'?" in problem_of(lambda: parse_knobs({"workload": workload, "sied": 16}))
    assert "side" in problem_of(lambda: parse_knobs({"workload": workload, "side": 2}))
    assert "no crop in training" in problem_of(
        lambda: parse_knobs({"workload": workload, "crop": True, "mode": "train"})
    )


def test_own_stages_can_be_knocked_out_where_they_can_be_replayed(write):
    workload = write()
    assert parse_knobs({"workload": workload, "knock_out": "draw"}).knock_out == ("draw",)
    refused = problem_of(lambda: parse_knobs({"workload": workload, "knock_out": "collate"}))
    assert "These can: read, draw" in refused


def test_they_come_back_from_json_and_cross_process_borders(write):
    knobs = parse_knobs({"workload": write(), "side": 64})
    assert parse_knobs(knobs.model_dump()) == knobs
    copied = pickle.loads(pickle.dumps(knobs))
    assert copied == knobs
    assert type(copied) is type(knobs)


def test_a_workload_without_knobs_of_its_own_has_those_of_measuring(write):
    workload = write(HEAD, MEMBERS, **{"Knobs = ToyKnobs": "pass"})
    assert set(knobs_class(workload).model_fields) == set(Knobs.model_fields)


@pytest.mark.parametrize(
    "name", ["antigravity:x", "os:system", "idlelib.idle:x", "pip.__main__:x", "datamodule:os:abort"]
)
def test_a_name_in_a_record_imports_nothing_that_is_no_workload(name):
    before = set(sys.modules)
    with pytest.raises(BadInput, match="is a part of Python, or a program"):
        knobs_class(name)
    assert {"antigravity", "idlelib.idle", "pip.__main__"} & (set(sys.modules) - before) == set()
    record = {**make_record().model_dump(), "knobs": {**Knobs().model_dump(), "workload": name}}
    assert Record(**record).knobs.workload == name, "its values are kept as they stand"


def test_a_sound_workload_is_made_and_checked(write):
    knobs = parse_knobs({"workload": write()})
    assert make_workload(knobs).item == "image"
    assert check_inputs(knobs).num_samples == 4


BROKEN_KNOBS = {
    "no such module": ("no_such_module:Toy", "'no_such_module' cannot be imported"),
    "no such name": ({"name": "Other"}, "has no 'Other'"),
    "an unknown word": ("toy", "there is no workload named 'toy'"),
    "a module that raises": (
        {"class Toy:": "raise RuntimeError('no licence')\nclass Toy:"},
        "RuntimeError: no licence",
    ),
    "knobs that are not pydantic": ({"class ToyKnobs(BaseModel)": "class ToyKnobs"}, "is not a class of knobs"),
    "a knob without a default": ({'flavour: str = "plain"': "flavour: str"}, "the knob 'flavour' of"),
    "stages of the wrong kind": ({STAGES: '("draw",)'}, "Toy.stages holds something else than stages"),
    "a name that is taken": ({'flavour: str = "plain"': "batch_size: int = 3"}, "is one of measuring already"),
}


@pytest.mark.parametrize("fault", BROKEN_KNOBS)
def test_a_workload_whose_knobs_cannot_be_had_is_one_problem(write, fault):
    broken, words = BROKEN_KNOBS[fault]
    if isinstance(broken, dict):
        name = broken.get("name", "Toy")
        broken = write(name=name, **{old: new for old, new in broken.items() if old != "name"})
    assert words in problem_of(lambda: parse_knobs({"workload": broken}))


BROKEN_MEMBERS = {
    "no step": ({"def step(self, batch, timers, *, counted): pass": ""}, "has no method 'step'"),
    "no stages": ({f"stages = {STAGES}": ""}, "has no 'stages'"),
    "an item that is not a text": ({'item = "image"': "item = 3"}, "does not say what it calls a sample"),
    "a constructor that raises": ({"self.knobs = knobs": "raise ValueError('no licence')"}, "ValueError: no licence"),
    "a function": ({"class Toy:": "def Toy(knobs): pass\nclass _Toy:"}, "is not a class"),
}


@pytest.mark.parametrize("fault", BROKEN_MEMBERS)
def test_a_workload_that_does_not_meet_the_contract_is_one_problem(write, fault):
    broken, words = BROKEN_MEMBERS[fault]
    workload = write(**broken)
    found = problem_of(lambda: make_workload(parse_knobs({"workload": workload})))
    assert words in found
    assert workload in found, "the workload is named"


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ("return Description(num_samples=4)", ""),
        ("return 4", "gives int, not a Description"),
        ("return 1 / 0", "raised ZeroDivisionError"),
    ],
)
def test_a_check_that_fails_or_gives_something_else_is_one_problem(write, check, words):
    knobs = parse_knobs({"workload": write(**{"return Description(num_samples=4)": check})})
    if not words:
        assert check_inputs(knobs).num_samples == 4
    else:
        assert words in problem_of(lambda: check_inputs(knobs))
