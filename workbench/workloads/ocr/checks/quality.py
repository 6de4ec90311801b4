"""Is another model as good as the baseline's? The H-mean of the same pages, with an interval over them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from workbench.records import Check, CheckStatus
from workbench.units import counted
from workbench.workload import Arrays

#: The figures of quality that this check stands for.
COMPARED = ("H-mean", "precision", "recall")

#: A model that is worse by no more than this is as good: a point.
_MARGIN = 0.01

#: With fewer pages the interval is narrower than what it should hold.
_FEWEST_PAGES = 20

_RESAMPLINGS, _SEED = 4000, 0


def check_quality(own: Arrays, other: Arrays) -> Check | None:
    """Compare the H-means of two trials on the pages that both have scored; None where one has scored none.

    A paired bootstrap over pages (Efron 1979): pages are drawn with replacement, the same for both models, and the
    pooled H-mean of each is computed anew; the interval holds 95 % of the differences. The answer is not inferior,
    inferior, or that it cannot be told.

    Args:
        own: The variant's `samples.npz`.
        other: The baseline's.
    """
    if "page_counts" not in own or "page_counts" not in other:
        return None
    pages = np.intersect1d(own["scored_pages"], other["scored_pages"])
    mine, theirs = _rows(own, pages), _rows(other, pages)
    if not len(pages):
        return Check(name="H-mean", status="not_comparable", measured="", reason="no page was scored by both")
    values = _hmean(mine.sum(axis=0)), _hmean(theirs.sum(axis=0))
    measured = f"{values[0]:.4f} over {counted(len(pages), 'page')} (baseline: {values[1]:.4f})"
    if not any(values):
        reason = "zero on both sides proves nothing"
        return Check(name="H-mean", status="not_comparable", measured=measured, reason=reason)
    if np.array_equal(mine, theirs):
        return Check(name="H-mean", status="same", measured=f"{measured}, equal page by page")
    low, high = _interval(mine, theirs)
    status: CheckStatus = "cannot_tell"
    reason = f"the interval reaches beyond a point: {counted(len(pages), 'page')} are too few"
    if len(pages) < _FEWEST_PAGES:
        reason = f"{counted(len(pages), 'page')} are too few for an interval; it takes {_FEWEST_PAGES}"
    elif low > -_MARGIN:
        status, reason = "within_tolerance", "it is another model, or another arithmetic"
    elif high < -_MARGIN:
        status, reason = "different", "the whole interval lies beyond it"
    return Check(
        name="H-mean",
        status=status,
        measured=f"{measured}: {values[0] - values[1]:+.4f} [{low:+.4f}, {high:+.4f}]",
        allowed=f"{_MARGIN:g} worse",
        reason=reason,
    )


def _rows(arrays: Arrays, pages: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    """int64 [P, 3]: matches, words and detections of each of these pages."""
    order = {int(page): row for row, page in enumerate(arrays["scored_pages"].tolist())}
    return np.asarray(arrays["page_counts"][[order[int(page)] for page in pages]], np.int64).reshape(-1, 3)


def _interval(mine: npt.NDArray[np.int64], theirs: npt.NDArray[np.int64]) -> tuple[float, float]:
    """The interval that holds 95 % of the differences."""
    count = len(mine)
    weights = np.random.default_rng(_SEED).multinomial(count, np.full(count, 1.0 / count), _RESAMPLINGS)
    differences = _hmean(weights @ mine) - _hmean(weights @ theirs)
    low, high = np.percentile(differences, [2.5, 97.5])
    return float(low), float(high)


def _hmean(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """H-mean [...] of matches, words and detections [..., 3]: 2 matches / (words + detections)."""
    matches, words, detections = np.moveaxis(counts.astype(np.float64), -1, 0)
    return np.asarray(2.0 * matches / np.maximum(words + detections, 1.0))
