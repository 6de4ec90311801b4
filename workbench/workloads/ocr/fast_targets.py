"""The target maps of `targets`, within one 8-bit level of them, in a fraction of the time.

The outlines are shrunk, grown and filled exactly as there; what is faster is the threshold map. Compiled code walks a
word's window row by row, one side of the word at a time, and writes 8-bit levels. A page's maps are two bytes a pixel
instead of ten: the threshold map, and the three binary maps as bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numba
import numpy as np
import numpy.typing as npt
import pyclipper
import shapely

from workbench.workloads.ocr.pages.page import Polygon
from workbench.workloads.ocr.targets import (
    ARC_TOLERANCE_PX,
    CLIPPER_SCALE,
    COUNTS_FOR_SHRINK,
    COUNTS_FOR_THRESHOLD,
    MIN_TEXT_SIZE_PX,
    SHRUNKEN,
    THRESHOLD_MAX,
    THRESHOLD_MIN,
    PackedTargets,
    clipper_points,
    is_drawable,
    is_small,
    shrink_distance,
    to_pixels,
    untangle,
)

Outline = npt.NDArray[np.int32]

_LEVEL_MIN = np.float32(THRESHOLD_MIN * 255.0)
_LEVEL_SPAN = np.float32((THRESHOLD_MAX - THRESHOLD_MIN) * 255.0)
_HALF = np.float32(0.5)


def fast_targets(polygons: Sequence[Polygon], ignore: Sequence[bool], size: int) -> PackedTargets:
    """The target maps of one page, packed; arguments and errors as `targets.compute_targets`."""
    planes = np.zeros((3, size, size), np.uint8)
    shrunken, shrink_masked, threshold_mask = planes
    levels = np.full((size, size), np.uint8(_LEVEL_MIN + _HALF), np.uint8)
    for polygon, path, is_masked in _parts(polygons, ignore):
        distance = shrink_distance(polygon)
        inner, outer = ([], []) if is_masked else _offsets(path, distance)
        if not inner:
            cv2.fillPoly(shrink_masked, [to_pixels(polygon)], 1)
            continue
        for outline in inner:
            cv2.fillPoly(shrunken, [outline], 1)
        for outline in outer:
            cv2.fillPoly(threshold_mask, [outline], 1)
        _draw_nearness(levels, polygon, np.float32(distance))
    return PackedTargets(levels, _packed(planes))


def _parts(
    polygons: Sequence[Polygon], ignore: Sequence[bool]
) -> Iterator[tuple[Polygon, npt.NDArray[np.int64], bool]]:
    """The words that can be drawn, taken apart where they cross themselves: outline, the same for Clipper, masked."""
    words = [(p, is_ignored) for p, is_ignored in zip(polygons, ignore, strict=True) if is_drawable(p)]
    if not words:
        return
    points = np.concatenate([polygon for polygon, _ in words], dtype=np.float32)
    lengths = np.array([len(polygon) for polygon, _ in words])
    ends = np.cumsum(lengths)
    owners = np.repeat(np.arange(len(words)), lengths)
    simple = np.asarray(shapely.is_valid(shapely.polygons(shapely.linearrings(points, indices=owners))))
    starts = ends - lengths
    sides = np.maximum.reduceat(points, starts) - np.minimum.reduceat(points, starts)
    masked = (sides.min(axis=1) < MIN_TEXT_SIZE_PX) | np.array([is_ignored for _, is_ignored in words])
    paths = clipper_points(points)
    for number, (begin, end) in enumerate(zip(starts, ends, strict=True)):
        if simple[number]:
            yield points[begin:end], paths[begin:end], bool(masked[number])
            continue
        for part in untangle(points[begin:end]):
            yield part, clipper_points(part), words[number][1] or is_small(part)


def _offsets(path: npt.NDArray[np.int64], distance: float) -> tuple[list[Outline], list[Outline]]:
    """The outline shrunk and grown, each int32 [K, 2] in whole pixels, as `targets.offset_polygon` would give them."""
    if distance * CLIPPER_SCALE < 1.0:
        return [], []
    offset = pyclipper.PyclipperOffset(arc_tolerance=ARC_TOLERANCE_PX * CLIPPER_SCALE)
    try:
        offset.AddPath(path.tolist(), pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
    except pyclipper.ClipperException:  # fewer than three different points
        return [], []
    return _whole(offset.Execute(-distance * CLIPPER_SCALE)), _whole(offset.Execute(distance * CLIPPER_SCALE))


def _whole(paths: list[list[list[int]]]) -> list[Outline]:
    half = int(CLIPPER_SCALE) // 2
    return [
        ((np.array(path, np.int64) + half) // int(CLIPPER_SCALE)).astype(np.int32) for path in paths if len(path) >= 3
    ]


@numba.njit("void(uint8[:, ::1], float32[:, ::1], float32)", cache=True, fastmath=True, nogil=True)
def _draw_nearness(levels: npt.NDArray[np.uint8], polygon: Polygon, distance: np.float32) -> None:
    """Raise the levels near a word's border: 0.7 on it, falling to 0.3 at `distance` pixels on both sides."""
    size = levels.shape[0]
    count = polygon.shape[0]
    left, top = polygon[0, 0], polygon[0, 1]
    right, bottom = left, top
    for k in range(1, count):
        left, right = min(left, polygon[k, 0]), max(right, polygon[k, 0])
        top, bottom = min(top, polygon[k, 1]), max(bottom, polygon[k, 1])
    x0, x1 = max(int(np.floor(left - distance)), 0), min(int(np.ceil(right + distance)) + 1, size)
    y0, y1 = max(int(np.floor(top - distance)), 0), min(int(np.ceil(bottom + distance)) + 1, size)
    if x0 >= x1 or y0 >= y1:
        return
    width = x1 - x0
    nearest = np.empty(width, np.float32)
    far = distance * distance
    inverse = np.float32(1.0) / distance
    for y in range(y0, y1):
        for i in range(width):
            nearest[i] = far
        for k in range(count):
            after = k + 1 if k + 1 < count else 0
            begin_x, begin_y = polygon[k, 0], polygon[k, 1]
            along_x, along_y = polygon[after, 0] - begin_x, polygon[after, 1] - begin_y
            if np.float32(y) + distance < min(begin_y, begin_y + along_y):
                continue
            if np.float32(y) - distance > max(begin_y, begin_y + along_y):
                continue
            length_squared = along_x * along_x + along_y * along_y
            per_length = np.float32(1.0) / length_squared if length_squared > np.float32(0.0) else np.float32(0.0)
            dy = np.float32(y) - begin_y
            dx0 = np.float32(x0) - begin_x
            for i in range(width):
                dx = dx0 + np.float32(i)
                share = (dx * along_x + dy * along_y) * per_length
                share = min(max(share, np.float32(0.0)), np.float32(1.0))
                off_x = dx - share * along_x
                off_y = dy - share * along_y
                nearest[i] = min(nearest[i], off_x * off_x + off_y * off_y)
        for i in range(width):
            near = np.float32(1.0) - np.sqrt(nearest[i]) * inverse
            level = np.uint8(_LEVEL_MIN + _LEVEL_SPAN * near + _HALF)
            levels[y, x0 + i] = max(levels[y, x0 + i], level)


@numba.njit("uint8[:, ::1](uint8[:, :, ::1])", cache=True, nogil=True)
def _packed(planes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """uint8 [S, S]: the planes (shrunken words, masked words, threshold mask), uint8 [3, S, S] of 0 and 1, as bits."""
    flags = np.empty(planes.shape[1:], np.uint8)
    for y in range(planes.shape[1]):
        for x in range(planes.shape[2]):
            flags[y, x] = (
                planes[0, y, x] * SHRUNKEN
                + (1 - planes[1, y, x]) * COUNTS_FOR_SHRINK
                + planes[2, y, x] * COUNTS_FOR_THRESHOLD
            )
    return flags
