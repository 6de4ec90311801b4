"""CORD: one JSON file a receipt, ``{"valid_line": [{"words": [{"quad": {"x1", ..., "y4"}, "text"}]}], "meta": {...}}``.

What stands under ``dontcare`` is that, and so are lines of dots and dashes (``repeating_symbol``), which are no words.
Points lie up to some pixels outside the image (clovaai/cord#7). The image is named like the file.
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

_CORNERS = [f"{axis}{number}" for number in range(1, 5) for axis in "xy"]
_REPEATED = "repeating_symbol"


def recognizes(content: Any) -> bool:
    """Whether a JSON file's content is of this format."""
    return isinstance(content, dict) and isinstance(content.get("valid_line"), list)


def read(paths: Iterable[Path]) -> Iterator[Item]:
    """Read annotation files of this format."""
    return read_each(paths, _read_file)


def _read_file(path: Path) -> Iterator[Item]:
    content = read_json(path)
    if not recognizes(content):
        raise Unreadable("there is no list 'valid_line'")
    meta = content.get("meta")
    size = meta.get("image_size") if isinstance(meta, dict) else None
    sides = (as_size(size.get("width")), as_size(size.get("height"))) if isinstance(size, dict) else (None, None)
    page = AnnotatedPage(path.stem, [], str(path), *sides, beside=path.parent)
    problems: list[Problem] = []
    for place, line in each_object(content["valid_line"], f"{path}, valid_line", problems):
        for _, word in each_object(line.get("words"), f"{place}.words", problems):
            _add(page, word, ignore=False)
    for name in ("dontcare", _REPEATED):
        for _, word in each_object(_flat(content.get(name)), f"{path}, {name}", problems):
            _add(page, word, ignore=True)
    yield from problems
    if content.get(_REPEATED):
        yield Note(f"lines of dots and dashes ('{_REPEATED}') are don't-care")
    yield page


def _flat(regions: Any) -> Any:
    """Regions one after another: some files have them in groups."""
    if not isinstance(regions, list):
        return regions
    return [region for group in regions for region in (group if isinstance(group, list) else [group])]


def _add(page: AnnotatedPage, word: dict[str, Any], *, ignore: bool) -> None:
    quad = word.get("quad", word)  # some don't-care regions are nothing but their corners
    points = [quad.get(name) for name in _CORNERS] if isinstance(quad, dict) else quad
    add_word(page, points, text=word.get("text"), ignore=ignore)
