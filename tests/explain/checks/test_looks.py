"""What can be said of the samples of two observed trials."""

from __future__ import annotations

import numpy as np
import pytest
from record_factory import make_record

from workbench.explain.checks.looks import compare_looks


def looks(seed: int = 0, *, random: bool = False, count: int = 4, scale: float = 1.0, side: int = 8):
    values = np.random.default_rng(seed).normal(size=(count, 3, side, side)).astype(np.float32) * scale
    return make_record(), {
        "numbers": np.arange(count),
        "digests": np.array([hash(row.tobytes()) & 0xFFFF for row in values], np.uint64),
        "is_random": np.full(count, random),
        "num_samples": np.array(100),
        "whole/batch": values,
    }


def status(baseline, variant):
    return compare_looks(baseline, variant).status


def test_equal_samples_are_the_same():
    assert status(looks(), looks()) == "same"


def test_other_values_are_different_however_alike_they_look():
    assert status(looks(0), looks(1)) == "different"


def test_random_samples_are_alike_where_form_and_statistics_are():
    found = compare_looks(looks(0, random=True), looks(1, random=True))

    assert found.status == "within_tolerance"
    assert "random transforms" in found.checks[0].reason


@pytest.mark.parametrize("wrong", [{"side": 6}, {"scale": -1.0}])
def test_random_samples_of_another_form_or_other_statistics_are_different(wrong):
    baseline, variant = looks(0, random=True), looks(1, random=True, **wrong)
    variant[1]["whole/batch"] += 0.0 if "side" in wrong else 2.0

    assert status(baseline, variant) == "different"


def test_another_data_set_is_not_compared():
    variant = looks()
    variant[1]["num_samples"] = np.array(99)

    assert status(looks(), variant) == "not_comparable"


def test_without_samples_it_says_so():
    found = compare_looks((make_record(), None), looks())

    assert found.status == "not_comparable" and "No samples were looked at" in found.notes[0]
