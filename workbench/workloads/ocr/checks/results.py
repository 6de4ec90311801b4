"""Is what the model makes of the pages still what the baseline's makes of them? By four classes of change.

The tolerances are far above what identical pairs differ by (the shipped detector on one thread and on two, in batches
of another size, in fp32 by another engine: docs/engines.md), and far below what a fault does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.knobs.knob import Maths
from workbench.records import Check
from workbench.records.checks import status_of
from workbench.units import counted
from workbench.workload import Arrays
from workbench.workloads.ocr.checks.detections import Outlines, check_outlines

#: Where a probability becomes a word's pixel.
_THRESHOLD = 0.3

#: A percentile that a few pixels at edges do not decide.
_NEARLY_ALL = 99.9

#: Of a few words one or two at the threshold are no finding: these may be on one side only.
_SPARED = 3

#: Equal but for a few units in the last place of float32.
_EQUAL = 1e-6


@dataclass(frozen=True)
class ResultTolerance:
    """How far results may differ.

    Attributes:
        largest: Of any probability.
        nearly_all: Of 999 in 1000 of them.
        flipped: Share of pixels that may be on the other side of the threshold.
        matched: Share of words that must be found again.
        iou: How much of their union two outlines of one word must share.
        reason: Why so much is allowed.
    """

    largest: float
    nearly_all: float
    flipped: float
    matched: float
    iou: float
    reason: str


_SAME = ResultTolerance(1e-4, 1e-5, 1e-4, 1.0, 0.99, "the same operations, in another order")

#: By class; of another model only the quality can be compared.
_TOLERANCES = {
    Maths.EQUAL: _SAME,
    Maths.SAME: _SAME,
    Maths.FP16: ResultTolerance(2e-2, 5e-3, 2e-4, 0.99, 0.8, "half precision has 3 digits"),
    Maths.BF16: ResultTolerance(1e-1, 2e-2, 2e-3, 0.97, 0.7, "bfloat16 has 2 digits"),
    Maths.INT8: ResultTolerance(1.0, 0.3, 5e-3, 0.95, 0.5, "8-bit integers have 256 steps for all values of a layer"),
}

#: On CUDA, fp32 is TF32 in convolutions, which has 3 digits: engines may choose it or not.
_TF32 = ResultTolerance(5e-3, 1e-3, 1e-4, 1.0, 0.99, "the same operations, in TF32 or in another order")


def check_results(own: Arrays, other: Arrays, maths: Maths, *, on_cuda: bool) -> list[Check]:
    """Compare what two trials' own models have made of the pages that both have kept.

    Args:
        own: The variant's `samples.npz`.
        other: The baseline's, of the same pages with the same pixels.
        maths: What was changed.
        on_cuda: Whether either has run on CUDA.

    Returns:
        Checks of the probabilities, of the binary maps and of the words; none where a trial has left no results, or the
        models are different ones.
    """
    if maths == Maths.OTHER or "result_probability" not in own or "result_probability" not in other:
        return []
    tolerance = _TF32 if on_cuda and maths <= Maths.SAME else _TOLERANCES[maths]
    return [
        *_check_probabilities(_probabilities(own), _probabilities(other), tolerance),
        check_outlines(
            "words of the model",
            Outlines(own, "result"),
            Outlines(other, "result"),
            matched_share=tolerance.matched,
            match_iou=tolerance.iou,
            spared=0 if maths <= Maths.SAME else _SPARED,
        ),
    ]


def _probabilities(arrays: Arrays) -> npt.NDArray[np.float64]:
    """Those of the kept pages, and of one of them in false colours: [K + 1, h, w]."""
    return np.concatenate([arrays["result_probability"], arrays["result_tinted"]]).astype(np.float64)


def _check_probabilities(
    own: npt.NDArray[np.float64], other: npt.NDArray[np.float64], tolerance: ResultTolerance
) -> Iterator[Check]:
    if own.shape != other.shape:
        reason = f"maps of shape {own.shape[1:]}, the baseline's of {other.shape[1:]}"
        yield Check(name="probabilities of the model", status="different", measured="", reason=reason)
        return
    with np.errstate(invalid="ignore"):
        difference = np.nan_to_num(np.abs(own - other), nan=1.0)
    largest, nearly_all = float(difference.max()), float(np.percentile(difference, _NEARLY_ALL))
    status = status_of(largest, _EQUAL, tolerance.largest)
    if nearly_all > tolerance.nearly_all:
        status = "different"
    pages = counted(len(own) - 1, "page")
    yield Check(
        name="probabilities of the model",
        status=status,
        measured=f"{largest:.2g} apart at most, {nearly_all:.2g} in 999 of 1000 pixels, on {pages}",
        allowed=f"{tolerance.largest:g} at most, {tolerance.nearly_all:g} in 999 of 1000",
        reason=tolerance.reason,
    )
    flipped = float(((own > _THRESHOLD) != (other > _THRESHOLD)).mean())
    yield Check(
        name="pixels that are words",
        status=status_of(flipped, 0.0, tolerance.flipped),
        measured=f"{flipped * 100:.2g} % on the other side of {_THRESHOLD:g}",
        allowed=f"{tolerance.flipped * 100:g} %",
        reason=tolerance.reason,
    )
