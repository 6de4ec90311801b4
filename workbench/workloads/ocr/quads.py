"""Convex words of four corners, shrunk and grown in compiled code, to the hundredth of a pixel as Clipper does it.

Nearly every annotated word is one. Clipper (6.4.2, `ClipperOffset` with round joins) first builds a raw outline, and
then unites what that encloses. Of these words the raw outline is simple already (grown), or crosses itself near its
four corners only (shrunk), so that the union is four intersections. The arithmetic is Clipper's, in its order, so that
the integers are the same: a test holds the two together. Whatever is not as simple is left to Clipper (`OTHER`).
"""

from __future__ import annotations

import math

import numba
import numpy as np
import numpy.typing as npt

from workbench.workloads.ocr.targets import (
    ARC_TOLERANCE_PX,
    CLIPPER_SCALE,
    FAR_PX,
    MIN_TEXT_SIZE_PX,
    SHRINK_RATIO,
)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

#: What a word is: drawn as it is here, masked out, for Clipper to decide, or left out.
DRAWN, MASKED, OTHER, LEFT_OUT = 0, 1, 2, 3

#: Points that a grown outline may have here: an arc of a tenth of a pixel's tolerance has few.
MAX_POINTS = 128

_SCALE = CLIPPER_SCALE
_UNITS = int(CLIPPER_SCALE)
_ARC = ARC_TOLERANCE_PX * CLIPPER_SCALE

#: Of an angle this small (its sine) Clipper's lines cross too far along them for its rounding to be foreseen.
_MIN_SINE = 0.2

#: Sides that a shrunken word must have left, in hundredths of a pixel, likewise.
_MIN_SIDE = 150.0

#: A value nearer than this to the middle of two whole numbers might be rounded either way.
_TIE = 1e-6


@numba.njit("int64(float64)", cache=True)
def _rounded(value: float) -> int:
    """As Clipper rounds: halves away from zero."""
    return int(value - 0.5) if value < 0.0 else int(value + 0.5)


@numba.njit("boolean(float64)", cache=True)
def _is_certain(value: float) -> bool:
    """Whether a value is rounded alike however its last bits came about."""
    return abs(abs(value - math.floor(value)) - 0.5) > _TIE


@numba.njit("float64(float32[:, ::1], int64, int64)", cache=True)
def _distance(points: npt.NDArray[np.float32], begin: int, end: int) -> float:
    """By how many pixels a word is shrunk, to the last bit as `targets.shrink_distance`, by OpenCV, has it."""
    area, perimeter = 0.0, 0.0
    before = end - 1
    for at in range(begin, end):
        area += np.float64(points[before, 0]) * np.float64(points[at, 1]) - np.float64(points[before, 1]) * np.float64(
            points[at, 0]
        )
        dx, dy = points[at, 0] - points[before, 0], points[at, 1] - points[before, 1]
        perimeter += np.float64(np.sqrt(dx * dx + dy * dy))
        before = at
    if perimeter <= 0.0:
        return 0.0
    return abs(area * 0.5) * (1.0 - SHRINK_RATIO**2) / perimeter


@numba.njit("boolean(float32[:, ::1], int64, int64[:, ::1], float64[:, ::1])", cache=True)
def _take(points: npt.NDArray[np.float32], begin: int, corners: Ints, normals: Floats) -> bool:
    """A word's corners in hundredths of a pixel, turned as Clipper wants them, and its sides' normals.

    Gives whether it is convex, without a side of less than a pixel, or a corner that is nearly straight, or sharp.
    """
    for k in range(4):
        for axis in range(2):
            corners[k, axis] = int(np.rint(np.float64(points[begin + k, axis]) * _SCALE))
    area = 0
    for k in range(4):
        j = (k + 1) % 4
        area += corners[k, 0] * corners[j, 1] - corners[k, 1] * corners[j, 0]
    if area < 0:
        for axis in range(2):
            corners[0, axis], corners[3, axis] = corners[3, axis], corners[0, axis]
            corners[1, axis], corners[2, axis] = corners[2, axis], corners[1, axis]
    for k in range(4):
        j = (k + 1) % 4
        dx, dy = float(corners[j, 0] - corners[k, 0]), float(corners[j, 1] - corners[k, 1])
        length_squared = dx * dx + dy * dy
        if length_squared < _SCALE * _SCALE:
            return False
        inverse = 1.0 / math.sqrt(length_squared)
        normals[k, 0], normals[k, 1] = dy * inverse, -(dx * inverse)
    for j in range(4):
        k = (j + 3) % 4
        if normals[k, 0] * normals[j, 1] - normals[j, 0] * normals[k, 1] < _MIN_SINE:
            return False
    return True


@numba.njit("int64(int64[:, ::1], int64)", cache=True)
def _straightened(raw: Ints, count: int) -> int:
    """Take out points that are repeated, or lie straight between their neighbours; gives how many are left."""
    at, kept = 0, 0  # `kept` points in a row have been seen to stay
    while kept < count and count > 2:
        before, after = (at - 1) % count, (at + 1) % count
        in_x, in_y = raw[at, 0] - raw[before, 0], raw[at, 1] - raw[before, 1]
        out_x, out_y = raw[after, 0] - raw[at, 0], raw[after, 1] - raw[at, 1]
        if in_x * out_y != in_y * out_x:
            at, kept = after, kept + 1
            continue
        for place in range(at, count - 1):
            raw[place, 0], raw[place, 1] = raw[place + 1, 0], raw[place + 1, 1]
        count -= 1
        at, kept = (at - 1) % count, 0
    return count


@numba.njit("int64(int64[:, ::1], float64[:, ::1], float64, int64[:, ::1])", cache=True)
def _grow(corners: Ints, normals: Floats, delta: float, raw: Ints) -> int:
    """The outline grown by `delta`, in hundredths of a pixel; gives the number of its points, 0 for too many."""
    tolerance = min(_ARC, delta * 0.25)
    steps = min(math.pi / math.acos(1.0 - tolerance / delta), delta * math.pi)
    turn = 2.0 * math.pi / steps
    sine, cosine, per_radian = math.sin(turn), math.cos(turn), steps / (2.0 * math.pi)
    count, k = 0, 3
    for j in range(4):
        sin_a = min(normals[k, 0] * normals[j, 1] - normals[j, 0] * normals[k, 1], 1.0)
        angle = math.atan2(sin_a, normals[k, 0] * normals[j, 0] + normals[k, 1] * normals[j, 1])
        arc = max(_rounded(per_radian * abs(angle)), 1)
        if count + arc + 1 > len(raw):
            return 0
        x, y = normals[k, 0], normals[k, 1]
        for _ in range(arc):
            raw[count, 0] = _rounded(corners[j, 0] + x * delta)
            raw[count, 1] = _rounded(corners[j, 1] + y * delta)
            count += 1
            x, y = x * cosine - sine * y, x * sine + y * cosine
        raw[count, 0] = _rounded(corners[j, 0] + normals[j, 0] * delta)
        raw[count, 1] = _rounded(corners[j, 1] + normals[j, 1] * delta)
        count += 1
        k = j
    return _straightened(raw, count)


@numba.njit("boolean(int64[:, ::1], int64, int64, int64[:, ::1], int64)", cache=True)
def _cross(lines: Ints, one: int, other: int, inner: Ints, at: int) -> bool:
    """Where two lines cross, as Clipper's `IntersectPoint` and `TopX` have it; gives whether that is certain."""
    if lines[one, 1] == lines[one, 3]:
        one, other = other, one
    x0, y0 = float(lines[one, 0]), float(lines[one, 1])
    if lines[one, 1] == lines[one, 3]:
        return False
    slope = float(lines[one, 2] - lines[one, 0]) / float(lines[one, 3] - lines[one, 1])
    if lines[other, 1] == lines[other, 3]:  # level
        y = float(lines[other, 1])
        x = slope * (y - y0)
        inner[at, 0], inner[at, 1] = lines[one, 0] + _rounded(x), lines[other, 1]
        return _is_certain(x)
    x1, y1 = float(lines[other, 0]), float(lines[other, 1])
    slope1 = float(lines[other, 2] - lines[other, 0]) / float(lines[other, 3] - lines[other, 1])
    if slope == slope1:
        return False
    if slope == 0.0:
        y = x0 / slope1 + (y1 - x1 / slope1)
        inner[at, 0], inner[at, 1] = lines[one, 0], _rounded(y)
        return _is_certain(y)
    if slope1 == 0.0:
        y = x1 / slope + (y0 - x0 / slope)
        inner[at, 0], inner[at, 1] = lines[other, 0], _rounded(y)
        return _is_certain(y)
    base, base1 = x0 - y0 * slope, x1 - y1 * slope1
    y = (base1 - base) / (slope - slope1)
    x = slope * y + base if abs(slope) < abs(slope1) else slope1 * y + base1
    inner[at, 0], inner[at, 1] = _rounded(x), _rounded(y)
    return _is_certain(x) and _is_certain(y)


@numba.njit("boolean(int64[:, ::1], float64[:, ::1], float64, int64[:, ::1])", cache=True)
def _shrink(corners: Ints, normals: Floats, delta: float, inner: Ints) -> bool:
    """The outline shrunk by `delta`, in hundredths of a pixel, int64 [4, 2]; gives whether that is certain."""
    lines = np.empty((4, 4), np.int64)  # of each side's line: the end lower on the page (x, y), and the upper one
    for k in range(4):
        j = (k + 1) % 4
        ax, ay = _rounded(corners[k, 0] - normals[k, 0] * delta), _rounded(corners[k, 1] - normals[k, 1] * delta)
        bx, by = _rounded(corners[j, 0] - normals[k, 0] * delta), _rounded(corners[j, 1] - normals[k, 1] * delta)
        if ay < by:
            ax, ay, bx, by = bx, by, ax, ay
        lines[k, 0], lines[k, 1], lines[k, 2], lines[k, 3] = ax, ay, bx, by
    for j in range(4):
        if not _cross(lines, (j + 3) % 4, j, inner, j):
            return False
    for k in range(4):
        j = (k + 1) % 4
        along_x, along_y = inner[j, 0] - inner[k, 0], inner[j, 1] - inner[k, 1]
        if along_x * -normals[k, 1] + along_y * normals[k, 0] < _MIN_SIDE:  # the side has shrunk away
            return False
    return True


@numba.njit("int64(float32[:, ::1], int64, int64, boolean)", cache=True)
def _kind(points: npt.NDArray[np.float32], begin: int, end: int, is_ignored: bool) -> int:
    """What a word is as far as its corners' number, its place and its size tell (see `targets.is_drawable`)."""
    if end - begin < 3:
        return LEFT_OUT
    for at in range(begin, end):
        for axis in range(2):
            if not abs(points[at, axis]) < FAR_PX:
                return LEFT_OUT
    if end - begin != 4:
        return OTHER
    for axis in range(2):
        low = high = points[begin, axis]
        for at in range(begin + 1, end):
            low, high = min(low, points[at, axis]), max(high, points[at, axis])
        if high - low < MIN_TEXT_SIZE_PX:
            return MASKED
    return MASKED if is_ignored else DRAWN


@numba.njit("void(int64[:, ::1], int64, int32[:, ::1])", cache=True)
def _to_pixels(path: Ints, count: int, pixels: npt.NDArray[np.int32]) -> None:
    """Hundredths of a pixel rounded to whole ones, halves up."""
    for at in range(count):
        for axis in range(2):
            pixels[at, axis] = (path[at, axis] + _UNITS // 2) // _UNITS


@numba.njit(
    "void(float32[:, ::1], int64[::1], boolean[::1], int64[::1], float32[::1], int64[:, ::1], int32[:, :, ::1],"
    " int32[:, :, ::1])",
    cache=True,
    nogil=True,
)
def outline_words(
    points: npt.NDArray[np.float32],
    ends: Ints,
    ignore: npt.NDArray[np.bool_],
    kinds: Ints,
    distances: npt.NDArray[np.float32],
    sizes: Ints,
    inner: npt.NDArray[np.int32],
    outer: npt.NDArray[np.int32],
) -> None:
    """What each of W words is, and the outlines of those that are `DRAWN` or `MASKED`, in whole pixels.

    Args:
        points: float32 [P, 2], x y in pixels: all words' points, one word after the other.
        ends: int64 [W], where each word's points end.
        ignore: Bool [W].
        kinds: Gets int64 [W]: `DRAWN`, `MASKED`, `OTHER` or `LEFT_OUT`.
        distances: Gets float32 [W]: by how many pixels a `DRAWN` word is shrunk and grown.
        sizes: Gets int64 [3, W]: the points of each word's shrunk, grown and masked outline, 0 where it has none.
        inner: Gets int32 [W, 4, 2]: a `DRAWN` word shrunk, a `MASKED` one as it is.
        outer: Gets int32 [W, `MAX_POINTS`, 2]: a `DRAWN` word grown.
    """
    corners, normals = np.empty((4, 2), np.int64), np.empty((4, 2), np.float64)
    small, large = np.empty((4, 2), np.int64), np.empty((MAX_POINTS, 2), np.int64)
    sizes[:] = 0
    begin = 0
    for word in range(len(ends)):
        end = ends[word]
        kinds[word] = _kind(points, begin, end, ignore[word])
        if kinds[word] <= MASKED and not _take(points, begin, corners, normals):
            kinds[word] = OTHER
        if kinds[word] == MASKED:
            sizes[2, word] = 4
            for k in range(4):
                for axis in range(2):
                    inner[word, k, axis] = np.int32(np.floor(points[begin + k, axis] + np.float32(0.5)))
        elif kinds[word] == DRAWN:
            distance = _distance(points, begin, end)
            count = _grow(corners, normals, distance * _SCALE, large)
            if count == 0 or not _shrink(corners, normals, distance * _SCALE, small):
                kinds[word] = OTHER
            else:
                distances[word], sizes[0, word], sizes[1, word] = distance, 4, count
                _to_pixels(small, 4, inner[word])
                _to_pixels(large, count, outer[word])
        begin = end


@numba.njit("int64[::1](int32[:, :, ::1], int64[::1], int64[::1])", cache=True, nogil=True)
def groups_apart(outlines: npt.NDArray[np.int32], sizes: Ints, order: Ints) -> Ints:
    """Sort outlines into groups, within which no two upright bounding boxes touch.

    OpenCV fills several outlines in one call, but leaves out what two of them share.

    Args:
        outlines: int32 [W, N, 2], x y in whole pixels.
        sizes: int64 [W]: points of each; none: it is in no group.
        order: Gets int64 [W]: the numbers of the outlines that have points, group by group.

    Returns:
        int64 [G]: where each group ends in `order`.
    """
    boxes = np.empty((len(sizes), 4), np.int32)
    groups = np.full(len(sizes), -1, np.int64)
    count = 0
    for one in range(len(sizes)):
        if sizes[one] == 0:
            continue
        for axis in range(2):
            low = high = outlines[one, 0, axis]
            for at in range(1, sizes[one]):
                low, high = min(low, outlines[one, at, axis]), max(high, outlines[one, at, axis])
            boxes[one, axis], boxes[one, 2 + axis] = low - 1, high + 1
        group, other = 0, 0
        while other < one:
            touches = groups[other] == group and (
                boxes[one, 0] <= boxes[other, 2]
                and boxes[other, 0] <= boxes[one, 2]
                and boxes[one, 1] <= boxes[other, 3]
                and boxes[other, 1] <= boxes[one, 3]
            )
            group, other = (group + 1, 0) if touches else (group, other + 1)
        groups[one] = group
        count = max(count, group + 1)
    ends = np.empty(count, np.int64)
    place = 0
    for group in range(count):
        for one in range(len(sizes)):
            if groups[one] == group:
                order[place] = one
                place += 1
        ends[group] = place
    return ends
