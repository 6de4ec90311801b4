"""Whatever outlines words have, their target maps are maps: the right shape and values, nothing outside, both alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from promise.hunt import Property

from workbench.workloads.ocr.chain.page_maker import PageMaker, scaled_points
from workbench.workloads.ocr.fast_targets import fast_targets
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages.page import Page
from workbench.workloads.ocr.pages.words import Polygon, Word, Words
from workbench.workloads.ocr.targets import (
    CLIPPER_SCALE,
    THRESHOLD_MAX,
    THRESHOLD_MIN,
    Targets,
    compute_targets,
    is_drawable,
    shrink_distance,
    untangle,
)

_SIZES = (32, 45, 64)

#: Threshold maps of both ways may differ by as many 8-bit levels: the one is rounded.
_LEVELS = 0.51

#: Of a coordinate as much may be rounded off, in all that is done with it in 32 bits.
_ROUNDED = 2.0**-22

#: A word's maps reach no farther beyond its box than this share of its shorter side: it is grown by 0.84 of its area
#: over its perimeter, and that is half of the shorter side at most.
_GROWN = 0.42
#: And this many pixels, by which outlines are rounded.
_ROUNDED_PX = 2.0

_inside = st.floats(-20, 90, width=32)
_odd = st.sampled_from(
    (
        0.0,
        -0.0,
        0.5,
        31.5,
        1e-30,
        7.99,
        8.0,
        20.005,
        3e4,
        -3e4,
        99999.0,
        -99999.9,
        1e5,
        1e6,
        3e38,
        float("inf"),
        float("nan"),
    )
)


@dataclass(frozen=True)
class Outlined:
    """Words of a page.

    Attributes:
        polygons: Each float32 [K, 2].
        ignore: Which are don't-care.
        size: Side of the maps.
    """

    polygons: tuple[Polygon, ...]
    ignore: tuple[bool, ...]
    size: int

    def __repr__(self) -> str:
        """Points to be copied from."""
        return f"{[polygon.tolist() for polygon in self.polygons]}, {list(self.ignore)}, {self.size}"


@st.composite
def _polygons(draw: DrawFn, *, least: int) -> Polygon:
    how: Literal["any", "box", "star", "repeated"] = draw(st.sampled_from(("any", "box", "star", "repeated")))
    if how == "box":
        x, y, width, height = draw(_inside), draw(_inside), draw(st.floats(0, 60)), draw(st.floats(0, 60))
        turn, angle = draw(st.sampled_from((1, -1))), draw(st.sampled_from((0.0, 0.3, 0.8, 1.57)))
        points = np.array([(0, 0), (width, 0), (width, height), (0, height)])[::turn]
        cos, sin = np.cos(angle), np.sin(angle)
        return (points @ np.array([[cos, sin], [-sin, cos]]) + (x, y)).astype(np.float32)
    if how != "any":  # drawn as bytes, which takes a tenth of the time
        drawn = np.frombuffer(draw(st.binary(min_size=2 * least, max_size=20)), np.int8)
        points = drawn[: len(drawn) // 2 * 2].reshape(-1, 2).astype(np.float32) * draw(st.sampled_from((1.0, 0.63)))
        return np.repeat(points, 2, axis=0).astype(np.float32) if how == "repeated" else points.astype(np.float32)
    coordinate = _inside | _odd
    with np.errstate(over="ignore"):
        row = np.array(draw(st.lists(coordinate, min_size=2 * least, max_size=12)), np.float32)
    return row[: len(row) // 2 * 2].reshape(-1, 2)


@st.composite
def outlined(draw: DrawFn, *, least: int = 1) -> Outlined:
    """Words of any outlines, of `least` points at least."""
    polygons = draw(st.lists(_polygons(least=least), max_size=5))
    ignore = draw(st.lists(st.sampled_from((False, False, True)), min_size=len(polygons), max_size=len(polygons)))
    return Outlined(tuple(polygons), tuple(ignore), draw(st.sampled_from(_SIZES)))


def draws(words: Outlined, folder: Path) -> None:
    """Both ways make maps, and the same ones."""
    made = compute_targets(words.polygons, words.ignore, words.size)
    fast = fast_targets(words.polygons, words.ignore, words.size).unpack()
    for maps in (made, fast):
        check_maps(maps, words.size)
        _check_outside(maps, words.polygons)
    # Of an outline that reaches beyond the map OpenCV may leave out a pixel of the map's own border, or not.
    beyond = any(((polygon < 0) | (polygon > words.size - 1)).any() for polygon in words.polygons)
    inside = slice(1, -1) if beyond else slice(None)
    for name in ("shrink_map", "shrink_mask", "threshold_mask"):
        differ = getattr(made, name) != getattr(fast, name)
        assert not differ[inside, inside].any(), f"{name} differs between both ways"
    apart = float(np.abs(made.threshold_map - fast.threshold_map).max()) * 255
    assert apart <= _LEVELS + _rounded_off(words.polygons), "threshold_map differs between both ways"


def _rounded_off(polygons: Sequence[Polygon]) -> float:
    """By how many levels the two may differ besides: 32 bits round off more of what is far away.

    That counts for a distance to the border as a share of the distance at which nothing is drawn any more.
    """
    parts = [part for polygon in filter(is_drawable, polygons) for part in untangle(polygon)]
    reach = [(float(np.abs(part).max()), shrink_distance(part)) for part in parts]
    shares = [far * _ROUNDED / distance for far, distance in reach if distance * CLIPPER_SCALE >= 1.0]
    return max(shares, default=0.0) * (THRESHOLD_MAX - THRESHOLD_MIN) * 255


def check_maps(maps: Targets, size: int) -> None:
    """Shapes, types and values."""
    for name, kind in (("shrink_map", "f4"), ("shrink_mask", "u1"), ("threshold_map", "f4"), ("threshold_mask", "u1")):
        found = getattr(maps, name)
        assert (found.shape, found.dtype) == ((size, size), np.dtype(kind)), f"{name} is {found.dtype} {found.shape}"
    for name in ("shrink_map", "shrink_mask", "threshold_mask"):
        assert np.isin(getattr(maps, name), (0, 1)).all(), f"{name} holds other than 0 and 1"
    level = np.float32(0.5 / 255)
    is_within = (maps.threshold_map >= THRESHOLD_MIN - level) & (maps.threshold_map <= THRESHOLD_MAX + level)
    assert is_within.all(), "threshold_map leaves its bounds"  # false for NaN, too


def _check_outside(maps: Targets, polygons: Sequence[Polygon]) -> None:
    outside = np.ones(maps.shrink_map.shape, bool)
    for polygon in filter(is_drawable, polygons):
        low, high = polygon.min(axis=0), polygon.max(axis=0)
        reach = _GROWN * float((high - low).min()) + _ROUNDED_PX
        x0, y0 = np.maximum(np.floor(low - reach), 0).astype(int)
        x1, y1 = np.maximum(np.ceil(high + reach) + 1, 0).astype(int)
        outside[y0:y1, x0:x1] = False
    assert not maps.shrink_map[outside].any(), "shrink_map reaches too far"
    assert maps.shrink_mask[outside].all(), "shrink_mask reaches too far"
    assert not maps.threshold_mask[outside].any(), "threshold_mask reaches too far"
    far = np.abs(maps.threshold_map[outside] - THRESHOLD_MIN) * 255
    assert far.max(initial=0.0) <= _LEVELS, "threshold_map reaches too far"


@cache
def _maker(targets: str, size: int) -> PageMaker:
    return PageMaker(OcrKnobs(targets=targets, image_size=size))


_SIDE = 64


def places(drawn: tuple[Outlined, int, int, float, float], folder: Path) -> None:
    """Words that the chain has put somewhere are drawn there or dropped, and their maps are maps."""
    words, width, height, scale, shift = drawn
    packed = Words(Word(polygon, "", ignore) for polygon, ignore in zip(words.polygons, words.ignore, strict=True))
    page = Page(Path("a.jpg"), "a.jpg", packed, width, height)
    with np.errstate(over="ignore"):
        points = scaled_points(page, (height, width)) * np.float32(scale) + np.float32(shift)
    for targets in ("compute", "fast"):
        maker = _maker(targets, _SIDE)
        placed = maker.placed(page, points)
        assert len(placed.polygons) + placed.dropped_words == len(packed)
        assert placed.matrix.shape == (3, 3)
        assert np.isfinite(placed.matrix).all()
        made: Any = maker.targets(placed)
        check_maps(made if isinstance(made, Targets) else made.unpack(), _SIDE)


def _finite(words: Outlined) -> Outlined:
    """The same with the largest numbers in place of those that are none: readers let no others pass."""
    with np.errstate(over="ignore"):
        polygons = (np.nan_to_num(polygon, nan=3e38, posinf=3e38).astype(np.float32) for polygon in words.polygons)
        return replace(words, polygons=tuple(polygons))


_pages = st.tuples(
    outlined(least=3).map(_finite), st.integers(1, 200), st.integers(1, 200), st.sampled_from((1.0, 0.5, 2.0, 0.01)),
    st.sampled_from((0.0, -30.0, 0.25)),
)  # fmt: skip

PROPERTIES: tuple[Property, ...] = (
    Property("polygons, drawn both ways", outlined(), draws),
    Property("words of a page, placed and drawn", _pages, places),
)
