"""Flat polygons: ``x1,y1,...,xn,yn,TEXT`` a line, with any n. Copies of Total-Text and of SCUT-CTW1500 are such.

The text may be a number or have commas, so a line alone doesn't say where its points end: they are taken for the
longest even run of whole numbers that leaves a text. Don't-care: text ``###``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import Problem
from workbench.workloads.ocr.annotations.icdar2015 import TEXT_MARK
from workbench.workloads.ocr.annotations.reading import DONT_CARE, Unreadable, add_word, read_lines
from workbench.workloads.ocr.page import AnnotatedPage

_WHOLE = re.compile(r"\s*[-+]?\d+\s*$")
_QUAD = 8


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
        lines = [line.split(",") for line in _lines(paths)]
        has_text = any(len(fields) % 2 or _leading_numbers(fields) < len(fields) for fields in lines)
        texts = [",".join(fields[_count(fields, has_text=True) :]) for fields in lines]
        return cls(has_text, bool(texts) and all(text.startswith(TEXT_MARK) for text in texts))


def has_more_than_a_quad(line: str) -> bool:
    """Whether a line can only be a polygon of five points and more (or a quad with a text full of numbers)."""
    return line.count(",") > _QUAD and _count(line.split(","), has_text=True) > _QUAD


def read_lines_into(page: AnnotatedPage, lines: list[tuple[int, str]], grammar: Grammar) -> Iterator[Problem]:
    """Read numbered lines into a page."""
    for number, line in lines:
        fields = line.split(",")
        count = _count(fields, has_text=grammar.has_text)
        if count < 2:
            yield Problem("is not 'x1,y1,...,xn,yn,TEXT'", f"{page.where}, line {number}")
            continue
        text = ",".join(fields[count:])
        if grammar.is_marked:
            text = text.removeprefix(TEXT_MARK)
        add_word(page, fields[:count], text=text, ignore=text == DONT_CARE)


def _count(fields: list[str], *, has_text: bool) -> int:
    """How many fields are coordinates."""
    numbers = _leading_numbers(fields)
    return (min(numbers, len(fields) - 1) if has_text else numbers) // 2 * 2


def _leading_numbers(fields: list[str]) -> int:
    return next((count for count, field in enumerate(fields) if not _WHOLE.match(field)), len(fields))


def _lines(paths: Iterable[Path]) -> Iterator[str]:
    for path in paths:
        if path.suffix.lower() == ".mat":
            continue
        try:
            yield from (line for _, line in read_lines(path))
        except Unreadable:  # named when it is its turn to be read
            continue
