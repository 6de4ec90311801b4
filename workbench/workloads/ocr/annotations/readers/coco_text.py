"""COCO-Text and TextOCR: one JSON file, ``{"imgs": {ID: {...}}, "anns": {ID: {"image_id", "bbox", ...}}}``.

The outline is ``points`` (TextOCR), ``mask`` (COCO-Text 2) or ``polygon`` (COCO-Text 1), else the box ``x, y, width,
height``; the text ``utf8_string``. Don't-care: a ``legibility`` other than "legible", or TextOCR's text ".". All its
sets (train, val) are read. ``imgToAnns`` isn't needed, and names words that don't exist in older files
(andreasveit/coco-text#8).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from workbench.errors import Problem
from workbench.workloads.ocr.annotations.boxes import box_of_size
from workbench.workloads.ocr.annotations.reading import (
    Item,
    Note,
    Unreadable,
    add_word,
    as_size,
    read_each,
    read_json,
)
from workbench.workloads.ocr.pages.page import AnnotatedPage

_OUTLINES = ("points", "mask", "polygon")
_NAMES = ("file_name", "filename")
#: The text of a word that nobody could read, in TextOCR.
_UNREAD = "."


def recognizes(content: Any) -> bool:
    """Whether a JSON file's content is of this format."""
    return isinstance(content, dict) and isinstance(content.get("imgs"), dict) and isinstance(content.get("anns"), dict)


def read(paths: Iterable[Path]) -> Iterator[Item]:
    """Read annotation files of this format."""
    return read_each(paths, _read_file)


def _read_file(path: Path) -> Iterator[Item]:
    content = read_json(path)
    if not recognizes(content):
        raise Unreadable("there is no object 'imgs' or no object 'anns'")
    problems: list[Problem] = []
    pages: dict[str, AnnotatedPage] = {}
    sets: Counter[str] = Counter()
    for key, image in content["imgs"].items():
        where = f"{path}, imgs['{key}']"
        if not isinstance(image, dict):
            problems.append(Problem("is no object", where))
            continue
        name = next((image[named] for named in _NAMES if isinstance(image.get(named), str)), key)
        size = as_size(image.get("width")), as_size(image.get("height"))
        pages[key] = AnnotatedPage(name, [], f"{where} ('{name}')", *size, beside=path.parent)
        sets[str(image.get("set", ""))] += 1
    for key, word in content["anns"].items():
        where = f"{path}, anns['{key}']"
        if not isinstance(word, dict):
            problems.append(Problem("is no object", where))
        elif (page := pages.get(str(number := word.get("image_id")))) is None:  # the keys of JSON are texts
            problems.append(Problem(f"its 'image_id' {number!r} names no image", where))
        else:
            _add(page, word, is_textocr="legibility" not in word)
    yield from problems
    if len(sets) > 1:
        parts = ", ".join(f"{count} of {name or 'none'}" for name, count in sets.items())
        yield Note(f"{path.name} has several sets ({parts}): all of them are read")
    yield from pages.values()


def _add(page: AnnotatedPage, word: dict[str, Any], *, is_textocr: bool) -> None:
    points = next((word[name] for name in _OUTLINES if word.get(name)), None)
    if points is None:
        points = box_of_size(word.get("bbox"))
    text = word.get("utf8_string")
    ignore = text == _UNREAD if is_textocr else word["legibility"] != "legible"
    add_word(page, points, text=text, ignore=ignore)
