"""DBNet's target maps: the shrink map that the detector learns to predict, and the threshold map along the words' borders.

After Liao et al. 2020, "Real-time Scene Text Detection with Differentiable Binarization", section 3.4, and its reference code
(MhLiao/DB). This is the paper's way, word by word and pixel by pixel: the slow reference that faster ways are held against.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import pyclipper

from workbench.data.page import Polygon

SHRINK_RATIO = 0.4
THRESHOLD_MIN = 0.3
THRESHOLD_MAX = 0.7

#: A word whose box is narrower than this is too small to be learned; it is masked out.
MIN_TEXT_SIZE_PX = 8.0

#: pyclipper works on integers: coordinates are taken to a hundredth of a pixel.
_SCALE = 100.0

FloatMap = npt.NDArray[np.float32]
Mask = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Targets:
    """The target maps of a page, each [S, S].

    Attributes:
        shrink_map: float32; 1 inside the shrunken words, else 0.
        shrink_mask: uint8; 0 where the shrink map must not count (ignored and too small words), else 1.
        threshold_map: float32; from 0.3 at a distance up to 0.7 on the words' borders.
        threshold_mask: uint8; 1 within the band along the borders where the threshold map counts, else 0.
    """

    shrink_map: FloatMap
    shrink_mask: Mask
    threshold_map: FloatMap
    threshold_mask: Mask


def compute_targets(polygons: Sequence[Polygon], ignore: Sequence[bool], size: int) -> Targets:
    """The target maps of one page.

    Args:
        polygons: The words, each float32 [K, 2], x y in pixels of the model's input; any winding; they may reach beyond it.
        ignore: Which of them are don't-care.
        size: Side S of the maps.
    """
    shrink_map = np.zeros((size, size), np.float32)
    shrink_mask = np.ones((size, size), np.uint8)
    nearness = np.zeros((size, size), np.float32)
    threshold_mask = np.zeros((size, size), np.uint8)
    for polygon, is_ignored in zip(polygons, ignore, strict=True):
        distance = shrink_distance(polygon)
        shrunken = [] if is_ignored or _is_small(polygon) else offset_polygon(polygon, -distance)
        if not shrunken:
            cv2.fillPoly(shrink_mask, [_pixels(polygon)], 0)
            continue
        for part in shrunken:
            cv2.fillPoly(shrink_map, [_pixels(part)], 1.0)
        _draw_border(polygon, distance, nearness, threshold_mask)
    threshold_map = nearness * (THRESHOLD_MAX - THRESHOLD_MIN) + THRESHOLD_MIN
    return Targets(shrink_map, shrink_mask, threshold_map, threshold_mask)


def shrink_distance(polygon: Polygon, ratio: float = SHRINK_RATIO) -> float:
    """By how many pixels a word is shrunk: ``area * (1 - ratio^2) / perimeter``."""
    perimeter = float(cv2.arcLength(polygon, closed=True))
    return abs(float(cv2.contourArea(polygon))) * (1.0 - ratio**2) / perimeter if perimeter > 0 else 0.0


def offset_polygon(polygon: Polygon, distance: float) -> list[Polygon]:
    """The polygon grown by a distance in pixels, or shrunk by a negative one.

    Returns:
        Its parts, each float32 [K, 2]; none where nothing is left.
    """
    offset = pyclipper.PyclipperOffset()
    points = np.round(polygon * _SCALE).astype(np.int64).tolist()
    try:
        offset.AddPath(points, pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
    except pyclipper.ClipperException:  # fewer than three different points
        return []
    parts = offset.Execute(distance * _SCALE)
    return [np.asarray(part, np.float32) / np.float32(_SCALE) for part in parts if len(part) >= 3]


def _is_small(polygon: Polygon) -> bool:
    width, height = polygon.max(axis=0) - polygon.min(axis=0)
    return bool(min(width, height) < MIN_TEXT_SIZE_PX)


def _pixels(polygon: Polygon) -> npt.NDArray[np.int32]:
    return np.round(polygon).astype(np.int32)


def _draw_border(polygon: Polygon, distance: float, nearness: FloatMap, mask: Mask) -> None:
    """Draw one word's band into the maps: nearness falls from 1 on the border to 0 at `distance` on both sides of it."""
    size = len(mask)
    for part in offset_polygon(polygon, distance):
        cv2.fillPoly(mask, [_pixels(part)], 1)
    left, top = np.floor(polygon.min(axis=0) - distance).astype(int)
    right, bottom = np.ceil(polygon.max(axis=0) + distance).astype(int)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(right + 1, size), min(bottom + 1, size)
    if x0 >= x1 or y0 >= y1 or distance <= 0:
        return
    grid = np.stack(np.meshgrid(np.arange(x0, x1, dtype=np.float32), np.arange(y0, y1, dtype=np.float32)), axis=2)
    ends = np.roll(polygon, -1, axis=0)
    to_border = np.min([_distance_to_segment(grid, a, b) for a, b in zip(polygon, ends, strict=True)], axis=0)
    near = 1.0 - np.clip(to_border / distance, 0.0, 1.0)
    window = nearness[y0:y1, x0:x1]
    np.maximum(window, near, out=window)


def _distance_to_segment(
    grid: FloatMap, begin: npt.NDArray[np.float32], end: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """float32 [H, W]: the distance of each point of a grid, float32 [H, W, 2], to a line segment, in pixels."""
    along = end - begin
    length_squared = float(along @ along)
    if length_squared == 0.0:
        return np.asarray(np.linalg.norm(grid - begin, axis=2), np.float32)
    share = np.clip(((grid - begin) @ along) / length_squared, 0.0, 1.0)
    return np.asarray(np.linalg.norm(grid - begin - share[:, :, None] * along, axis=2), np.float32)
