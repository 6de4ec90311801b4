"""Pascal VOC: one XML file an image, ``<annotation><filename/><object><name/><bndbox/></object></annotation>``.

The name is the text, or the class where there is but one; ``###`` is don't-care, and so is ``difficult``: VOC's own
evaluation leaves it out. Also what other tools write beside the box, and what is then taken: ``robndbox`` of roLabelImg
(an angle in radians) and ``polygon`` (``x1``, ``y1``, ...; or ``pt`` with x and y, as the old LabelMe has it).
Coordinates are taken as they are; VOC's own begin at 1, those of most tools at 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.workloads.ocr.annotations.reading import (
    DONT_CARE,
    Item,
    Unreadable,
    add_word,
    drop,
    read_each,
    read_xml,
)
from workbench.workloads.ocr.annotations.xml_values import as_number, as_pixels, box_points, numbers_of, turned
from workbench.workloads.ocr.pages.page import AnnotatedPage

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_ROTATED = ("cx", "cy", "w", "h", "angle")
_HEADS = ("filename", "path", "size", "object")


def recognizes(root: Element) -> bool:
    """Whether an XML file is of this format."""
    return root.tag == "annotation" and any(root.find(name) is not None for name in _HEADS)


def read(paths: Iterable[Path]) -> Iterator[Item]:
    """Read annotation files of this format; where the image's name there is wrong, the file's own is taken."""
    return read_each(paths, _read_file)


def _read_file(path: Path) -> Iterator[Item]:
    root = read_xml(path)
    if not recognizes(root):
        raise Unreadable("is not '<annotation>' with a 'filename', 'size' or 'object'")
    names = ((root.findtext(tag) or "").strip() for tag in ("filename", "path"))
    image = next(filter(None, names), path.stem)
    size = as_pixels(root.findtext("size/width")), as_pixels(root.findtext("size/height"))
    page = AnnotatedPage(image, [], str(path), *size, beside=path.parent, or_image=path.stem)
    for entry in root.findall("object"):
        _read_object(page, entry)
    yield page


def _read_object(page: AnnotatedPage, entry: Element) -> None:
    if _is_on(entry, "deleted"):
        drop(page, "a mark that it is deleted")
        return
    points = _points(page, entry)
    if points is None:
        return
    text = (entry.findtext("name") or "").strip()
    add_word(page, points, text=text, ignore=text == DONT_CARE or _is_on(entry, "difficult"))


def _points(page: AnnotatedPage, entry: Element) -> list[float] | None:
    """The corners in a row; None, and the word is counted as dropped, where there are none."""
    if (rotated := entry.find("robndbox")) is not None:
        numbers = numbers_of(page, [rotated.findtext(name) for name in _ROTATED])
        if numbers is None:
            return None
        x, y, width, height, angle = numbers
        return turned(box_points(x - width / 2, y - height / 2, x + width / 2, y + height / 2), angle)
    if (polygon := entry.find("polygon")) is not None:
        return numbers_of(page, _corners_of(polygon))
    if (box := entry.find("bndbox")) is not None:
        numbers = numbers_of(page, [box.findtext(name) for name in _CORNERS])
        return None if numbers is None else box_points(*numbers)
    drop(page, "no box")
    return None


def _corners_of(polygon: Element) -> list[str | None]:
    if points := polygon.findall("pt"):
        return [point.findtext(name) for point in points for name in "xy"]
    # By their numbers: tools write them in any order, and a missing one must not shift the others.
    count = sum(1 for child in polygon if child.tag[:1] in ("x", "y") and child.tag[1:].isdecimal())
    return [polygon.findtext(f"{name}{number}") for number in range(1, (count + 1) // 2 + 1) for name in "xy"]


def _is_on(entry: Element, name: str) -> bool:
    text = (entry.findtext(name) or "").strip().lower()
    return text == "true" or bool(as_number(text))
