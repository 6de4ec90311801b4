"""PaddleOCR label file: ``PATH TAB [{"transcription": ..., "points": [[x, y], ...]}, ...]`` a line.

``*`` and ``###`` are don't-care; ``difficult`` is written by PPOCRLabel and read by nobody. Paths are often those of
another machine: the survey falls back to their last part.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from workbench.data.annotations.reading import Reading, add_word, read_lines, unreadable
from workbench.data.page import AnnotatedPage
from workbench.errors import Problem

_IGNORED = ("*", "###")


def recognizes(line: str) -> bool:
    """Whether a line of a text file is of this format."""
    return re.match(r"[^\t]+\t\s*\[", line) is not None


def read(paths: list[Path]) -> Reading:
    """Read label files of this format."""
    reading = Reading()
    for path in paths:
        try:
            lines = read_lines(path)
        except (OSError, UnicodeDecodeError) as error:
            reading.problems.append(unreadable(path, error))
            continue
        for number, line in lines:
            _read_line(reading, path, number, line)
    return reading


def _read_line(reading: Reading, path: Path, number: int, line: str) -> None:
    where = f"{path}, line {number}"
    name, tab, text = line.partition("\t")
    try:
        words = json.loads(text)
    except ValueError:
        words = None
    if not tab or not isinstance(words, list) or not all(isinstance(word, dict) for word in words):
        reading.problems.append(Problem("is not 'PATH TAB [{\"points\": ...}, ...]'", where))
        return
    page = AnnotatedPage(name.strip(), [], f"{where} ('{name.strip()}')", beside=path.parent)
    for word in words:
        transcription = str(word.get("transcription") or "")
        add_word(page, word.get("points"), text=transcription, ignore=transcription in _IGNORED)
    reading.pages.append(page)
