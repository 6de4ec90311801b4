"""Flat polygons: ``x1,y1,...,xn,yn,TEXT`` a line, with any n. Copies of Total-Text and of SCUT-CTW1500 are such.

The text may be a number or have commas, so a line alone doesn't say where its points end: they are taken for the
longest even run of whole numbers that leaves a text and stays where the word is. Don't-care: text ``###``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from workbench.errors import Problem
from workbench.workloads.ocr.annotations.readers.icdar2015 import TEXT_MARK
from workbench.workloads.ocr.annotations.reading import DONT_CARE, Unreadable, add_word, read_lines
from workbench.workloads.ocr.pages.page import AnnotatedPage

FloatPoints = npt.NDArray[np.float64]

#: A number with its digits in groups, in thousands or as in India, and what may follow it: a currency, decimals, ",-".
GROUPED = re.compile(r"\s*[-+]?\d{1,3}(?:\s*,\s*\d{2,3})*\s*,\s*\d{3}(?:(?:[^\d,]|,(?!\s*\d)).*)?$")
_WHOLE = re.compile(r"\s*[-+]?\d+\s*$")
#: Numbers of a quad.
QUAD = 8
#: A point farther from the word than this many of its diagonals is no part of it. The first half of a curved word's
#: points spans about half of the word, so the last of them lie up to one diagonal of what came before away.
_FAR = 2.0


@dataclass(frozen=True)
class Grammar:
    """What is the same in all lines of a file set.

    Attributes:
        has_text: Whether the points are followed by a text.
        is_marked: Whether each text has a mark before it (SCUT-CTW1500).
    """

    has_text: bool = True
    is_marked: bool = False

    @classmethod
    def of(cls, paths: Iterable[Path]) -> Grammar:
        """The grammar of a file set."""
        return cls.of_lines(_lines(paths))

    @classmethod
    def of_lines(cls, lines: Iterable[str]) -> Grammar:
        """The grammar of all lines of a file set."""
        split = [line.split(",") for line in lines]
        has_text = any(len(fields) % 2 or _leading_numbers(fields) < len(fields) for fields in split)
        texts = [",".join(fields[cls().count(fields) :]) for fields in split]
        return cls(has_text, bool(texts) and all(text.startswith(TEXT_MARK) for text in texts))

    def count(self, fields: Sequence[str]) -> int:
        """How many fields of a line can be coordinates: an even number."""
        numbers = _leading_numbers(fields)
        return (min(numbers, len(fields) - 1) if self.has_text else numbers) // 2 * 2


def first_stray(points: FloatPoints) -> int | None:
    """The number of the first point after the fourth that lies too far from those before it to be of the same word.

    Args:
        points: float64 [N, 2], x y in pixels.
    """
    for number in range(QUAD // 2, len(points)):
        before, point = points[:number], points[number]
        low, high = before.min(axis=0), before.max(axis=0)
        distance = np.maximum(np.maximum(low - point, point - high), 0.0)
        if np.hypot(*distance) > _FAR * np.hypot(*(high - low)):
            return number
    return None


def points_of(fields: Sequence[str]) -> FloatPoints:
    """The points of fields that are numbers in a row, float64 [N, 2]."""
    return np.array([float(field) for field in fields]).reshape(-1, 2)


def read_lines_into(page: AnnotatedPage, lines: list[tuple[int, str]], grammar: Grammar) -> Iterator[Problem]:
    """Read numbered lines into a page."""
    for number, line in lines:
        fields = line.split(",")
        count = _before_price(fields, grammar.count(fields)) if grammar.has_text else grammar.count(fields)
        if count < 2:
            yield Problem("is not 'x1,y1,...,xn,yn,TEXT'", f"{page.where}, line {number}")
            continue
        text = ",".join(fields[count:])
        if grammar.is_marked:
            text = text.removeprefix(TEXT_MARK)
        add_word(page, fields[:count], text=text, ignore=text == DONT_CARE)


def _before_price(fields: Sequence[str], count: int) -> int:
    """How many fields are coordinates, where the rest may be a price (1,250,000) far away from the word."""
    stray = first_stray(points_of(fields[:count]))
    return 2 * stray if stray is not None and GROUPED.match(",".join(fields[2 * stray :])) else count


def _leading_numbers(fields: Sequence[str]) -> int:
    return next((count for count, field in enumerate(fields) if not _WHOLE.match(field)), len(fields))


def _lines(paths: Iterable[Path]) -> Iterator[str]:
    for path in paths:
        if path.suffix.lower() == ".mat":
            continue
        try:
            yield from (line for _, line in read_lines(path))
        except Unreadable:  # named when it is its turn to be read
            continue
