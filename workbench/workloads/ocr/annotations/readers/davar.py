"""DAVAR-Lab's data lists: one JSON file, ``{NAME: {"content_ann": {"bboxes", "texts", "cares"}}}``, an entry an image.

A box has 4 numbers (left, top, right, bottom), or the points of an outline in a row. Don't-care is 0 in ``cares``, and
the text ``###``, for lists come without ``cares`` too. A text may be None, or a list of alternatives: the first is
taken. An entry that points to another file by ``url`` isn't followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from workbench.errors import Problem
from workbench.workloads.ocr.annotations.boxes import box_between
from workbench.workloads.ocr.annotations.reading import (
    DONT_CARE,
    Item,
    Unreadable,
    add_word,
    as_size,
    read_each,
    read_json,
)
from workbench.workloads.ocr.pages.page import AnnotatedPage

_ANNOTATIONS = "content_ann"


def recognizes(content: Any) -> bool:
    """Whether a JSON file's content is of this format."""
    return isinstance(content, dict) and any(
        isinstance(page, dict) and _ANNOTATIONS in page for page in content.values()
    )


def read(paths: Iterable[Path]) -> Iterator[Item]:
    """Read annotation files of this format."""
    return read_each(paths, _read_file)


def _read_file(path: Path) -> Iterator[Item]:
    content = read_json(path)
    if not isinstance(content, dict):
        raise Unreadable("is no object with an entry an image")
    for name, entry in content.items():
        if name != "###":  # what a list says of itself as a whole
            yield from _read_entry(path, name, entry)


def _read_entry(path: Path, name: str, entry: Any) -> Iterator[Item]:
    where = f"{path}, entry '{name}'"
    words = entry.get(_ANNOTATIONS) if isinstance(entry, dict) else None
    if not isinstance(words, dict) or not isinstance(words.get("bboxes"), list):
        what = "its annotations are in another file ('url')" if isinstance(entry, dict) and "url" in entry else ""
        remedy = f"Put that file's content in as '{_ANNOTATIONS}'" if what else ""
        yield Problem(what or f"there is no '{_ANNOTATIONS}' with a list 'bboxes'", where, remedy)
        return
    boxes, texts, cares = words["bboxes"], words.get("texts") or [], words.get("cares") or []
    for kind, values in (("texts", texts), ("cares", cares)):
        if not isinstance(values, list) or len(values) not in (0, len(boxes)):
            yield Problem(f"its '{kind}' are not as many as its {len(boxes)} 'bboxes'", where)
            return
    size = as_size(entry.get("width")), as_size(entry.get("height"))
    page = AnnotatedPage(name, [], where, *size, beside=path.parent)
    for number, box in enumerate(boxes):
        text = texts[number] if texts else ""
        text = text[0] if isinstance(text, list) and text else text
        ignore = text == DONT_CARE or (bool(cares) and cares[number] == 0)
        add_word(page, box_between(box), text=text, ignore=ignore)
    yield page
