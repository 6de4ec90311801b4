"""ALTO 1 to 4: one XML file a page, ``<alto><Layout><Page>...<String HPOS VPOS WIDTH HEIGHT CONTENT/>``.

Where the unit is no pixel (mm10, inch1200), positions are shares of the page's own width and height. A polygon inside a
string is taken before its box. The text is what stands there (CONTENT): a part of a word that is hyphenated. Blanks and
hyphens have boxes of their own and are no words. There is no don't-care.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.workloads.ocr.annotations.reading import Item, Unreadable, add_word, drop, read_each, read_xml
from workbench.workloads.ocr.annotations.xml_values import as_number, as_pixels, box_points, numbers_of
from workbench.workloads.ocr.pages.page import AnnotatedPage

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_UNITS = ("pixel", "mm10", "inch1200")


def recognizes(root: Element) -> bool:
    """Whether an XML file is of this format."""
    return root.tag.lower() == "alto"


def read(paths: Iterable[Path]) -> Iterator[Item]:
    """Read annotation files of this format; where the image's name there is wrong, the file's own is taken."""
    return read_each(paths, _read_file)


def _read_file(path: Path) -> Iterator[Item]:
    root = read_xml(path)
    if not recognizes(root):
        raise Unreadable("is not '<alto>'")
    entries = list(root.iter("Page"))
    if len(entries) != 1:
        remedy = "Write a file for each page" if entries else ""
        raise Unreadable(f"there are {len(entries)} elements 'Page', and not one", remedy=remedy)
    entry = entries[0]
    unit = (root.findtext("Description/MeasurementUnit") or "pixel").strip().lower()
    if unit not in _UNITS:
        raise Unreadable(f"its MeasurementUnit is '{unit}', and none of {', '.join(_UNITS)}")
    image = (root.findtext("Description/sourceImageInformation/fileName") or "").strip() or path.stem
    page = AnnotatedPage(image, [], str(path), beside=path.parent, or_image=path.stem)
    sides = [1.0, 1.0]
    if unit == "pixel":
        page.width, page.height = as_pixels(entry.get("WIDTH")), as_pixels(entry.get("HEIGHT"))
    else:
        sides = _sides(entry, unit)
        page.unit = "share"
    for each in entry.iter("String"):
        if (points := _points(page, each)) is not None:
            shares = [value / sides[number % 2] for number, value in enumerate(points)]
            add_word(page, shares, text=each.get("CONTENT"))
    for line in entry.iter("TextLine"):
        if line.find("String") is None:
            drop(page, "a line without strings")
    yield page


def _sides(entry: Element, unit: str) -> list[float]:
    sides = [as_number(entry.get(name)) for name in ("WIDTH", "HEIGHT")]
    known = [side for side in sides if side is not None and side > 0]
    if len(known) != 2:
        raise Unreadable(f"its MeasurementUnit is '{unit}', and its 'Page' has no WIDTH and HEIGHT to compare with")
    return known


def _points(page: AnnotatedPage, each: Element) -> list[float] | None:
    polygon = each.find("Shape/Polygon")
    if polygon is not None:
        return numbers_of(page, _split(polygon.get("POINTS", "")))
    numbers = numbers_of(page, [each.get(name) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT")])
    if numbers is None:
        return None
    left, top, width, height = numbers
    return box_points(left, top, left + width, top + height)


def _split(points: str) -> Sequence[str]:
    """The numbers of ``"x,y x,y"``, or of ``"x y x y"``, as the oldest files have it."""
    return [part for part in re.split(r"[\s,]+", points) if part]
