"""LabelMe: one JSON file an image, ``{"shapes": [{"label", "points", "shape_type"}], "imagePath"}``.

The label is the text, ``###`` is don't-care. A rectangle has two points, any opposite corners; circles, lines and points
are no words. LabelMe turns an image upright before it is drawn on, so its points are in the upright frame.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.data.annotations.reading import Reading, add_word, as_size, drop, read_json, rectangle, unreadable
from workbench.data.page import AnnotatedPage
from workbench.errors import Problem

_IGNORED = "###"


def recognizes(content: Any) -> bool:
    """Whether a JSON file's content is of this format."""
    return isinstance(content, dict) and isinstance(content.get("shapes"), list) and "imagePath" in content


def read(paths: list[Path]) -> Reading:
    """Read annotation files of this format."""
    reading = Reading()
    for path in paths:
        try:
            content = read_json(path)
        except (OSError, ValueError) as error:
            reading.problems.append(unreadable(path, error))
            continue
        if not recognizes(content):
            reading.problems.append(Problem("there is no list 'shapes' or no 'imagePath'", str(path)))
            continue
        page = AnnotatedPage(
            str(content["imagePath"] or path.stem),
            [],
            str(path),
            width=as_size(content.get("imageWidth")),
            height=as_size(content.get("imageHeight")),
            beside=path.parent,
            frame="upright",
        )
        for number, shape in enumerate(content["shapes"]):
            if isinstance(shape, dict):
                _read_shape(page, shape)
            else:
                reading.problems.append(Problem("is no object", f"{path}, shape {number}"))
        reading.pages.append(page)
    return reading


def _read_shape(page: AnnotatedPage, shape: dict[str, Any]) -> None:
    kind = shape.get("shape_type") or "polygon"
    points = shape.get("points")
    label = str(shape.get("label") or "")
    if kind == "rectangle" and isinstance(points, list) and len(points) == 2:
        (x1, y1), (x2, y2) = points
        points = rectangle(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
    elif kind not in ("polygon", "rectangle"):
        drop(page, f"shape of type {kind}")
        return
    add_word(page, points, text=label, ignore=label == _IGNORED)
