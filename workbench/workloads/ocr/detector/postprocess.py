"""From the detector's probability map to words, as DBNet's reference code does it for polygons.

After `polygons_from_bitmap` of MhLiao/DB, `structure/representers/seg_detector_representer.py`, with the settings that
PaddleOCR made common. Where it differs:

- Only outer outlines are words. The reference code also tries the outlines of holes, and a hole of a few pixels, with
  its bright rim, passes as a word of its own.
- An outline is simplified by at least a pixel, because the steps of a slanted border are no corners; in the reference
  code only by a share of the perimeter, which leaves them on small words.

All probabilities are needed, not only which of them are above the threshold: the mean of those inside an outline
decides whether it is a word. So a device gives its maps as they are, four bytes a pixel.

A page has up to hundreds of words of a few points each, so that most of the time would go into calls on tiny arrays:
what can be done for the points of all words at once is done so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from math import floor
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from workbench.workloads.ocr.pages.words import Polygon
from workbench.workloads.ocr.targets import CLIPPER_SCALE, offset_path

#: How far a simplified outline may be from the real one: a share of its perimeter, and at least these pixels.
_SIMPLIFY_SHARE = 0.002
_SIMPLIFY_PX = 1.0

#: A word that was grown must be this many pixels thicker than `min_side`.
_GROWN_BY_PX = 2.0

#: By how much less than twice the distance a grown word may be thick, at the very most: its round corners are a tenth
#: of a pixel flat, and its points lie on hundredths.
_FLATTER_BY_PX = 1.0

#: Outlines that are looked at on a page, at most, as in the reference code.
MOST_CANDIDATES = 1000

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


def find_words(probability: npt.NDArray[np.floating[Any]] | npt.NDArray[np.uint8], **settings: Any) -> list[Detection]:
    """The words in a probability map alone; arguments as of `search`."""
    return search(probability, **settings)[0]


def search(
    probability: npt.NDArray[np.floating[Any]] | npt.NDArray[np.uint8],
    *,
    threshold: float = 0.3,
    box_threshold: float = 0.6,
    unclip_ratio: float = 1.5,
    min_side: float = 3.0,
    max_candidates: int = MOST_CANDIDATES,
) -> tuple[list[Detection], int]:
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

    Returns:
        The words, and how many outlines were not looked at because there were too many.
    """
    top = 255.0 if probability.dtype == np.uint8 else 1.0
    if top == 1.0:
        probability = np.asarray(probability, np.float32)
    outlines, scores = [], []
    contours = _outer_contours(probability, threshold * top)
    for contour in contours[:max_candidates]:
        outline = _simplified(contour)
        if len(outline) < 4:
            continue
        score = _score(probability, outline) / top
        if score >= box_threshold:  # NaN is no score
            outlines.append(outline)
            scores.append(score)
    grown = _grown(outlines, unclip_ratio, min_side + _GROWN_BY_PX)
    polygons = _as_polygons([path for path in grown if path], probability.shape[::-1])
    kept = [score for path, score in zip(grown, scores, strict=True) if path]
    found = [Detection(polygon, score) for polygon, score in zip(polygons, kept, strict=True)]
    return found, max(len(contours) - max_candidates, 0)


def to_page(polygons: Sequence[Polygon], matrix: npt.NDArray[np.float64]) -> list[Polygon]:
    """Polygons in page pixels.

    Args:
        polygons: Each float32 [K, 2] in pixels of the model's input.
        matrix: float64 [3, 3]: takes page pixels to input pixels, up to a factor.

    Raises:
        numpy.linalg.LinAlgError: For a matrix that cannot be inverted.
    """
    if not polygons:
        return []
    points = np.concatenate(polygons)[None].astype(np.float64)
    moved = cv2.perspectiveTransform(points, np.linalg.inv(matrix))
    return _cut(np.asarray(moved[0], np.float32), [len(polygon) for polygon in polygons])


def _outer_contours(probability: npt.NDArray[Any], threshold: float) -> list[_Outline]:
    """The outlines of what lies above a threshold, each int32 [K, 1, 2]; those of holes are left out."""
    if probability.dtype == np.uint8:
        threshold = floor(threshold)  # the same to whole numbers, which are not made floats then
    inside = probability > threshold
    contours, hierarchy = cv2.findContours(inside.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if hierarchy is None:
        return []
    parents = hierarchy[0, :, 3].tolist()
    return [np.asarray(contour, np.int32) for contour, parent in zip(contours, parents, strict=True) if parent < 0]


def _simplified(contour: _Outline) -> _Outline:
    """int32 [K, 1, 2]: fewer points."""
    if len(contour) < 4:  # there is no making more of them
        return contour
    allowed = max(_SIMPLIFY_PX, _SIMPLIFY_SHARE * cv2.arcLength(contour, closed=True))
    return np.asarray(cv2.approxPolyDP(contour, allowed, closed=True), np.int32)


def _score(probability: npt.NDArray[Any], outline: _Outline) -> float:
    """The mean inside an outline."""
    left, top, width, height = cv2.boundingRect(outline)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [outline], 1, offset=(-left, -top))
    return cv2.mean(probability[top : top + height, left : left + width], mask)[0]


def _grown(outlines: Sequence[_Outline], ratio: float, min_side: float) -> list[list[list[int]] | None]:
    """The outlines grown, in hundredths of a pixel as pyclipper gives them.

    None for one that falls apart, as the reference code drops it, and for one whose shorter side is below `min_side`.
    """
    if not outlines:
        return []
    points = (np.concatenate(outlines)[:, 0] * int(CLIPPER_SCALE)).tolist()
    grown: list[list[list[int]] | None] = []
    end = 0
    for outline in outlines:
        begin, end = end, end + len(outline)
        distance = cv2.contourArea(outline) * ratio / cv2.arcLength(outline, closed=True)
        paths = offset_path(points[begin:end], distance)
        is_word = len(paths) == 1 and (
            2.0 * distance - _FLATTER_BY_PX >= min_side or _shorter_side(paths[0]) >= min_side
        )
        grown.append(paths[0] if is_word else None)
    return grown


def _shorter_side(path: list[list[int]]) -> float:
    _, (width, height), _ = cv2.minAreaRect(np.array(path, np.float32) / np.float32(CLIPPER_SCALE))
    return float(min(width, height))


def _as_polygons(paths: Sequence[list[list[int]]], limits: tuple[int, ...]) -> list[Polygon]:
    """Paths of pyclipper's as polygons in pixels, cut off at the limits (x, y)."""
    values = chain.from_iterable(chain.from_iterable(paths))
    points = np.fromiter(values, np.float32).reshape(-1, 2) / np.float32(CLIPPER_SCALE)
    return _cut(np.clip(points, 0, np.array(limits, np.float32)), [len(path) for path in paths])


def _cut(points: npt.NDArray[np.float32], lengths: Sequence[int]) -> list[Polygon]:
    """The points of many polygons, [N, 2], as one array for each."""
    ends = list(accumulate(lengths))
    return [points[end - length : end] for length, end in zip(lengths, ends, strict=True)]
