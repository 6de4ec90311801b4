"""COCO as MMOCR 0.x writes it: ``{"images": [...], "annotations": [{"image_id", "segmentation", "iscrowd"}]}``.

``iscrowd: 1`` is don't-care. Also its line form: one image a line, with its annotations inside.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from workbench.data.annotations.reading import (
    Reading,
    add_word,
    as_size,
    read_json,
    read_lines,
    rectangle,
    unreadable,
)
from workbench.data.page import AnnotatedPage
from workbench.errors import Problem


def recognizes(content: Any) -> bool:
    """Whether a JSON file's content is of this format."""
    return (
        isinstance(content, dict)
        and isinstance(content.get("images"), list)
        and isinstance(content.get("annotations"), list)
    )


def recognizes_line(line: str) -> bool:
    """Whether a line of a text file is of this format's line form."""
    if not line.lstrip().startswith("{"):
        return False
    try:
        entry = json.loads(line)
    except ValueError:
        return False
    return isinstance(entry, dict) and "file_name" in entry and isinstance(entry.get("annotations"), list)


def read(paths: list[Path]) -> Reading:
    """Read annotation files of this format."""
    reading = Reading()
    for path in paths:
        try:
            if path.suffix == ".json":
                _read_json(reading, path)
            else:
                _read_lines(reading, path)
        except (OSError, ValueError) as error:
            reading.problems.append(unreadable(path, error))
    return reading


def _read_json(reading: Reading, path: Path) -> None:
    content = read_json(path)
    if not recognizes(content):
        reading.problems.append(Problem("there is no list 'images' or no list 'annotations'", str(path)))
        return
    pages: dict[Any, AnnotatedPage] = {}
    for number, image in enumerate(content["images"]):
        if not isinstance(image, dict) or "file_name" not in image or "id" not in image:
            reading.problems.append(Problem("there is no 'file_name' or no 'id'", f"{path}, image {number}"))
            continue
        pages[image["id"]] = _page(path, f"image {image['id']}", image)
    for number, word in enumerate(content["annotations"]):
        page = pages.get(word.get("image_id")) if isinstance(word, dict) else None
        if page is None:
            reading.problems.append(Problem("its 'image_id' names no image", f"{path}, annotation {number}"))
            continue
        _add(page, word)
    reading.pages += pages.values()


def _read_lines(reading: Reading, path: Path) -> None:
    for number, line in read_lines(path):
        if not recognizes_line(line):
            reading.problems.append(Problem("is not an image with its annotations", f"{path}, line {number}"))
            continue
        image = json.loads(line)
        page = _page(path, f"line {number}", image)
        for word in image["annotations"]:
            _add(page, word)
        reading.pages.append(page)


def _page(path: Path, entry: str, image: dict[str, Any]) -> AnnotatedPage:
    name = str(image["file_name"])
    size = as_size(image.get("width")), as_size(image.get("height"))
    return AnnotatedPage(name, [], f"{path}, {entry} ('{name}')", *size, beside=path.parent)


def _add(page: AnnotatedPage, word: dict[str, Any]) -> None:
    points = word.get("segmentation")
    if isinstance(points, list) and points and isinstance(points[0], list):
        points = points[0]
    box = word.get("bbox")
    if not points and isinstance(box, list) and len(box) == 4:
        left, top, width, height = box
        points = rectangle(left, top, left + width, top + height)
    add_word(page, points, text=str(word.get("text") or ""), ignore=word.get("iscrowd") == 1)
