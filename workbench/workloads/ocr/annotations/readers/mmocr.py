"""MMOCR 1.x: one JSON file, ``{"metainfo", "data_list": [{"img_path", "instances": [{"polygon", "ignore"}]}]}``.

A box without a polygon is ``x1, y1, x2, y2`` (COCO's is ``x, y, width, height``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from workbench.errors import Problem
from workbench.workloads.ocr.annotations.reading import (
    Item,
    Unreadable,
    add_word,
    as_size,
    each_object,
    read_each,
    read_json,
    rectangle,
)
from workbench.workloads.ocr.pages.page import AnnotatedPage


def recognizes(content: Any) -> bool:
    """Whether a JSON file's content is of this format."""
    return isinstance(content, dict) and "metainfo" in content and isinstance(content.get("data_list"), list)


def read(paths: Iterable[Path]) -> Iterator[Item]:
    """Read annotation files of this format."""
    return read_each(paths, _read_file)


def _read_file(path: Path) -> Iterator[Item]:
    content = read_json(path)
    if not recognizes(content):
        raise Unreadable("there is no 'metainfo' or no list 'data_list'")
    for number, entry in enumerate(content["data_list"]):
        yield from _read_entry(path, f"{path}, data_list[{number}]", entry)


def _read_entry(path: Path, where: str, entry: Any) -> Iterator[Item]:
    if not isinstance(entry, dict) or not isinstance(entry.get("img_path"), str):
        yield Problem("there is no 'img_path'", where)
        return
    size = as_size(entry.get("width")), as_size(entry.get("height"))
    page = AnnotatedPage(entry["img_path"], [], f"{where} ('{entry['img_path']}')", *size, beside=path.parent)
    problems: list[Problem] = []
    for _, word in each_object(entry.get("instances"), f"{where}.instances", problems):
        points, box = word.get("polygon"), word.get("bbox")
        if not points and isinstance(box, list) and len(box) == 4:
            points = rectangle(*box)
        add_word(page, points, text=word.get("text"), ignore=bool(word.get("ignore")))
    yield from problems
    yield page
