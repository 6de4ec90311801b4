"""DBNet's target maps: the shrink map that a detector learns to predict, and the threshold map around the words.

After Liao et al. 2020, "Real-time Scene Text Detection with Differentiable Binarization", section 3.4, and its
reference code (MhLiao/DB, `make_seg_detection_data.py`, `make_border_map.py`). This is the paper's way, word by word
and pixel by pixel: the slow reference that faster ways are compared with. Where it differs from the reference code:

- Coordinates are kept to a hundredth of a pixel and rounded when they are drawn; there, they are cut to whole pixels.
- The distance to a word's border is the distance to its nearest side. The reference code takes the distance to the
  nearer end of a side wherever the side is seen from a point under an acute angle.
- A polygon that crosses itself is taken apart (`untangle`); there, lobes that run the other way round are taken off
  its area.
- Where a concave word falls into several parts when it is shrunk, all of them are drawn, not only the first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pyclipper
import shapely

from workbench.workloads.ocr.pages.words import Polygon

SHRINK_RATIO = 0.4
THRESHOLD_MIN = 0.3
THRESHOLD_MAX = 0.7

#: A word whose upright bounding box is narrower or lower than this is too small to be learned; it is masked out.
MIN_TEXT_SIZE_PX = 8.0

#: A point further out than this is no point of a page. Drawing would take OpenCV seconds, or overflow its integers.
FAR_PX = 1e5

#: pyclipper works on integers: coordinates are taken to a hundredth of a pixel, and round corners to a tenth.
CLIPPER_SCALE = 100.0
ARC_TOLERANCE_PX = 0.1

#: The bits of `flags`: the pixel is inside a shrunken word; the shrink map counts there; the threshold map does.
SHRUNKEN = 1
COUNTS_FOR_SHRINK = 2
COUNTS_FOR_THRESHOLD = 4

FloatMap = npt.NDArray[np.float32]
Mask = npt.NDArray[np.uint8]

TargetMaker = Callable[[Sequence[Polygon], Sequence[bool], int], Any]


@dataclass(frozen=True)
class Targets:
    """The target maps of a page, each [S, S].

    Attributes:
        shrink_map: float32; 1 inside the shrunken words, else 0.
        shrink_mask: uint8; 1 where the shrink map counts, 0 on ignored and too small words.
        threshold_map: float32; 0.7 on the words' borders, falling to 0.3 on both sides, at the distance by which the
            word is shrunk; 0.3 everywhere else.
        threshold_mask: uint8; 1 where the threshold map counts: inside the words grown by that distance, else 0.
    """

    shrink_map: FloatMap
    shrink_mask: Mask
    threshold_map: FloatMap
    threshold_mask: Mask


@dataclass(frozen=True)
class PackedTargets:
    """The target maps of a page as they travel: two bytes a pixel.

    Attributes:
        levels: uint8 [S, S]: the threshold map times 255, rounded.
        flags: uint8 [S, S]: the shrink map and both masks, as bits.
    """

    levels: npt.NDArray[np.uint8]
    flags: npt.NDArray[np.uint8]

    def unpack(self) -> Targets:
        """The maps as `compute_targets` gives them, up to the rounding of the threshold map."""
        return Targets(
            shrink_map=(self.flags & SHRUNKEN).astype(np.float32),
            shrink_mask=((self.flags & COUNTS_FOR_SHRINK) > 0).view(np.uint8),
            threshold_map=self.levels.astype(np.float32) / np.float32(255.0),
            threshold_mask=((self.flags & COUNTS_FOR_THRESHOLD) > 0).view(np.uint8),
        )


def compute_targets(polygons: Sequence[Polygon], ignore: Sequence[bool], size: int) -> Targets:
    """The target maps of one page.

    Args:
        polygons: The words, each float32 [K, 2], x y in pixels of the model's input. They may wind either way, cross
            themselves, repeat points, and reach beyond the maps. One with a point that isn't finite, or is more than
            100 000 pixels away, is left out.
        ignore: Which of them are don't-care.
        size: Side S of the maps.

    Raises:
        ValueError: Where there aren't as many flags as polygons.
    """
    shrink_map = np.zeros((size, size), np.float32)
    shrink_mask = np.ones((size, size), np.uint8)
    nearness = np.zeros((size, size), np.float32)
    threshold_mask = np.zeros((size, size), np.uint8)
    words = [
        (part, is_ignored)
        for polygon, is_ignored in zip(polygons, ignore, strict=True)
        if is_drawable(polygon)
        for part in untangle(polygon)
    ]
    for polygon, is_ignored in words:
        distance = shrink_distance(polygon)
        shrunken = [] if is_ignored or is_small(polygon) else offset_polygon(polygon, -distance)
        if not shrunken:
            cv2.fillPoly(shrink_mask, [to_pixels(polygon)], 0)
            continue
        for part in shrunken:
            cv2.fillPoly(shrink_map, [to_pixels(part)], 1.0)
        _draw_border(polygon, distance, nearness, threshold_mask)
    threshold_map = nearness * (THRESHOLD_MAX - THRESHOLD_MIN) + THRESHOLD_MIN
    np.clip(threshold_map, THRESHOLD_MIN, THRESHOLD_MAX, out=threshold_map)  # rounding takes 0.7 a little further
    return Targets(shrink_map, shrink_mask, threshold_map, threshold_mask)


def shrink_distance(polygon: Polygon, ratio: float = SHRINK_RATIO) -> float:
    """By how many pixels a word is shrunk: ``area * (1 - ratio^2) / perimeter`` (equation 10 of the paper)."""
    perimeter = float(cv2.arcLength(polygon, closed=True))
    return float(cv2.contourArea(polygon)) * (1.0 - ratio**2) / perimeter if perimeter > 0 else 0.0


def offset_polygon(polygon: Polygon, distance: float) -> list[Polygon]:
    """The polygon grown by a distance in pixels, or shrunk by a negative one; grown corners are round.

    Args:
        polygon: float32 [K, 2], not crossing itself, wound either way.
        distance: In pixels.

    Returns:
        Its parts, each float32 [K, 2]; none where nothing is left, or where there was no area to begin with.
    """
    return _from_clipper(offset_path(clipper_points(polygon).tolist(), distance))


def offset_path(path: Sequence[Sequence[int]], distance: float) -> list[list[list[int]]]:
    """As `offset_polygon`, of a path in hundredths of a pixel, and in hundredths of a pixel."""
    if abs(distance) * CLIPPER_SCALE < 1.0:  # only where there is no area; pyclipper would give it back as it is
        return []
    offset = pyclipper.PyclipperOffset(arc_tolerance=ARC_TOLERANCE_PX * CLIPPER_SCALE)
    try:
        offset.AddPath(path, pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
    except pyclipper.ClipperException:  # fewer than three different points
        return []
    return [part for part in offset.Execute(distance * CLIPPER_SCALE) if len(part) >= 3]


def untangle(polygon: Polygon) -> list[Polygon]:
    """The lobes of a polygon that crosses itself, each float32 [K, 2]; one that doesn't is given back as it is."""
    if shapely.is_valid(shapely.Polygon(polygon)):
        return [polygon]
    lobes = _from_clipper(pyclipper.SimplifyPolygon(clipper_points(polygon).tolist(), pyclipper.PFT_NONZERO))
    return lobes or [polygon]


def _from_clipper(paths: list[list[list[int]]]) -> list[Polygon]:
    return [np.asarray(path, np.float32) / np.float32(CLIPPER_SCALE) for path in paths if len(path) >= 3]


def clipper_points(polygon: Polygon) -> npt.NDArray[np.int64]:
    """int64 [K, 2]: points in hundredths of a pixel, as pyclipper takes them."""
    points: npt.NDArray[np.int64] = np.round(polygon.astype(np.float64) * CLIPPER_SCALE).astype(np.int64)
    return points


def is_drawable(polygon: Polygon) -> bool:
    """Whether all points are finite and not absurdly far away."""
    return len(polygon) >= 3 and bool(np.abs(polygon).max() < FAR_PX)  # false for NaN, too


def is_small(polygon: Polygon) -> bool:
    """Whether a word is too small to be learned."""
    width, height = polygon.max(axis=0) - polygon.min(axis=0)
    return bool(min(width, height) < MIN_TEXT_SIZE_PX)


def to_pixels(polygon: Polygon) -> npt.NDArray[np.int32]:
    """int32 [K, 2]: the points rounded, halves up."""
    pixels: npt.NDArray[np.int32] = np.floor(polygon + np.float32(0.5)).astype(np.int32)
    return pixels


def _draw_border(polygon: Polygon, distance: float, nearness: FloatMap, mask: Mask) -> None:
    """Draw one word into the threshold map: nearness falls from 1 on the border to 0 at `distance` on both sides."""
    for part in offset_polygon(polygon, distance):
        cv2.fillPoly(mask, [to_pixels(part)], 1)
    size = len(mask)
    left, top = np.floor(polygon.min(axis=0) - distance).astype(int)
    right, bottom = np.ceil(polygon.max(axis=0) + distance).astype(int)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(right + 1, size), min(bottom + 1, size)
    if x0 >= x1 or y0 >= y1:
        return
    xs, ys = np.arange(x0, x1, dtype=np.float32)[None], np.arange(y0, y1, dtype=np.float32)[:, None]
    sides = zip(polygon, np.roll(polygon, -1, axis=0), strict=True)
    squared = np.min([_squared_distance(xs, ys, begin, end) for begin, end in sides], axis=0)
    near = 1.0 - np.clip(np.sqrt(squared) / np.float32(distance), 0.0, 1.0)
    window = nearness[y0:y1, x0:x1]
    np.maximum(window, near, out=window)


def _squared_distance(
    xs: FloatMap, ys: FloatMap, begin: npt.NDArray[np.float32], end: npt.NDArray[np.float32]
) -> FloatMap:
    """float32 [H, W]: squared distance in pixels of the points (xs [1, W], ys [H, 1]) to the segment begin-end."""
    along_x, along_y = end - begin
    length_squared = along_x * along_x + along_y * along_y
    dx, dy = xs - begin[0], ys - begin[1]
    if length_squared > 0.0:  # else a repeated point
        share = np.clip((dx * along_x + dy * along_y) / length_squared, 0.0, 1.0)
        dx, dy = dx - share * along_x, dy - share * along_y
    return np.asarray(dx * dx + dy * dy)
