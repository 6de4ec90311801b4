"""From the detector's probability map to words, as DBNet's reference code does it for polygons.

After `polygons_from_bitmap` of MhLiao/DB, `structure/representers/seg_detector_representer.py`, with the settings that
PaddleOCR made common. Where it differs:

- Only outer outlines are words. The reference code also tries the outlines of holes, and a hole of a few pixels, with
  its bright rim, passes as a word of its own.
- An outline is simplified by at least a pixel, because the steps of a slanted border are no corners; in the reference
  code only by a share of the perimeter, which leaves them on small words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from workbench.workloads.ocr.pages.page import Polygon
from workbench.workloads.ocr.targets import offset_polygon

#: How far a simplified outline may be from the real one: a share of its perimeter, and at least these pixels.
_SIMPLIFY_SHARE = 0.002
_SIMPLIFY_PX = 1.0

#: A word that was grown must be this many pixels thicker than `min_side`.
_GROWN_BY_PX = 2.0

_Outline = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Detection:
    """A word that was found.

    Attributes:
        polygon: float32 [K, 2], K >= 4, x y in pixels of the probability map, inside it.
        score: Mean probability inside the outline of the shrunken word, 0..1.
    """

    polygon: Polygon
    score: float


def find_words(
    probability: npt.NDArray[np.floating[Any]] | npt.NDArray[np.uint8],
    *,
    threshold: float = 0.3,
    box_threshold: float = 0.6,
    unclip_ratio: float = 1.5,
    min_side: float = 3.0,
    max_candidates: int = 1000,
) -> list[Detection]:
    """Find the words in a probability map.

    Growing by `unclip_ratio` makes good a shrink ratio of 0.4 only roughly. Of a true shrink map, a square word comes
    back at an intersection over union of about 0.9, one six times as long as it is high at 0.6 to 0.65, and one more
    than about fifteen times as long falls under 0.5: lines of text need a larger ratio.

    Args:
        probability: float [H, W], 0..1, or uint8 [H, W], 0..255: how probably each pixel is in a shrunken word.
        threshold: A pixel above it belongs to a word.
        box_threshold: A word whose mean probability is below it is dropped.
        unclip_ratio: How far a shrunken word is grown back: by ``area * unclip_ratio / perimeter`` pixels.
        min_side: A grown word whose shorter side is less than 2 above it, in pixels, is dropped.
        max_candidates: Outlines that are looked at, at most.
    """
    limits = np.array(probability.shape[::-1], np.float32)
    top = 255.0 if probability.dtype == np.uint8 else 1.0
    if top == 1.0:
        probability = np.asarray(probability, np.float32)
    inside = (probability > threshold * top).view(np.uint8)
    contours, hierarchy = cv2.findContours(inside, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if hierarchy is None:
        return []
    outer = np.flatnonzero(hierarchy[0, :, 3] < 0)
    found = []
    for number in outer[:max_candidates]:
        outline = _simplified(contours[number])
        if len(outline) < 4:
            continue
        score = _score(probability, outline) / top
        if not score >= box_threshold:  # NaN is no score
            continue
        polygon = _grown(outline, unclip_ratio)
        if polygon is not None and _shorter_side(polygon) >= min_side + _GROWN_BY_PX:
            found.append(Detection(np.clip(polygon, 0, limits), score))
    return found


def to_page(polygon: Polygon, matrix: npt.NDArray[np.float64]) -> Polygon:
    """A polygon in page pixels.

    Args:
        polygon: float32 [K, 2] in pixels of the model's input.
        matrix: float64 [3, 3]: takes page pixels to input pixels, up to a factor.

    Raises:
        numpy.linalg.LinAlgError: For a matrix that cannot be inverted.
    """
    points = cv2.perspectiveTransform(polygon[None].astype(np.float64), np.linalg.inv(matrix))
    return np.asarray(points[0], np.float32)


def _simplified(contour: _Outline) -> _Outline:
    allowed = max(_SIMPLIFY_PX, _SIMPLIFY_SHARE * cv2.arcLength(contour, closed=True))
    return np.asarray(cv2.approxPolyDP(contour, allowed, closed=True), np.int32).reshape(-1, 2)


def _grown(outline: _Outline, ratio: float) -> Polygon | None:
    distance = cv2.contourArea(outline) * ratio / cv2.arcLength(outline, closed=True)
    grown = offset_polygon(outline.astype(np.float32), distance)
    return grown[0] if len(grown) == 1 else None  # the reference code drops what falls apart, too


def _shorter_side(polygon: Polygon) -> float:
    _, (width, height), _ = cv2.minAreaRect(polygon)
    return float(min(width, height))


def _score(probability: npt.NDArray[Any], outline: _Outline) -> float:
    left, top, width, height = cv2.boundingRect(outline)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [outline - np.array([left, top], np.int32)], 1)
    return float(cv2.mean(probability[top : top + height, left : left + width], mask)[0])
