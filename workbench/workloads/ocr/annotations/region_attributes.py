"""Regions whose attributes an annotator has named freely: which one is the text, all of a file decide together."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.workloads.ocr.annotations.reading import DONT_CARE, Note, add_word, as_number, drop, rectangle
from workbench.workloads.ocr.pages.page import AnnotatedPage

#: What an attribute is called that holds texts, without regard to capitals; the plainest first.
_TEXT_NAMES = ("transcription", "transcript", "text", "ocr_text", "ocr", "word", "content", "value")
#: Points for `add_word` to drop.
NO_POINTS: list[Any] = [None]


@dataclass(frozen=True)
class Region:
    """A region as it was drawn.

    Attributes:
        page: The page that it is on.
        kind: What was drawn ("polygon", "circle").
        points: Its corners, x, y, x, y, ...; None for a kind that is no word.
        attributes: Its attributes by name.
    """

    page: AnnotatedPage
    kind: str
    points: list[Any] | None
    attributes: dict[str, Any]


def box(numbers: Sequence[Any]) -> list[Any]:
    """The corners of a box by what should be its x, y, width and height; a side may run backwards."""
    x, y, width, height = (as_number(value) for value in numbers)
    if x is None or y is None or width is None or height is None:
        return NO_POINTS
    return rectangle(min(x, x + width), min(y, y + height), max(x, x + width), max(y, y + height))


def add_regions(regions: Sequence[Region], declared: Collection[str], classes: Collection[str]) -> Iterator[Note]:
    """Add regions to their pages, or count them as dropped.

    Args:
        regions: The regions.
        declared: The names of attributes that the file declares.
        classes: Those of them whose values are chosen from a list: no texts, if they aren't called so.

    Yields:
        How the text was chosen, where it could be otherwise.
    """
    names = list(dict.fromkeys([*declared, *(name for region in regions for name in region.attributes)]))
    name, reason = _text_attribute(names, classes)
    if reason:
        yield Note(reason)
    for region in regions:
        if region.points is None:
            drop(region.page, f"shape of type {region.kind}")
            continue
        text = _text(region.attributes.get(name)) if name is not None else ""
        add_word(region.page, region.points, text=text, ignore=text == DONT_CARE)


def _text_attribute(names: list[str], classes: Collection[str]) -> tuple[str | None, str]:
    """The name of the attribute that holds texts, and why, where that has to be said."""
    called_so = sorted(
        (name for name in names if name.strip().lower() in _TEXT_NAMES),
        key=lambda name: _TEXT_NAMES.index(name.strip().lower()),
    )
    free = [name for name in names if name not in classes]
    if called_so:
        others = ", ".join(called_so[1:])
        return called_so[0], f"the attribute '{called_so[0]}' is taken for the text (not {others})" if others else ""
    if len(free) == 1:
        return free[0], f"the attribute '{free[0]}' is taken for the text: there is no other that could be"
    what = f"none of the attributes {', '.join(names)} is called text" if names else ""
    return None, f"{what}: words have no texts, and none is don't-care" if what else ""


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
