"""What all readers share: text as people save it, numbers, and words made of points that may be wrong."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from workbench.data.page import AnnotatedPage, Word
from workbench.errors import Problem


@dataclass
class Reading:
    """What a reader has made of its files.

    Attributes:
        pages: The entries, in the order of the files.
        problems: What could not be read: file, entry, line.
    """

    pages: list[AnnotatedPage] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_lines(path: Path) -> list[tuple[int, str]]:
    """The lines of a text file that aren't blank, numbered from 1; byte order mark and CRLF are taken as they come.

    Raises:
        UnicodeDecodeError: Where it is no UTF-8.
        OSError: Where it cannot be read.
    """
    text = path.read_text(encoding="utf-8-sig")
    return [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]


def read_json(path: Path) -> Any:
    """The content of a JSON file, with or without a byte order mark.

    Raises:
        ValueError: Where it is no JSON; the message names the line.
        OSError: Where it cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}: is not JSON ({error.msg})") from None
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None


def add_word(page: AnnotatedPage, points: Any, *, text: str = "", ignore: bool = False) -> None:
    """Add a word to a page, or count it as dropped where its points make no polygon.

    Negative points, points beyond the image, repeated ones and either winding are kept: real data has them.

    Args:
        page: Gets the word.
        points: Pairs of numbers, or numbers in a row x, y, x, y, ...; None for none.
        text: Its transcription.
        ignore: Whether it is don't-care.
    """
    try:
        values = [float(value) for value in flattened(points)]
    except (TypeError, ValueError):
        drop(page, "points that are no numbers")
        return
    if len(values) % 2:
        drop(page, "an odd number of coordinates")
    elif not all(math.isfinite(value) for value in values):
        drop(page, "points that are not finite")
    elif len({*zip(values[::2], values[1::2], strict=True)}) < 3:
        drop(page, "fewer than 3 points")
    else:
        page.words.append(Word(np.array(values, np.float32).reshape(-1, 2), text, ignore))


def drop(page: AnnotatedPage, reason: str) -> None:
    """Count a word that cannot be used."""
    page.dropped[reason] = page.dropped.get(reason, 0) + 1


def rectangle(left: float, top: float, right: float, bottom: float) -> list[float]:
    """The four corners of an axis-aligned box, clockwise from the top left, as numbers in a row."""
    return [left, top, right, top, right, bottom, left, bottom]


def flattened(points: Any) -> list[Any]:
    """Numbers in a row, of numbers in a row or pairs of them; empty for None."""
    if points is None:
        return []
    if not isinstance(points, Sequence) or isinstance(points, str):
        raise TypeError("points are no list")
    if points and isinstance(points[0], Sequence) and not isinstance(points[0], str):
        return [value for point in points for value in point]
    return list(points)


def unreadable(path: Path, error: Exception) -> Problem:
    """The problem of a file that cannot be read at all."""
    if isinstance(error, UnicodeDecodeError):
        return Problem("is not UTF-8 text", str(path), "Save it as UTF-8")
    return Problem(str(error), str(path))


def as_size(value: Any) -> int | None:
    """A width or height as annotations give it; None for what is no positive number."""
    return int(value) if isinstance(value, int | float) and math.isfinite(value) and value > 0 else None
