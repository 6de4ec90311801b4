"""COCO as MMOCR 0.x writes it: ``{"images": [...], "annotations": [{"image_id", "segmentation", "iscrowd"}]}``.

``iscrowd: 1`` is don't-care. Also its line form: one image a line, with its annotations inside. Where the
segmentation is not a single polygon (several parts, run lengths, none), the box ``x, y, width, height`` stands in.
"""

from __future__ import annotations

import json
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
    read_lines,
    rectangle,
)
from workbench.workloads.ocr.pages.page import AnnotatedPage


def recognizes(content: Any) -> bool:
    """Whether a JSON file's content is of this format."""
    return (
        isinstance(content, dict)
        and isinstance(content.get("images"), list)
        and isinstance(content.get("annotations"), list)
    )


def recognizes_line(line: str) -> bool:
    """Whether a line of a text file is of this format's line form (WildReceipt's looks like it, but has "box")."""
    image = _parse_line(line)
    return image is not None and all(isinstance(word, dict) and "box" not in word for word in image["annotations"])


def read(paths: Iterable[Path]) -> Iterator[Item]:
    """Read annotation files of this format."""
    return read_each(paths, lambda path: _read_json(path) if path.suffix.lower() == ".json" else _read_lines(path))


def _read_json(path: Path) -> Iterator[Item]:
    content = read_json(path)
    if not recognizes(content):
        raise Unreadable("there is no list 'images' or no list 'annotations'")
    problems: list[Problem] = []
    pages: dict[int | str, AnnotatedPage] = {}
    for where, image in each_object(content["images"], f"{path}, images", problems):
        number = image.get("id")
        if not isinstance(number, int | str) or not isinstance(image.get("file_name"), str):
            problems.append(Problem("there is no 'file_name' or no 'id'", where))
        elif number in pages:
            problems.append(Problem(f"the id {number!r} is taken by an image before it", where))
        else:
            pages[number] = _page(path, where, image)
    for where, word in each_object(content["annotations"], f"{path}, annotations", problems):
        number = word.get("image_id")
        if isinstance(number, int | str) and number in pages:
            _add(pages[number], word)
        else:
            problems.append(Problem(f"its 'image_id' {number!r} names no image", where))
    yield from problems
    yield from pages.values()


def _read_lines(path: Path) -> Iterator[Item]:
    for number, line in read_lines(path):
        where = f"{path}, line {number}"
        image = _parse_line(line)
        if image is None:
            yield Problem("is no JSON object with 'file_name' and 'annotations'", where)
            continue
        page = _page(path, where, image)
        problems: list[Problem] = []
        for _, word in each_object(image["annotations"], f"{where}, annotations", problems):
            _add(page, word)
        yield from problems
        yield page


def _parse_line(line: str) -> dict[str, Any] | None:
    if not line.lstrip().startswith("{"):
        return None
    try:
        image = json.loads(line)
    except (ValueError, RecursionError):
        return None
    is_known = isinstance(image.get("file_name"), str) and isinstance(image.get("annotations"), list)
    return image if is_known else None


def _page(path: Path, where: str, image: dict[str, Any]) -> AnnotatedPage:
    name = image["file_name"]
    size = as_size(image.get("width")), as_size(image.get("height"))
    return AnnotatedPage(name, [], f"{where} ('{name}')", *size, beside=path.parent)


def _add(page: AnnotatedPage, word: dict[str, Any]) -> None:
    points, box = word.get("segmentation"), word.get("bbox")
    if isinstance(points, list) and len(points) == 1 and isinstance(points[0], list):
        points = points[0]
    is_polygon = isinstance(points, list) and len(points) > 0 and not isinstance(points[0], list)
    if not is_polygon and isinstance(box, list) and len(box) == 4:
        points = _corners(*box)
    add_word(page, points, text=word.get("text"), ignore=word.get("iscrowd") == 1)


def _corners(left: Any, top: Any, width: Any, height: Any) -> list[Any] | None:
    numbers = (int, float)
    if not all(isinstance(value, numbers) for value in (left, top, width, height)):
        return ["no", "numbers"]
    return rectangle(left, top, left + width, top + height)
