"""LabelMe: one JSON file an image, ``{"shapes": [{"label", "points", "shape_type"}], "imagePath"}``.

The label is the text, ``###`` is don't-care. A rectangle has two points, any opposite corners; circles, lines and
points are no words. LabelMe turns an image upright before it is drawn on, so its points are in the upright frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from workbench.errors import Problem
from workbench.workloads.ocr.annotations.reading import (
    DONT_CARE,
    Item,
    Unreadable,
    add_word,
    as_size,
    drop,
    each_object,
    read_each,
    read_json,
    rectangle,
)
from workbench.workloads.ocr.pages.page import AnnotatedPage


def recognizes(content: Any) -> bool:
    """Whether a JSON file's content is of this format."""
    return isinstance(content, dict) and isinstance(content.get("shapes"), list) and "imagePath" in content


def read(paths: Iterable[Path]) -> Iterator[Item]:
    """Read annotation files of this format."""
    return read_each(paths, _read_file)


def _read_file(path: Path) -> Iterator[Item]:
    content = read_json(path)
    if not recognizes(content):
        raise Unreadable("there is no list 'shapes' or no 'imagePath'")
    image = str(content["imagePath"] or path.stem)
    size = as_size(content.get("imageWidth")), as_size(content.get("imageHeight"))
    page = AnnotatedPage(image, [], str(path), *size, beside=path.parent, frame="upright")
    problems: list[Problem] = []
    for _, shape in each_object(content["shapes"], f"{path}, shapes", problems):
        _read_shape(page, shape)
    yield from problems
    yield page


def _read_shape(page: AnnotatedPage, shape: dict[str, Any]) -> None:
    kind = shape.get("shape_type") or "polygon"
    if kind not in ("polygon", "rectangle"):
        drop(page, f"shape of type {kind}")
        return
    points = shape.get("points")
    if kind == "rectangle" and isinstance(points, list) and len(points) == 2:
        points = _between(*points)
    text = shape.get("label")
    add_word(page, points, text=text, ignore=text == DONT_CARE)


def _between(first: Any, second: Any) -> list[Any]:
    """The box between two opposite corners; anything else as it is, for `add_word` to drop."""
    try:
        (x1, y1), (x2, y2) = first, second
        return rectangle(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
    except (TypeError, ValueError):
        return [first, second]
