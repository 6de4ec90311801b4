"""Two trainings are compared by losses, weights and running statistics; each planted fault is found."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.knobs.knob import Maths
from workbench.records.checks import Checks
from workbench.workloads.ocr.checks.training import check_training

NAMES = ["conv.weight", "norm.weight", "norm.running_mean", "norm.running_var", "norm.num_batches_tracked"]


def left(**changed) -> dict:
    arrays = {
        "trained_on": np.arange(8),
        "trained_input": np.array(12.5),
        "trained_losses": np.array([3.0, 2.5, 2.2]),
        "trained_names": np.array(NAMES),
        "trained_norms": np.array([10.0, 4.0, 0.5, 2.0, 3.0]),
        "trained_is_buffer": np.array([False, False, True, True, True]),
    }
    return {**arrays, **{name: np.asarray(value) for name, value in changed.items()}}


CASES = {
    "equal": ({}, Maths.SAME, "same"),
    "another order of additions": ({"trained_losses": [3.0, 2.501, 2.203]}, Maths.SAME, "within_tolerance"),
    "other losses": ({"trained_losses": [3.0, 2.9, 2.8]}, Maths.SAME, "different"),
    "statistics moved twice": ({"trained_norms": [10.0, 4.0, 0.9, 2.0, 3.0]}, Maths.SAME, "different"),
    "batches counted twice": ({"trained_norms": [10.0, 4.0, 0.5, 2.0, 6.0]}, Maths.BF16, "different"),
    "a loss that is no number": ({"trained_losses": [3.0, np.nan, 2.2]}, Maths.BF16, "different"),
    "half precision": ({"trained_losses": [3.1, 2.6, 2.3]}, Maths.BF16, "within_tolerance"),
    "other samples": ({"trained_on": np.arange(8)[::-1]}, Maths.SAME, "not_comparable"),
    "other random transforms": ({"trained_input": 13.0}, Maths.SAME, "not_comparable"),
    "another model": ({"trained_losses": [1.0, 1.0, 1.0]}, Maths.OTHER, "not_comparable"),
    "other parts": ({"trained_names": [*NAMES[:4], "more"]}, Maths.SAME, "not_comparable"),
}


@pytest.mark.parametrize(("changed", "maths", "status"), CASES.values(), ids=CASES)
def test_the_answer(changed, maths, status):
    assert Checks(checks=check_training(left(**changed), left(), maths)).status == status
