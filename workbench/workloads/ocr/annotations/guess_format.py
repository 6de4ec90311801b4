"""Guesses from one file alone which annotations it could hold."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import Problem
from workbench.workloads.ocr.annotations.formats import FORMATS
from workbench.workloads.ocr.annotations.quads_or_polygons import Line
from workbench.workloads.ocr.annotations.reading import Unreadable, check_fetched, read_json, read_lines, read_xml

#: Lines of a file that have a vote, the first ones.
_VOTERS = 100
_SHOWN_CHARACTERS = 60


@dataclass(frozen=True)
class Guess:
    """What a file could be.

    Attributes:
        path: The file.
        format: The format that it could be of; None for none that is known.
        what: What it holds, for messages.
        problem: Why it cannot be read, where it can't.
        lines: The lines of a text file that were looked at.
        is_empty: A text file without lines: a page without words, if its neighbours are pages.
    """

    path: Path
    format: str | None
    what: str = ""
    problem: Problem | None = None
    lines: tuple[Line, ...] = ()
    is_empty: bool = False


def guess_format(path: Path) -> Guess:
    """Guess what a file holds."""
    suffix = path.suffix.lower()
    try:
        if suffix in (".json", ".gz"):
            return _guess_json(path, read_json(path))
        if suffix == ".mat":
            check_fetched(path)
            kind = next((name for name, known in FORMATS.items() if known.is_mat(path)), None)
            return Guess(path, kind, "has no table that is known, or is no MATLAB file")
        if suffix == ".xml":
            root = read_xml(path)
            kind = next((name for name, known in FORMATS.items() if known.is_xml(root)), None)
            return Guess(path, kind, f"is XML with the root '{_shortened(root.tag)}'")
        return _guess_lines(path, [Line(path, *line) for line in read_lines(path)[:_VOTERS]])
    except Unreadable as error:
        return Guess(path, None, problem=error.problem(path))


def _guess_json(path: Path, content: Any) -> Guess:
    kind = next((name for name, known in FORMATS.items() if known.is_json(content)), None)
    if isinstance(content, dict):
        return Guess(path, kind, f"is a JSON object with the keys {_shortened(', '.join(map(repr, content)))}")
    return Guess(path, kind, f"is JSON, but a {type(content).__name__} and no object")


def _guess_lines(path: Path, lines: list[Line]) -> Guess:
    if not lines:
        return Guess(path, None, "is empty", is_empty=True)
    # Each line votes for the first format that it could be of: one that is damaged, or has a strange text, is outvoted.
    votes = Counter(next((name for name, known in FORMATS.items() if known.is_line(line.text)), None) for line in lines)
    del votes[None]
    kind = votes.most_common(1)[0][0] if votes else None
    if kind is None and path.suffix.lower() == ".jsonl" and lines[0].text.lstrip().startswith(("{", "[")):
        return _guess_json(path, read_json(path))  # one object in all, as HierText's are
    return Guess(path, kind, f"begins with {_shortened(lines[0].text)!r}", lines=tuple(lines))


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."
