"""Does a changed training still learn the same? Losses of the counted steps, and the state after them.

Running statistics are compared, too: gradient checkpointing that moves them twice leaves all losses as they are
(pytorch/pytorch#96136), and validates otherwise.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from workbench.knobs.knob import Maths
from workbench.records import Check
from workbench.records.checks import status_of
from workbench.units import counted
from workbench.workload import Arrays

#: How far losses may be apart, and norms of weights and statistics, by class; shares. Adam makes much of little: after
#: a few steps another order of additions is seen in the third digit.
_TOLERANCES = {
    Maths.EQUAL: (0.02, 0.02),
    Maths.SAME: (0.02, 0.02),
    Maths.FP16: (0.1, 0.05),
    Maths.BF16: (0.1, 0.05),
}

#: The first inputs of two trainings on the same samples differ by rounding only.
_SAME_INPUT = 1e-4


def check_training(own: Arrays, other: Arrays, maths: Maths) -> list[Check]:
    """Compare what two trials that train have left.

    Args:
        own: The variant's `samples.npz`.
        other: The baseline's.
        maths: What was changed.

    Returns:
        Checks of the losses, of the weights, of the running statistics and of their counters; a single one with the
        reason where they cannot be compared.
    """
    if reason := _incomparable(own, other, maths):
        return [Check(name="losses", status="not_comparable", measured="", reason=reason)]
    of_losses, of_state = _TOLERANCES[maths]
    apart = _shares(own["trained_losses"], other["trained_losses"])
    checks = [
        Check(
            name="losses",
            status=status_of(float(apart.max()), 0.0, of_losses),
            measured=f"{apart.max() * 100:.2g} % apart at most, in {counted(len(apart), 'step')}",
            allowed=f"{of_losses * 100:g} %",
        )
    ]
    is_buffer = np.asarray(own["trained_is_buffer"], bool)
    is_counter = np.array([name.endswith("num_batches_tracked") for name in own["trained_names"].tolist()])
    parts = {
        "weights after the last step": (~is_buffer, of_state),
        "running statistics": (is_buffer & ~is_counter, of_state),
        "batches that normalizations have counted": (is_counter, 0.0),
    }
    for name, (chosen, allowed) in parts.items():
        if chosen.any():
            apart = _shares(own["trained_norms"][chosen], other["trained_norms"][chosen])
            checks.append(
                Check(
                    name=name,
                    status=status_of(float(apart.max()), 0.0, allowed),
                    measured=f"{apart.max() * 100:.2g} % apart at most",
                    allowed=f"{allowed * 100:g} %",
                )
            )
    return checks


def _incomparable(own: Arrays, other: Arrays, maths: Maths) -> str:
    """Why two trainings cannot be compared; empty where they can."""
    if maths not in _TOLERANCES:
        return "another model, or another way to train: only what it is worth in the end can be compared"
    if not np.array_equal(own["trained_names"], other["trained_names"]):
        return "the models have other parts"
    if not np.array_equal(own["trained_on"], other["trained_on"]):
        return "the trials have not trained on the same samples in the same order"
    if _shares(own["trained_input"].reshape(1), other["trained_input"].reshape(1))[0] > _SAME_INPUT:
        return "random transforms have made other samples"
    return ""


def _shares(own: npt.NDArray[np.generic], other: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    """How far values are apart, as shares of the baseline's; what is no number is as far as can be."""
    a, b = np.asarray(own, np.float64), np.asarray(other, np.float64)
    if a.shape != b.shape:
        return np.ones(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = np.where(a == b, 0.0, np.abs(a - b) / np.abs(b))
    return np.nan_to_num(apart, nan=np.inf)
