"""VGG Image Annotator 2: a project with ``_via_img_metadata``, or that alone, ``{ID: {"filename", "regions"}}``.

Also projects of version 3, see `via3`; version 1 has an object where 2 has the list of regions. Rectangles and
polygons are words. Attributes of regions have any name, see `region_attributes`. Don't-care: text ``###``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from workbench.errors import Problem
from workbench.workloads.ocr.annotations.readers import via3
from workbench.workloads.ocr.annotations.reading import Item, Unreadable, each_object, read_each, read_json
from workbench.workloads.ocr.annotations.region_attributes import NO_POINTS, Region, add_regions, box
from workbench.workloads.ocr.pages.page import AnnotatedPage

_METADATA = "_via_img_metadata"
#: Attributes whose values are chosen from a list.
_CLASSES = ("dropdown", "radio", "checkbox", "image")


def recognizes(content: Any) -> bool:
    """Whether a JSON file's content is of this format."""
    if not isinstance(content, dict):
        return False
    if via3.recognizes(content) or isinstance(content.get(_METADATA), dict):
        return True
    return any(
        isinstance(image, dict) and "filename" in image and isinstance(image.get("regions"), dict | list)
        for image in content.values()
    )


def read(paths: Iterable[Path]) -> Iterator[Item]:
    """Read annotation files of this format."""
    return read_each(paths, _read_file)


def _read_file(path: Path) -> Iterator[Item]:
    content = read_json(path)
    if not recognizes(content):
        raise Unreadable(f"there is no object '{_METADATA}', and no image with 'filename' and 'regions'")
    if via3.recognizes(content):
        yield from via3.read_project(path, content)
        return
    pages: list[AnnotatedPage] = []
    regions: list[Region] = []
    problems: list[Problem] = []
    is_project = isinstance(content.get(_METADATA), dict)
    for name, image in (content[_METADATA] if is_project else content).items():
        where = f"{path}, entry '{name}'"
        if not isinstance(image, dict) or not isinstance(image.get("filename"), str):
            problems.append(Problem("there is no 'filename'", where))
            continue
        page = AnnotatedPage(image["filename"], [], where, beside=path.parent)
        given = image.get("regions")
        drawn = list(given.values()) if isinstance(given, dict) else given
        regions += (_region(page, region) for _, region in each_object(drawn, f"{where}, regions", problems))
        pages.append(page)
    declared = _declared(content) if is_project else {}
    yield from problems
    yield from add_regions(regions, declared, [name for name, kind in declared.items() if kind in _CLASSES])
    yield from pages


def _region(page: AnnotatedPage, region: dict[str, Any]) -> Region:
    shape, attributes = region.get("shape_attributes"), region.get("region_attributes")
    shape = shape if isinstance(shape, dict) else {}
    kind = shape.get("name")
    points: list[Any] | None = None
    if kind == "rect":
        points = box([shape.get(name) for name in ("x", "y", "width", "height")])
    elif kind == "polygon":
        points = _pairs(shape.get("all_points_x"), shape.get("all_points_y"))
    return Region(page, str(kind), points, attributes if isinstance(attributes, dict) else {})


def _pairs(x: Any, y: Any) -> list[Any]:
    if not isinstance(x, list) or not isinstance(y, list) or len(x) != len(y):
        return NO_POINTS
    return [value for pair in zip(x, y, strict=True) for value in pair]


def _declared(project: dict[str, Any]) -> dict[str, Any]:
    """The attributes of regions that a project declares, with their types."""
    attributes = project.get("_via_attributes")
    regions = attributes.get("region") if isinstance(attributes, dict) else None
    if not isinstance(regions, dict):
        return {}
    return {name: kind.get("type") if isinstance(kind, dict) else None for name, kind in regions.items()}
