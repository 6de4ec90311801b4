"""Street View Text and ICDAR2003: one XML file, ``<tagset><image><imageName/><taggedRectangles/></image></tagset>``.

A rectangle is ``x, y, width, height`` and has its text in ``<tag>``. There is no don't-care.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import Problem
from workbench.workloads.ocr.annotations.reading import Item, Unreadable, add_word, drop, read_each, read_xml
from workbench.workloads.ocr.annotations.xml_values import as_number, as_pixels, box_points, numbers_of
from workbench.workloads.ocr.pages.page import AnnotatedPage

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def recognizes(root: Element) -> bool:
    """Whether an XML file is of this format."""
    return root.tag == "tagset" and root.find("image/imageName") is not None


def read(paths: Iterable[Path]) -> Iterator[Item]:
    """Read annotation files of this format."""
    return read_each(paths, _read_file)


def _read_file(path: Path) -> Iterator[Item]:
    root = read_xml(path)
    if not recognizes(root):
        raise Unreadable("is not '<tagset>' with an 'image' that has an 'imageName'")
    for number, entry in enumerate(root.findall("image")):
        name = (entry.findtext("imageName") or "").strip()
        if not name:
            yield Problem("there is no 'imageName'", f"{path}, image[{number}]")
            continue
        found = entry.find("Resolution")
        if found is None:
            found = entry.find("resolution")
        size = (None, None) if found is None else (as_pixels(found.get("x")), as_pixels(found.get("y")))
        page = AnnotatedPage(name, [], f"{path}, image[{number}] ('{name}')", *size, beside=path.parent)
        for shape in entry.iter("taggedRectangle"):
            _read_rectangle(page, shape)
        yield page


def _read_rectangle(page: AnnotatedPage, shape: Element) -> None:
    if as_number(shape.get("rotation", "0")) != 0:  # about which point, no description says
        drop(page, "a rotation")
        return
    numbers = numbers_of(page, [shape.get(name) for name in ("x", "y", "width", "height")])
    if numbers is None:
        return
    x, y, width, height = numbers
    add_word(page, box_points(x, y, x + width, y + height), text=(shape.findtext("tag") or "").strip())
