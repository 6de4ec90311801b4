"""How much polygons overlap, in compiled code, for those of which it is known to be right.

A polygon is *plain* where it does not come near touching itself and has some area. Of two plain ones, of which one is
convex, the other one is clipped by the sides of the convex one (Sutherland and Hodgman 1974). What a concave polygon
falls into stays joined by seams along the clipping sides, which are run through both ways, so that the area is right.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

#: Kinds of polygons: their area has to be asked of a geometry library; simple; convex.
UNSURE, SIMPLE, CONVEX = 0, 1, 2

#: The least area of a plain polygon, in square pixels and as a share of its box, and how far away it may be: within
#: these, double precision leaves ten good digits of an area.
_AREA_PX = 1.0
_AREA_SHARE = 1e-4
_FAR_PX = 1e5

#: Three points are not in one line for certain where their determinant is above this share of the box's sides, squared.
_STRAIGHT = 1e-9

Points = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


@numba.njit(cache=True, nogil=True)
def _area(polygon: Points, count: int) -> float:
    """The area of the first points, with a sign."""
    x0, y0 = polygon[0]
    twice = 0.0
    for k in range(1, count - 1):
        twice += (polygon[k, 0] - x0) * (polygon[k + 1, 1] - y0) - (polygon[k + 1, 0] - x0) * (polygon[k, 1] - y0)
    return twice / 2.0


@numba.njit(cache=True, nogil=True)
def _side(a: Points, b: Points, p: Points) -> float:
    """On which side of the line from a to b a point is: above 0 on one, below it on the other."""
    side: float = (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])
    return side


@numba.njit(cache=True, nogil=True)
def _kind(polygon: Points, straight: float) -> int:
    count = len(polygon)
    is_left = is_right = False
    for k in range(count):
        a, b, c = polygon[k], polygon[(k + 1) % count], polygon[(k + 2) % count]
        turn = _side(a, b, c)
        if abs(turn) <= straight and (b[0] - a[0]) * (c[0] - b[0]) + (b[1] - a[1]) * (c[1] - b[1]) <= 0.0:
            return UNSURE  # it turns back on itself, or a point is repeated
        is_left, is_right = is_left or turn > straight, is_right or turn < -straight
        for m in range(k + 2, count - (k == 0)):
            if not _apart(a, b, polygon[m], polygon[(m + 1) % count], straight):
                return UNSURE
    return SIMPLE if is_left and is_right else CONVEX


@numba.njit(cache=True, nogil=True)
def _apart(a: Points, b: Points, c: Points, d: Points, straight: float) -> bool:
    """Whether two segments don't meet, for certain."""
    if max(a[0], b[0]) < min(c[0], d[0]) or max(c[0], d[0]) < min(a[0], b[0]):
        return True
    if max(a[1], b[1]) < min(c[1], d[1]) or max(c[1], d[1]) < min(a[1], b[1]):
        return True
    of_c, of_d = _side(a, b, c), _side(a, b, d)
    if min(of_c, of_d) > straight or max(of_c, of_d) < -straight:
        return True
    of_a, of_b = _side(c, d, a), _side(c, d, b)
    return min(of_a, of_b) > straight or max(of_a, of_b) < -straight


@numba.njit(cache=True, nogil=True)
def _clipped_area(polygon: Points, convex: Points) -> float:
    """The area of a polygon inside a convex one."""
    now, count = polygon, len(polygon)
    inward = 1.0 if _area(convex, len(convex)) > 0.0 else -1.0
    for k in range(len(convex)):
        a, b = convex[k], convex[(k + 1) % len(convex)]
        then = np.empty((2 * count, 2))  # each point may come with one where the line is crossed
        kept = 0
        before = now[count - 1]
        of_before = inward * _side(a, b, before)
        for m in range(count):
            point = now[m]
            of_point = inward * _side(a, b, point)
            if (of_point >= 0.0) != (of_before >= 0.0):
                share = of_before / (of_before - of_point)
                then[kept, 0] = before[0] + share * (point[0] - before[0])
                then[kept, 1] = before[1] + share * (point[1] - before[1])
                kept += 1
            if of_point >= 0.0:
                then[kept] = point
                kept += 1
            before, of_before = point, of_point
        now, count = then, kept
        if count < 3:
            return 0.0
    return abs(_area(now, count))


@numba.njit("Tuple((int64[::1], float64[::1], float64[:, ::1]))(float64[:, ::1], int64[::1])", cache=True, nogil=True)
def describe(points: Points, ends: Numbers) -> tuple[Numbers, Points, Points]:
    """Kinds [N], areas [N] and boxes [N, 4] (left, top, right, bottom) of polygons.

    A polygon with a point that isn't finite has a box of NaN, which meets no other. An area is right where a kind is
    not `UNSURE`.

    Args:
        points: float64 [P, 2], those of all polygons.
        ends: int64 [N]: where in `points` each polygon ends.
    """
    kinds = np.zeros(len(ends), np.int64)
    areas = np.zeros(len(ends))
    boxes = np.full((len(ends), 4), np.nan)
    begin = 0
    for number in range(len(ends)):
        polygon = points[begin : ends[number]]
        begin = ends[number]
        if not np.isfinite(polygon).all():
            continue
        left, right = polygon[:, 0].min(), polygon[:, 0].max()
        top, bottom = polygon[:, 1].min(), polygon[:, 1].max()
        boxes[number] = left, top, right, bottom
        area = abs(_area(polygon, len(polygon)))
        areas[number] = area
        if area < _AREA_PX or area < _AREA_SHARE * (right - left) * (bottom - top):
            continue
        if max(abs(left), abs(top), abs(right), abs(bottom)) > _FAR_PX:
            continue
        kinds[number] = _kind(polygon, _STRAIGHT * (right - left + bottom - top) ** 2)
    return kinds, areas, boxes


@numba.njit("Tuple((int64[::1], int64[::1]))(float64[:, ::1], float64[:, ::1])", cache=True, nogil=True)
def meeting(boxes: Points, others: Points) -> tuple[Numbers, Numbers]:
    """The pairs whose boxes overlap, int64 [M] twice, by the first number and then by the second.

    The others are sorted by their tops, so that a box is compared with those in its own lines only.
    """
    order = np.argsort(others[:, 1])
    tops = others[order, 1]
    highest = 0.0
    for number in range(len(others)):
        highest = max(highest, others[number, 3] - others[number, 1])  # NaN is no height
    rows, columns = [0 for _ in range(0)], [0 for _ in range(0)]
    for row in range(len(boxes)):
        left, top, right, bottom = boxes[row]
        if not top < bottom:
            continue
        found = [0 for _ in range(0)]
        for place in range(np.searchsorted(tops, top - highest), np.searchsorted(tops, bottom)):
            number = order[place]
            other = others[number]
            if left < other[2] and other[0] < right and top < other[3] and other[1] < bottom:
                found.append(number)
        found.sort()
        for number in found:
            rows.append(row)
            columns.append(number)
    return np.array(rows, np.int64), np.array(columns, np.int64)


@numba.njit(
    "float64[::1](float64[:, ::1], int64[::1], int64[::1], float64[:, ::1], int64[::1], int64[::1], int64[::1],"
    " int64[::1])",
    cache=True,
    nogil=True,
)
def intersections(
    points: Points, ends: Numbers, kinds: Numbers, others: Points, other_ends: Numbers, other_kinds: Numbers,
    rows: Numbers, columns: Numbers,
) -> Points:  # fmt: skip
    """float64 [M]: the area of intersection of each pair; NaN where it has to be asked of a geometry library.

    Args:
        points: The polygons, see `describe`.
        ends: See there.
        kinds: See there.
        others: The other polygons.
        other_ends: See there.
        other_kinds: See there.
        rows: int64 [M]: a polygon of each pair.
        columns: int64 [M]: the other one.
    """
    areas = np.full(len(rows), np.nan)
    for pair in range(len(rows)):
        row, column = rows[pair], columns[pair]
        kind, other_kind = kinds[row], other_kinds[column]
        if min(kind, other_kind) == UNSURE or max(kind, other_kind) != CONVEX:
            continue
        one = points[ends[row - 1] if row else 0 : ends[row]]
        two = others[other_ends[column - 1] if column else 0 : other_ends[column]]
        areas[pair] = _clipped_area(two, one) if kind == CONVEX else _clipped_area(one, two)
    return areas
