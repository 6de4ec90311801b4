"""Whether lines of numbers are quads with texts (ICDAR2015) or flat polygons (copies of Total-Text, SCUT-CTW1500).

A line that begins with more than eight numbers can be either: ``170,5,260,5,260,21,170,21,1,250,000`` is a quad whose
text is a price, or a polygon of five points whose text is "000". One line doesn't say which, so all lines of a file set
are weighed together: whether the first four points make a quad, whether the other points lie where the word is, and
whether the numbers after the eighth are grouped as people group digits. Where that decides nothing, the user is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from workbench.units import counted
from workbench.workloads.ocr.annotations.readers import flat_polygons as flat
from workbench.workloads.ocr.annotations.readers.icdar2015 import TEXT_MARK

#: Up to this share of lines with more than eight numbers, a set in which nothing else is odd is taken for quads.
_FEW = 0.2
#: One side wins where it has more than this many times the votes of the other. Polygons need fewer: five or six points
#: often begin like a quad, while four corners hardly ever look like the upper side of a word.
_QUADS_WIN, _POLYGONS_WIN = 10, 4
#: Opposite sides of a quad run in opposite directions: the cosine between them is at most this (60 degrees from -1).
_OPPOSITE = -0.5
#: Points may lie beyond their page by this share of its longer side.
_BEYOND = 0.05

Vote = Literal["quad", "polygon", "open"]
#: Width and height in pixels of the image that an annotation file belongs to; None where it isn't known.
SizeOf = Callable[[Path], tuple[int, int] | None]


@dataclass(frozen=True)
class Line:
    """One line of an annotation file: its file, its number from 1, its text."""

    path: Path
    number: int
    text: str


@dataclass(frozen=True)
class Decision:
    """What the lines of a file set are.

    Attributes:
        is_polygons: True for flat polygons, False for quads, None where it stays open.
        example: A line that could be either, as both read it; empty where it is decided.
        where: The place of that line.
        num_longer: Lines that could be either, and by themselves are none of what was decided; 0: none.
        num_lines: All lines.
    """

    is_polygons: bool | None
    example: str = ""
    where: str = ""
    num_longer: int = 0
    num_lines: int = 0

    @property
    def reason(self) -> str:
        """What was decided, and why, in one line; empty where there was nothing to decide."""
        if not self.num_longer or self.is_polygons is None:
            return ""
        lines = f"{self.num_longer} of {counted(self.num_lines, 'line')}"
        if self.is_polygons:
            return f"{lines} could be quads with numbers in their texts; read as polygons, as the other lines are some"
        return f"{lines} could be polygons of more points; read as quads, as the numbers after the eighth are no points"


def decide(lines: Sequence[Line], size_of: SizeOf) -> Decision:
    """Decide by all lines of a file set, each of which can be read as ICDAR2015's or as a polygon.

    Args:
        lines: The lines.
        size_of: Gives the page size of an annotation file; asked only for files with lines that could be either.
    """
    grammar = flat.Grammar.of_lines(line.text for line in lines)
    fields = [line.text.split(",") for line in lines]
    counts = [grammar.count(line) for line in fields]
    longer = [(line, count) for line, count in zip(lines, counts, strict=True) if count > flat.QUAD]
    if not longer:
        return Decision(False)
    found = Decision(None, num_longer=len(longer), num_lines=len(lines))  # a longer line is a polygon by its looks
    votes = [_vote(line, count, grammar, size_of(line.path)) for line, count in longer]
    quads = votes.count("quad")
    # A quad has eight numbers at least: a triangle with a text is a vote too, once there are longer polygons.
    polygons = votes.count("polygon") + sum(count == flat.QUAD - 2 for count in counts)
    if quads > _QUADS_WIN * polygons:
        return replace(found, is_polygons=False)
    is_few = len(longer) <= _FEW * len(lines)
    if not is_few and polygons > _POLYGONS_WIN * quads:
        return replace(found, is_polygons=True, num_longer=quads)
    if is_few and not polygons:
        return replace(found, is_polygons=False)
    line, count = next((pair for pair, vote in zip(longer, votes, strict=True) if vote != "quad"), longer[0])
    both = _both_readings(line.text.split(","), count)
    return replace(found, example=both, where=f"{line.path}, line {line.number}")


def _vote(line: Line, count: int, grammar: flat.Grammar, size: tuple[int, int] | None) -> Vote:
    fields = line.text.split(",")
    if ",".join(fields[count:]).startswith(TEXT_MARK):  # which stands where the points end
        return "polygon"
    points = flat.points_of(fields[:count])
    is_one_polygon = _is_in_page(points, size) and flat.first_stray(points) is None
    if not _is_quad(points[:4]):
        return "polygon" if is_one_polygon else "open"
    is_grouped = grammar.has_text and flat.GROUPED.match(",".join(fields[flat.QUAD :])) is not None
    return "quad" if is_grouped or not is_one_polygon else "open"


def _is_quad(points: flat.FloatPoints) -> bool:
    """Whether four points, float [4, 2], go round: along a polygon's upper side they would all go one way."""
    sides = np.roll(points, -1, axis=0) - points
    lengths = np.hypot(*sides.T)
    if not lengths.all():
        return False
    sides = sides / lengths[:, None]
    return bool(sides[0] @ sides[2] <= _OPPOSITE and sides[1] @ sides[3] <= _OPPOSITE)


def _is_in_page(points: flat.FloatPoints, size: tuple[int, int] | None) -> bool:
    if size is None:
        return True
    # The annotator may have seen the page turned by EXIF or not: the longer side is allowed both ways.
    limit = max(size)
    return bool((points >= -_BEYOND * limit).all() and (points <= (1 + _BEYOND) * limit).all())


def _both_readings(fields: Sequence[str], count: int) -> str:
    quad, polygon = ",".join(fields[flat.QUAD :]), ",".join(fields[count:])
    return f"a quad with the text {quad!r}, or a polygon of {count // 2} points with the text {polygon!r}"
