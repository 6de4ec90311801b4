"""CVAT for images 1.1: one XML file, ``<annotations><image name width height><box/><polygon/></image></annotations>``.

A box may be turned (degrees, clockwise about its middle). The text is an attribute of the shape that is called "text",
"transcription" or alike, for the label is a class; ``###`` is don't-care. Points, lines, masks and the like are no
words. Of CVAT for video (tracks) nothing is read.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import Problem
from workbench.workloads.ocr.annotations.reading import (
    DONT_CARE,
    Item,
    Unreadable,
    add_word,
    drop,
    read_each,
    read_xml,
)
from workbench.workloads.ocr.annotations.xml_values import as_pixels, box_points, numbers_of, turned
from workbench.workloads.ocr.pages.page import AnnotatedPage

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_CORNERS = ("xtl", "ytl", "xbr", "ybr")
_TEXT_ATTRIBUTES = ("text", "transcription", "transcript", "ocr", "word", "content")


def recognizes(root: Element) -> bool:
    """Whether an XML file is of this format, or of CVAT's for video."""
    return root.tag == "annotations" and any(root.find(name) is not None for name in ("image", "track", "meta/task"))


def read(paths: Iterable[Path]) -> Iterator[Item]:
    """Read annotation files of this format."""
    return read_each(paths, _read_file)


def _read_file(path: Path) -> Iterator[Item]:
    root = read_xml(path)
    if root.find("track") is not None:
        remedy = 'Export it from CVAT as "CVAT for images 1.1"'
        raise Unreadable("holds tracks of a video (CVAT for video), which are not read", remedy=remedy)
    if not recognizes(root):
        raise Unreadable("is not '<annotations>' with an 'image'")
    for number, entry in enumerate(root.findall("image")):
        name = entry.get("name", "").strip()
        if not name:
            yield Problem("there is no 'name'", f"{path}, image[{number}]")
            continue
        size = as_pixels(entry.get("width")), as_pixels(entry.get("height"))
        page = AnnotatedPage(name, [], f"{path}, image[{number}] ('{name}')", *size, beside=path.parent)
        for shape in entry:
            _read_shape(page, shape)
        yield page


def _read_shape(page: AnnotatedPage, shape: Element) -> None:
    if shape.tag == "tag":  # of the image, and no shape
        return
    if shape.tag not in ("box", "polygon"):
        drop(page, f"shape of type {shape.tag}")
        return
    points = _box(page, shape) if shape.tag == "box" else _polygon(page, shape)
    if points is None:
        return
    text = _text(shape)
    add_word(page, points, text=text, ignore=text == DONT_CARE)


def _box(page: AnnotatedPage, shape: Element) -> list[float] | None:
    numbers = numbers_of(page, [*(shape.get(name) for name in _CORNERS), shape.get("rotation", "0")])
    if numbers is None:
        return None
    points = box_points(*numbers[:4])
    return turned(points, math.radians(numbers[4])) if numbers[4] else points


def _polygon(page: AnnotatedPage, shape: Element) -> list[float] | None:
    pairs = [pair.split(",") for pair in shape.get("points", "").split(";") if pair.strip()]
    if any(len(pair) != 2 for pair in pairs):
        drop(page, "points that are no pairs of numbers")
        return None
    return numbers_of(page, [value for pair in pairs for value in pair])


def _text(shape: Element) -> str:
    attributes = {(each.get("name") or "").strip().lower(): each.text or "" for each in shape.findall("attribute")}
    return next((attributes[name].strip() for name in _TEXT_ATTRIBUTES if name in attributes), "")
