"""HierText: one JSON object, ``{"annotations": [{"image_id", "paragraphs"}]}``, though its files are named .jsonl.gz.

Paragraphs hold lines, and these hold words; each has ``vertices``, and don't-care is ``legible: false``. Words are
read. A line or paragraph that isn't broken down into them is a region that nobody could read: don't-care, whatever it
says of itself. Where a whole file has no words, its lines stand in, else its paragraphs. An image is named by its id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from workbench.errors import Problem
from workbench.workloads.ocr.annotations.reading import (
    Item,
    Note,
    Unreadable,
    add_word,
    as_size,
    each_object,
    read_each,
    read_json,
)
from workbench.workloads.ocr.pages.page import AnnotatedPage

#: From the image down: each holds the next.
_LEVELS = ("paragraphs", "lines", "words")


def recognizes(content: Any) -> bool:
    """Whether a JSON file's content is of this format."""
    pages = content.get("annotations") if isinstance(content, dict) else None
    return isinstance(pages, list) and any(isinstance(page, dict) and "paragraphs" in page for page in pages)


def read(paths: Iterable[Path]) -> Iterator[Item]:
    """Read annotation files of this format."""
    return read_each(paths, _read_file)


def _read_file(path: Path) -> Iterator[Item]:
    content = read_json(path)
    pages = content.get("annotations") if isinstance(content, dict) else None
    if not isinstance(pages, list):
        raise Unreadable("there is no list 'annotations'")
    depth = max((_depth(page, 0) for page in pages), default=0)
    if 0 < depth < len(_LEVELS):
        yield Note(f"{path.name} has no words: its {_LEVELS[depth - 1]} are taken for them")
    problems: list[Problem] = []
    for where, entry in each_object(pages, f"{path}, annotations", problems):
        name = entry.get("image_id")
        if not isinstance(name, str) or not name:
            problems.append(Problem("there is no 'image_id'", where))
            continue
        size = as_size(entry.get("image_width")), as_size(entry.get("image_height"))
        page = AnnotatedPage(name, [], f"{where} ('{name}')", *size, beside=path.parent)
        yield from _read_level(page, entry, where, 0, depth)
        yield page
    yield from problems


def _depth(holder: Any, level: int) -> int:
    """How many levels there are below an image, paragraph or line."""
    parts = holder.get(_LEVELS[level]) if isinstance(holder, dict) else None
    if not isinstance(parts, list) or not parts:
        return level
    if level + 1 == len(_LEVELS):
        return level + 1
    return max(level + 1, *(_depth(part, level + 1) for part in parts))


def _read_level(page: AnnotatedPage, holder: dict[str, Any], where: str, level: int, depth: int) -> Iterator[Item]:
    problems: list[Problem] = []
    is_word = level + 1 == depth
    for place, part in each_object(holder.get(_LEVELS[level]), f"{where}.{_LEVELS[level]}", problems):
        if not is_word and part.get(_LEVELS[level + 1]):
            yield from _read_level(page, part, place, level + 1, depth)
            continue
        is_legible = part.get("legible") is not False if is_word else part.get("legible") is True
        if is_legible and not is_word:
            yield Note(f"legible {_LEVELS[level]} without {_LEVELS[level + 1]} are don't-care")
        add_word(page, part.get("vertices"), text=part.get("text"), ignore=not (is_word and is_legible))
    yield from problems
