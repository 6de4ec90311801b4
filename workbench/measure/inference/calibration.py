"""The samples on which 8-bit integers are calibrated."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from workbench.errors import BadInput, Problem
from workbench.measure.inference.engine import Order
from workbench.units import counted

#: Ranges that were seen on fewer samples than this are no ranges.
FEWEST_SAMPLES = 8


def calibrated(order: Order) -> Sequence[torch.Tensor]:
    """Inputs of one sample each.

    Raises:
        BadInput: Where the workload has none that it does not score, or too few.
    """
    make = order.model.calibration
    if make is None:
        remedy = "Give its InferenceModel a calibration, or take another precision"
        raise _wrong("the workload has no samples to calibrate 8-bit integers on", remedy)
    inputs = make()
    if len(inputs) < FEWEST_SAMPLES:
        remedy = f"Name a folder with at least {FEWEST_SAMPLES} that are not scored"
        raise _wrong(f"{counted(len(inputs), 'sample')} to calibrate 8-bit integers on: too few", remedy)
    return inputs


def _wrong(what: str, remedy: str) -> BadInput:
    return BadInput("the engine", [Problem(what, "precision=int8", remedy)])
