"""Are the same words detected? Held side by side polygon by polygon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

Arrays = Mapping[str, npt.NDArray[Any]]

#: Two outlines are of the same word when their intersection over union is above this.
_MATCH_IOU = 0.5


@dataclass(frozen=True)
class Matched:
    """Two sets of detections.

    Attributes:
        both: Words found on both sides.
        isolated: Words found on one side only.
        alike: Whether all outlines are exactly alike.
    """

    both: int
    isolated: int
    alike: bool


def match_detections(own: Arrays, other: Arrays) -> Matched | None:
    """Hold the words found on the kept pages against the baseline's; None where one of the runs has left none."""
    if "detected_points" not in own or "detected_points" not in other:
        return None
    names = ("detected_points", "detected_lengths", "detected_on")
    alike = all(np.array_equal(own[name], other[name]) for name in names)
    mine, theirs = _shapes(own), _shapes(other)
    matched = sum(_matches(mine[on], theirs[on]) for on in range(len(own["names"])))
    total = len(own["detected_lengths"]) + len(other["detected_lengths"])
    return Matched(matched, total - 2 * matched, alike)


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
