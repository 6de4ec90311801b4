"""The target maps of `targets`, within one 8-bit level of them, in a fraction of the time.

The outlines are shrunk, grown and filled exactly as there, convex words of four corners in compiled code (`quads`), and
outlines that don't touch in one call. Compiled code walks a word's window of the threshold map row by row, one side of
the word at a time, and writes 8-bit levels. A page's maps are two bytes a pixel instead of ten: the threshold map, and
the three binary maps as bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numba
import numpy as np
import numpy.typing as npt
import pyclipper
import shapely

from workbench.workloads.ocr.pages.words import Outlines, Polygon
from workbench.workloads.ocr.quads import DRAWN, MAX_POINTS, OTHER, groups_apart, outline_words
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
    is_small,
    shrink_distance,
    to_pixels,
    untangle,
)

Outline = npt.NDArray[np.int32]
Planes = npt.NDArray[np.uint8]

_LEVEL_MIN = np.float32(THRESHOLD_MIN * 255.0)
_LEVEL_SPAN = np.float32((THRESHOLD_MAX - THRESHOLD_MIN) * 255.0)
_HALF = np.float32(0.5)

#: A grown word, before it is shrunk into it; and where it is.
_GROWN = COUNTS_FOR_SHRINK | COUNTS_FOR_THRESHOLD
_SHRUNKEN = _GROWN | SHRUNKEN


def fast_targets(polygons: Sequence[Polygon], ignore: Sequence[bool], size: int) -> PackedTargets:
    """The target maps of one page, packed; arguments and errors as `targets.compute_targets`."""
    return draw_targets(Outlines.of(polygons, ignore), np.empty((2, size, size), np.uint8))


def draw_targets(words: Outlines, planes: Planes) -> PackedTargets:
    """The target maps of one page, drawn where they are wanted.

    Args:
        words: The words as `targets.compute_targets` takes them.
        planes: Gets uint8 [2, S, S], contiguous: levels and flags.

    Returns:
        Views of `planes`.
    """
    levels, flags = planes
    levels[:] = np.uint8(_LEVEL_MIN + _HALF)
    flags[:] = COUNTS_FOR_SHRINK
    count = len(words.ends)
    kinds, distances, sizes = np.empty(count, np.int64), np.empty(count, np.float32), np.empty((3, count), np.int64)
    inner, outer = np.empty((count, 4, 2), np.int32), np.empty((count, MAX_POINTS, 2), np.int32)
    outline_words(words.points, words.ends, words.ignore, kinds, distances, sizes, inner, outer)
    _fill(flags, outer, sizes[1], _GROWN)
    _fill(flags, inner, sizes[0], _SHRUNKEN)
    _draw_all_nearness(levels, words.points, words.ends, kinds, distances)
    others = kinds == OTHER
    if others.any():
        _draw_others(planes, words.some(others))
    if sizes[2].any():
        masked = np.zeros_like(flags)
        _fill(masked, inner, sizes[2], COUNTS_FOR_SHRINK)
        np.bitwise_and(flags, ~masked, out=flags)
    return PackedTargets(levels, flags)


def _fill(plane: npt.NDArray[np.uint8], outlines: npt.NDArray[np.int32], sizes: npt.NDArray[np.int64], to: int) -> None:
    """Fill outlines, int32 [W, N, 2], of which the first `sizes` points count, int64 [W], in few calls."""
    order = np.empty(len(sizes), np.int64)
    begin = 0
    for end in groups_apart(outlines, sizes, order).tolist():
        group = order[begin:end]
        cv2.fillPoly(plane, [outlines[k, :n] for k, n in zip(group.tolist(), sizes[group].tolist(), strict=True)], to)
        begin = end


def _draw_others(planes: Planes, words: Outlines) -> None:
    """Draw the words that are for Clipper to outline, on planes of their own, which are then united."""
    levels, flags = planes
    own = np.zeros((3, *flags.shape), np.uint8)
    shrunken, shrink_masked, threshold_mask = own
    for polygon, path, is_masked in _parts(words):
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
    _unite(flags, own)


def _parts(words: Outlines) -> Iterator[tuple[Polygon, npt.NDArray[np.int64], bool]]:
    """Words taken apart where they cross themselves: outline, the same for Clipper, masked."""
    points, starts = words.points, words.starts
    simple = np.asarray(shapely.is_valid(shapely.polygons(shapely.linearrings(points, indices=words.owners))))
    sides = np.maximum.reduceat(points, starts) - np.minimum.reduceat(points, starts)
    masked = (sides.min(axis=1) < MIN_TEXT_SIZE_PX) | words.ignore
    paths = clipper_points(points)
    for number, (begin, end) in enumerate(zip(starts, words.ends, strict=True)):
        if simple[number]:
            yield points[begin:end], paths[begin:end], bool(masked[number])
            continue
        for part in untangle(points[begin:end]):
            yield part, clipper_points(part), bool(words.ignore[number]) or is_small(part)


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
            # Further away than this the side is not the nearest thing that counts.
            first = max(int(np.floor(min(begin_x, begin_x + along_x) - distance)) - 1 - x0, 0)
            last = min(int(np.ceil(max(begin_x, begin_x + along_x) + distance)) + 2 - x0, width)
            for i in range(first, last):
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


@numba.njit(
    "void(uint8[:, ::1], float32[:, ::1], int64[::1], int64[::1], float32[::1])", cache=True, fastmath=True, nogil=True
)
def _draw_all_nearness(
    levels: npt.NDArray[np.uint8],
    points: npt.NDArray[np.float32],
    ends: npt.NDArray[np.int64],
    kinds: npt.NDArray[np.int64],
    distances: npt.NDArray[np.float32],
) -> None:
    """Draw the words that are `DRAWN`; arguments as of `outline_words`."""
    begin = 0
    for word in range(len(ends)):
        if kinds[word] == DRAWN:
            _draw_nearness(levels, points[begin : ends[word]], distances[word])
        begin = ends[word]


@numba.njit("void(uint8[:, ::1], uint8[:, :, ::1])", cache=True, nogil=True)
def _unite(flags: npt.NDArray[np.uint8], planes: Planes) -> None:
    """Add to the flags what is drawn on planes of 0 and 1: shrunken words, masked words, threshold mask."""
    for y in range(flags.shape[0]):
        for x in range(flags.shape[1]):
            added = flags[y, x] | (planes[0, y, x] * SHRUNKEN) | (planes[2, y, x] * COUNTS_FOR_THRESHOLD)
            flags[y, x] = np.uint8(added) & ~np.uint8(planes[1, y, x] * COUNTS_FOR_SHRINK)
