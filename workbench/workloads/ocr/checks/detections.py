"""Are the same words detected? Compared polygon by polygon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from workbench.records import Check, CheckStatus

Arrays = Mapping[str, npt.NDArray[Any]]

#: Two outlines are of the same word when their intersection over union is above this.
_MATCH_IOU = 0.5


#: The share of detected words that must be found again.
_MATCHED_SHARE = 0.97


def check_detections(own: Arrays, other: Arrays) -> Check | None:
    """Compare the words that the shipped detector finds on the kept pages; None where a trial has left none."""
    if "detected_points" not in own or "detected_points" not in other:
        return None
    total = len(own["detected_lengths"]) + len(other["detected_lengths"])
    if not total:
        reason = "nothing is detected on either side, which proves nothing"
        return Check(name="words of the shipped detector", status="not_comparable", measured="0 words", reason=reason)
    mine, theirs = _shapes(own), _shapes(other)
    matched = sum(_matches(mine[on], theirs[on]) for on in range(len(own["names"])))
    unmatched = total - 2 * matched
    parts = ("detected_points", "detected_lengths", "detected_on")
    status: CheckStatus = "within_tolerance" if 2 * matched >= _MATCHED_SHARE * total else "different"
    if all(np.array_equal(own[part], other[part]) for part in parts):
        status = "same"
    return Check(
        name="words of the shipped detector",
        status=status,
        measured=f"{matched} words on both sides, {unmatched} on one only",
        allowed=f"{_MATCHED_SHARE * 100:g} % found again",
    )


def _shapes(arrays: Arrays) -> list[list[Any]]:
    """Valid shapely geometries by page."""
    shapes: list[list[Any]] = [[] for _ in arrays["names"]]
    ends = np.cumsum(arrays["detected_lengths"])
    for end, length, on in zip(ends, arrays["detected_lengths"], arrays["detected_on"], strict=True):
        shapes[int(on)].append(shapely.make_valid(shapely.Polygon(arrays["detected_points"][end - length : end])))
    return shapes


def _matches(mine: list[Any], theirs: list[Any]) -> int:
    """Pairs, each outline in one of them, nearest first."""
    if not mine or not theirs:
        return 0
    a, b = np.array(mine, object)[:, None], np.array(theirs, object)[None]
    overlap = shapely.area(shapely.intersection(a, b))
    iou = overlap / np.maximum(shapely.area(a) + shapely.area(b) - overlap, 1e-9)
    count = 0
    while iou.size and iou.max() > _MATCH_IOU:
        row, column = np.unravel_index(int(iou.argmax()), iou.shape)
        iou[row], iou[:, column] = 0.0, 0.0
        count += 1
    return count
