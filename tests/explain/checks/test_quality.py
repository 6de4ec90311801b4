"""Figures of quality: what is the same, what is tolerated, and what proves nothing."""

from __future__ import annotations

import math

import pytest
from record_factory import make_record

from workbench.explain.checks.quality import compare_scores
from workbench.records import Check, Score


def scored(value: float, **settings):
    score = Score(**{"value": value, "tolerance": 0.005, "num_samples": 100, **settings})
    return make_record().model_copy(update={"quality": {"accuracy": score}})


def compare(baseline: float, variant: float, *, has_samples: bool = True, **settings) -> Check:
    (check,) = compare_scores(scored(baseline), scored(variant, **settings), has_samples=has_samples)
    return check


@pytest.mark.parametrize(
    ("baseline", "variant", "status"),
    [
        (0.9, 0.9, "same"),
        (0.9, 0.897, "within_tolerance"),
        (0.9, 0.903, "within_tolerance"),
        (0.9, 0.85, "different"),
        (0.85, 0.9, "different"),
        (0.0, 0.9, "different"),
        (0.9, 0.0, "different"),
        (0.9, math.nan, "different"),
        (math.nan, 0.9, "different"),
        (0.0, 0.0, "not_comparable"),
        (math.nan, math.nan, "not_comparable"),
    ],
)
def test_scores_are_compared_within_their_tolerance(baseline, variant, status):
    assert compare(baseline, variant).status == status


def test_zero_on_both_sides_proves_nothing_and_says_so():
    assert "proves nothing" in compare(0.0, 0.0).reason


@pytest.mark.parametrize("count", [99, 101])
def test_other_samples_scored_are_a_difference(count):
    check = compare(0.9, 0.9, num_samples=count)
    assert check.status == "different"
    assert str(count) in check.reason


def test_what_a_replay_device_answers_proves_nothing_without_samples():
    assert compare(0.9, 0.9, origin="simulated", has_samples=False).status == "not_comparable"
    assert compare(0.9, 0.9, origin="simulated").status == "same"
    assert compare(0.9, 0.5, origin="simulated", has_samples=False).status == "different", "a fault is one anywhere"


def test_a_figure_of_one_side_only_is_named():
    without = make_record().model_copy(update={"quality": {}})
    for pair, side in (((scored(0.9), without), "baseline"), ((without, scored(0.9)), "variant")):
        (check,) = compare_scores(*pair, has_samples=True)
        assert check.status == "not_comparable"
        assert f"only the {side}" in check.reason
    assert compare_scores(without, without, has_samples=True) == []


def test_the_unit_and_the_tolerance_are_printed():
    check = compare(41.2, 41.203, unit="dB")
    assert "41.2 dB" in check.measured
    assert "0.005" in check.allowed


def test_what_a_score_is_no_figure_of_is_said_with_its_check():
    assert compare(0.9, 0.9, note="the truth is handed back").reason == "the truth is handed back"
