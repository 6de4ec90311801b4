"""docTR's labels.json: ``{NAME: {"img_dimensions", "img_hash", "polygons": [[[x, y], ...], ...]}}``.

``polygons`` may be an object with a list for each class. The images lie in ``images`` beside it. Points are pixels;
files of which all lie between 0 and 1 have shares. There is no don't-care, and no text: some tools write ``labels``
beside the polygons. ``img_dimensions`` is read by nobody, and tools disagree on which side comes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from workbench.errors import Problem
from workbench.workloads.ocr.annotations.reading import (
    DONT_CARE,
    Item,
    Note,
    Unreadable,
    add_word,
    read_each,
    read_json,
)
from workbench.workloads.ocr.pages.page import AnnotatedPage


def recognizes(content: Any) -> bool:
    """Whether a JSON file's content is of this format."""
    return isinstance(content, dict) and any(
        isinstance(entry, dict) and isinstance(entry.get("polygons"), dict | list) for entry in content.values()
    )


def read(paths: Iterable[Path]) -> Iterator[Item]:
    """Read annotation files of this format."""
    return read_each(paths, _read_file)


def _read_file(path: Path) -> Iterator[Item]:
    content = read_json(path)
    if not recognizes(content):
        raise Unreadable("there is no entry with 'polygons'")
    images = path.parent / "images"
    beside = images if images.is_dir() else path.parent
    pages: list[AnnotatedPage] = []
    classes: dict[str, None] = {}
    for name, entry in content.items():
        where = f"{path}, entry '{name}'"
        polygons = entry.get("polygons") if isinstance(entry, dict) else None
        if isinstance(polygons, dict):
            classes |= dict.fromkeys(polygons)
            polygons = _joined(polygons)
        if not isinstance(polygons, list):
            yield Problem("there is no list 'polygons'", where)
            continue
        page = AnnotatedPage(name, [], where, beside=beside)
        for polygon, text in zip(polygons, _texts(entry, len(polygons)), strict=True):
            add_word(page, polygon, text=text, ignore=text == DONT_CARE)
        pages.append(page)
    if len(classes) > 1:
        yield Note(f"the classes {', '.join(classes)} are all taken for words")
    if _are_shares(pages):
        yield Note("all points lie between 0 and 1: they are taken for shares of the page, not for pixels")
        for page in pages:
            page.unit = "share"
    yield from pages


def _joined(by_class: dict[str, Any]) -> Any:
    """The polygons of all classes in one list; None where a class has no list."""
    if not all(isinstance(polygons, list) for polygons in by_class.values()):
        return None
    return [polygon for polygons in by_class.values() for polygon in polygons]


def _texts(entry: dict[str, Any], count: int) -> list[str]:
    texts = entry.get("labels")
    is_one_each = isinstance(texts, list) and len(texts) == count and all(isinstance(text, str) for text in texts)
    return list(texts) if is_one_each and texts else [""] * count


def _are_shares(pages: list[AnnotatedPage]) -> bool:
    words = [word for page in pages for word in page.words]
    return bool(words) and all(bool((word.polygon >= 0).all() and (word.polygon <= 1).all()) for word in words)
