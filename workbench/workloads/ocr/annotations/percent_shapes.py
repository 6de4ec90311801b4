"""Shapes as Label Studio has them: in per cent of the page's width and height, a box turned about its first corner.

The corner (x, y) of a box is where it lies after the turn, and the box turns clockwise about it (HumanSignal's
label-studio, issue 5274). A turn keeps right angles in pixels, not in per cent of two different sides.
"""

from __future__ import annotations

import math
from typing import Any

from workbench.workloads.ocr.annotations.reading import DONT_CARE, add_word, as_number, as_size, drop
from workbench.workloads.ocr.pages.page import AnnotatedPage

#: One of these stands in whatever says where a region lies.
_PLACES = ("x", "points", "vertices", "rle")
_NO_NUMBERS = "points that are no pairs of numbers"


def is_shape(region: Any) -> bool:
    """Whether something says where a region lies, be it of a kind that can be used or not."""
    return isinstance(region, dict) and any(name in region for name in _PLACES)


def size_of(region: dict[str, Any]) -> tuple[int, int] | None:
    """Width and height in pixels of the page that a region was drawn on; None where they aren't given."""
    width, height = as_size(region.get("original_width")), as_size(region.get("original_height"))
    return (width, height) if width and height else None


def add_shape(page: AnnotatedPage, shape: dict[str, Any], size: tuple[int, int] | None, text: str) -> None:
    """Add a region to a page whose unit is shares, or count it as dropped: ellipses, brushes and points are no words.

    Args:
        page: Gets the word.
        shape: What says where it lies.
        size: Width and height in pixels of the page that it was drawn on.
        text: Its transcription, ``###`` for don't-care.
    """
    if "points" in shape:
        points = _polygon(shape["points"])
    elif "width" not in shape or "height" not in shape:
        drop(page, f"shape of type {_kind(shape)}")
        return
    elif _turn(shape) and size is None:
        drop(page, "a box that is turned, on a page whose size isn't given")
        return
    else:
        points = _box(shape, size or (1, 1))
    if points is None:
        drop(page, _NO_NUMBERS)
    else:
        add_word(page, points, text=text, ignore=text.strip() == DONT_CARE)


def _kind(shape: dict[str, Any]) -> str:
    if "radiusX" in shape:
        return "ellipse"
    return next((kind for kind, name in {"brush": "rle", "vector": "vertices"}.items() if name in shape), "point")


def _turn(shape: dict[str, Any]) -> float | None:
    """By how many degrees a box is turned; None for what is no number."""
    return as_number(0 if shape.get("rotation") is None else shape["rotation"])


def _polygon(points: Any) -> list[float] | None:
    if not isinstance(points, list) or not all(isinstance(point, list) and len(point) == 2 for point in points):
        return None
    return _shares([value for point in points for value in point])


def _box(shape: dict[str, Any], size: tuple[int, int]) -> list[float] | None:
    numbers, turn = _shares([shape.get(name) for name in ("x", "y", "width", "height")]), _turn(shape)
    if numbers is None or turn is None or not math.isfinite(turn):
        return None
    x, y, width, height = numbers
    sin, cos = (math.sin(math.radians(turn)), math.cos(math.radians(turn))) if turn else (0.0, 1.0)
    aspect = size[0] / size[1]
    corners = ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
    return [
        value
        for right, down in corners
        for value in (x + right * cos - down * sin / aspect, y + right * sin * aspect + down * cos)
    ]


def _shares(percents: list[Any]) -> list[float] | None:
    numbers = [as_number(value) for value in percents]
    return None if None in numbers else [number / 100.0 for number in numbers if number is not None]
