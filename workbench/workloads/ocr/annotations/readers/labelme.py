"""LabelMe: one JSON file an image, ``{"shapes": [{"label", "points", "shape_type"}], "imagePath"}``.

The label is the text, or its ``description`` is, where the label is a class (as X-AnyLabeling has it): all files
decide together. ``###`` is don't-care; ``difficult`` isn't, as in PaddleOCR's files. A rectangle has two points, any
opposite corners, or four; a mask has those of its box; circles, lines and points are no words. LabelMe turns an image
upright before it is drawn on, so its points are in the upright frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from workbench.errors import Problem
from workbench.units import counted
from workbench.workloads.ocr.annotations.reading import (
    DONT_CARE,
    Item,
    Note,
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

_POLYGONS = ("polygon", "rotation", "quadrilateral")
_BOXES = ("rectangle", "mask")
#: What a label is called that is a class and no text.
_CLASSES = {"text", "word", "words", "line", "text_line", "textline", "ocr"}
#: Files that have a vote on where the text stands, the first ones: their pictures may be in them, and be large.
_VOTERS = 200

_TextKey = Literal["label", "description"]


def recognizes(content: Any) -> bool:
    """Whether a JSON file's content is of this format."""
    return isinstance(content, dict) and isinstance(content.get("shapes"), list) and "imagePath" in content


def read(paths: Iterable[Path]) -> Iterator[Item]:
    """Read annotation files of this format."""
    paths = list(paths)
    shapes = [shape for path in islice(paths, _VOTERS) for shape in _shapes_of(path)]
    key, reason = _text_key(shapes)
    if reason:
        yield Note(reason)
    if any(shape.get("difficult") is True for shape in shapes):
        yield Note("shapes marked difficult are words like the others")
    yield from read_each(paths, partial(_read_file, key=key))


def _read_file(path: Path, *, key: _TextKey) -> Iterator[Item]:
    content = read_json(path)
    if not recognizes(content):
        raise Unreadable("there is no list 'shapes' or no 'imagePath'")
    image = str(content["imagePath"] or path.stem)
    size = as_size(content.get("imageWidth")), as_size(content.get("imageHeight"))
    page = AnnotatedPage(image, [], str(path), *size, beside=path.parent, frame="upright")
    problems: list[Problem] = []
    for _, shape in each_object(content["shapes"], f"{path}, shapes", problems):
        _read_shape(page, shape, key)
    yield from problems
    yield page


def _read_shape(page: AnnotatedPage, shape: dict[str, Any], key: _TextKey) -> None:
    kind = shape.get("shape_type") or "polygon"
    if kind not in (*_POLYGONS, *_BOXES):
        drop(page, f"shape of type {kind}")
        return
    points = shape.get("points")
    if kind in _BOXES and isinstance(points, list) and len(points) == 2:
        points = _between(*points)
    is_ignored = DONT_CARE in (shape.get("label"), shape.get("description"))
    add_word(page, points, text=shape.get(key), ignore=is_ignored)


def _between(first: Any, second: Any) -> list[Any]:
    """The box between two opposite corners; anything else as it is, for `add_word` to drop."""
    try:
        (x1, y1), (x2, y2) = first, second
        return rectangle(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
    except (TypeError, ValueError):
        return [first, second]


def _shapes_of(path: Path) -> list[dict[str, Any]]:
    try:
        content = read_json(path)
    except Unreadable:  # named when it is its turn to be read
        return []
    return [shape for shape in content["shapes"] if isinstance(shape, dict)] if recognizes(content) else []


def _text_key(shapes: list[dict[str, Any]]) -> tuple[_TextKey, str]:
    """Where the texts stand, and why, where they could stand elsewhere."""
    described = [text for shape in shapes if isinstance(text := shape.get("description"), str) and text.strip()]
    if not described:
        return "label", ""
    labels = {str(shape.get("label")) for shape in shapes} - {DONT_CARE}
    seen = f"{counted(len(labels), 'label')}, {len(described)} of {counted(len(shapes), 'shape')} have a description"
    are_classes = {label.strip().lower() for label in labels} <= _CLASSES
    if are_classes or (2 * len(described) >= len(shapes) and len(set(described)) > len(labels)):
        return "description", f"the description of a shape is taken for its text, the label for a class ({seen})"
    return "label", f"the label of a shape is taken for its text, not the description ({seen})"
