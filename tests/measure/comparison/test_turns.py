"""Trials take turns where nothing speaks against it; what does is said."""

from __future__ import annotations

import pytest

from workbench.measure.comparison.turns import why_no_turns
from workbench.records import Program
from workbench.workloads.ocr.knobs import OcrKnobs

BASELINE = OcrKnobs(device="replay")


def test_two_trials_on_the_cpu_take_turns(tmp_path):
    assert why_no_turns({"a": BASELINE, "b": OcrKnobs(device="cpu")}) == ""
    assert why_no_turns({"a": OcrKnobs(device="auto")}, cuda=tmp_path / "none") == ""


@pytest.mark.parametrize(
    ("knobs", "word"),
    [
        ({"device": "cuda"}, "device"),
        ({"profilers": ["stacks"]}, "profilers of 'a'"),
        ({"ranks": 2, "mode": "train", "device": "cpu", "num_workers": 0}, "ranks of 'a'"),
    ],
)
def test_what_a_freeze_would_change_is_named(knobs, word):
    assert word in why_no_turns({"baseline": BASELINE, "a": OcrKnobs(**knobs)})


def test_auto_is_cuda_where_there_is_one(tmp_path):
    (tmp_path / "nvidiactl").touch()
    assert "device" in why_no_turns({"a": OcrKnobs(device="auto")}, cuda=tmp_path / "nvidiactl")


def test_a_cold_cache_and_another_workbench_are_reasons():
    assert "cold" in why_no_turns({"a": BASELINE}, cold_cache=True)
    assert "another workbench" in why_no_turns({"a": BASELINE}, programs={"a": Program(name="main", python="python")})
