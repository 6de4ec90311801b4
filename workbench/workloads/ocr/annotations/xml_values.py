"""What readers of XML share: numbers, points and boxes that stand there as text."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from workbench.workloads.ocr.annotations.reading import as_size, drop, rectangle
from workbench.workloads.ocr.pages.page import AnnotatedPage

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def as_number(text: str | None) -> float | None:
    """The number that a text is; None for none, and for what is no finite number."""
    if text is None or not _NUMBER.fullmatch(text.strip()):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def as_pixels(text: str | None) -> int | None:
    """A width or height of an image; None for what is no positive number."""
    return as_size(as_number(text))


def numbers_of(page: AnnotatedPage, texts: Sequence[str | None]) -> list[float] | None:
    """The numbers that some texts are; None where one is missing or none, and a word is counted as dropped."""
    numbers = [as_number(text) for text in texts]
    if all(number is not None for number in numbers):
        return [number for number in numbers if number is not None]
    drop(page, "a number that is missing or is none")
    return None


def box_points(first_x: float, first_y: float, second_x: float, second_y: float) -> list[float]:
    """The corners of the box between two opposite corners, whichever they are, as numbers in a row."""
    xs, ys = sorted((first_x, second_x)), sorted((first_y, second_y))
    return rectangle(xs[0], ys[0], xs[1], ys[1])


def turned(points: Sequence[float], angle: float) -> list[float]:
    """The corners of a box after a turn about its middle.

    Args:
        points: x, y, x, y, ... of its four corners.
        angle: In radians, clockwise as seen on the screen.
    """
    middle_x, middle_y = sum(points[::2]) / 4, sum(points[1::2]) / 4
    cos, sin = math.cos(angle), math.sin(angle)
    row: list[float] = []
    for x, y in zip(points[::2], points[1::2], strict=True):
        across, down = x - middle_x, y - middle_y
        row += [middle_x + cos * across - sin * down, middle_y + sin * across + cos * down]
    return row
