"""PAGE XML of any year: one file a page, ``<PcGts><Page imageFilename><TextRegion><TextLine><Word><Coords/>``.

Points are ``points="x,y x,y"``, in old files ``<Point x= y=/>``. Where a file has no words, its lines are taken. Of
several texts of a word the one with the lowest index counts, which is the best. There is no don't-care.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.workloads.ocr.annotations.reading import (
    Item,
    Note,
    Unreadable,
    add_word,
    drop,
    read_each,
    read_xml,
)
from workbench.workloads.ocr.annotations.xml_values import as_number, as_pixels, numbers_of
from workbench.workloads.ocr.pages.page import AnnotatedPage

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_LINES_TAKEN = "PAGE XML: where a file has no words, its lines are taken for words"


def recognizes(root: Element) -> bool:
    """Whether an XML file is of this format."""
    return root.tag == "PcGts"


def read(paths: Iterable[Path]) -> Iterator[Item]:
    """Read annotation files of this format; where the image's name there is wrong, the file's own is taken."""
    return read_each(paths, _read_file)


def _read_file(path: Path) -> Iterator[Item]:
    root = read_xml(path)
    if not recognizes(root):
        raise Unreadable("is not '<PcGts>'")
    entries = root.findall("Page")
    if len(entries) != 1:
        raise Unreadable(f"there are {len(entries)} elements 'Page', and not one")
    entry = entries[0]
    size = as_pixels(entry.get("imageWidth")), as_pixels(entry.get("imageHeight"))
    image = entry.get("imageFilename", "").strip() or path.stem
    page = AnnotatedPage(image, [], str(path), *size, beside=path.parent, or_image=path.stem)
    words, lines = list(entry.iter("Word")), list(entry.iter("TextLine"))
    if lines and not words:
        yield Note(_LINES_TAKEN)
    for each in words or lines:
        if (points := _points(page, each)) is not None:
            add_word(page, points, text=_text(each))
    if words:
        for line in lines:
            if line.find("Word") is None:
                drop(page, "a line without words, where others have them")
    elif not lines:
        for _ in entry.iter("TextRegion"):
            drop(page, "a region without lines")
    yield page


def _points(page: AnnotatedPage, each: Element) -> list[float] | None:
    """The corners in a row; None, and the word is counted as dropped, where there are none."""
    coords = each.find("Coords")
    if coords is None:
        drop(page, "no Coords")
        return None
    if "points" not in coords.attrib:
        return numbers_of(page, [point.get(name) for point in coords.findall("Point") for name in "xy"])
    pairs = [pair.split(",") for pair in coords.attrib["points"].split()]
    if any(len(pair) != 2 for pair in pairs):
        drop(page, "points that are no pairs of numbers")
        return None
    return numbers_of(page, [value for pair in pairs for value in pair])


def _text(each: Element) -> str:
    texts = each.findall("TextEquiv")
    # One without an index stands before those that have one: it is the only one, or the first.
    best = min(texts, key=lambda text: as_number(text.get("index")) or 0.0, default=None)
    if best is None:
        return ""
    return best.findtext("Unicode") or best.findtext("PlainText") or ""
