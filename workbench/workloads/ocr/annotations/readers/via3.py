"""Projects of VGG Image Annotator 3: ``{"file", "view", "metadata": {ID: {"vid", "xy": [SHAPE, ...], "av"}}}``.

``xy`` begins with the number of a shape: ``[2, x, y, width, height]``, ``[7, x, y, x, y, ...]``. A region belongs to
the file of its view; where ``xy`` is empty, it is about the file as a whole, or about a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workbench.errors import Problem
from workbench.workloads.ocr.annotations.reading import Item
from workbench.workloads.ocr.annotations.region_attributes import NO_POINTS, Region, add_regions, box
from workbench.workloads.ocr.pages.page import AnnotatedPage

_RECTANGLE, _POLYGON = 2, 7
_SHAPES = {
    1: "point",
    _RECTANGLE: "rectangle",
    3: "circle",
    4: "ellipse",
    5: "line",
    6: "polyline",
    _POLYGON: "polygon",
    8: "extreme rectangle",
    9: "extreme circle",
}


def recognizes(content: dict[str, Any]) -> bool:
    """Whether a JSON object is a project of version 3."""
    return all(isinstance(content.get(name), dict) for name in ("file", "metadata")) and any(
        name in content for name in ("view", "attribute", "project")
    )


def read_project(path: Path, content: dict[str, Any]) -> Iterator[Item]:
    """Read a project that was recognised."""
    pages: dict[str, AnnotatedPage] = {}
    for number, file in content["file"].items():
        where = f"{path}, file '{number}'"
        name = (file.get("fname") or file.get("src")) if isinstance(file, dict) else None
        if isinstance(name, str):
            pages[number] = AnnotatedPage(name, [], where, beside=path.parent)
        else:
            yield Problem("there is no 'fname'", where)
    attributes = _objects(content.get("attribute"))
    views = _objects(content.get("view"))
    regions = []
    for number, region in content["metadata"].items():
        where = f"{path}, metadata '{number}'"
        if not isinstance(region, dict):
            yield Problem("is no object", where)
            continue
        page = pages.get(_file_of(region.get("vid"), views))
        if page is None:
            yield Problem(f"its 'vid' {region.get('vid')!r} names no file", where)
        elif region.get("xy"):
            regions.append(_region(page, region["xy"], _values(region.get("av"), attributes)))
    declared = {_name(number, attribute): bool(_options(attribute)) for number, attribute in attributes.items()}
    yield from add_regions(regions, declared, [name for name, is_class in declared.items() if is_class])
    yield from pages.values()


def _region(page: AnnotatedPage, xy: Any, values: dict[str, Any]) -> Region:
    shape, numbers = (xy[0], xy[1:]) if isinstance(xy, list) else (None, [])
    kind = _SHAPES.get(shape, "unknown") if isinstance(shape, int) else "unknown"
    points: list[Any] | None = None
    if kind == "rectangle":
        points = box(numbers) if len(numbers) == 4 else NO_POINTS
    elif kind == "polygon":
        points = numbers
    return Region(page, kind, points, values)


def _file_of(view: Any, views: dict[str, dict[str, Any]]) -> str:
    """The number of the file of a view; a view that isn't listed has the number of its file."""
    files = views.get(str(view), {}).get("fid_list")
    return str(files[0] if isinstance(files, list) and files else view)


def _values(values: Any, attributes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The attributes of a region by name, what was chosen from a list in words."""
    named = {}
    for number, value in (values if isinstance(values, dict) else {}).items():
        attribute = attributes.get(number, {})
        options = _options(attribute)
        named[_name(number, attribute)] = options.get(value, value) if isinstance(value, str) else value
    return named


def _name(number: str, attribute: dict[str, Any]) -> str:
    return str(attribute.get("aname") or number)


def _options(attribute: dict[str, Any]) -> dict[str, Any]:
    options = attribute.get("options")
    return options if isinstance(options, dict) else {}


def _objects(value: Any) -> dict[str, dict[str, Any]]:
    """The objects of an object of them."""
    return {name: one for name, one in value.items() if isinstance(one, dict)} if isinstance(value, dict) else {}
