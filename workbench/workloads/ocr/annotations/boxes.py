"""Boxes as annotations have them: by two corners, or by a corner and a size."""

from __future__ import annotations

from typing import Any

from workbench.workloads.ocr.annotations.reading import rectangle


def box_between(box: Any) -> Any:
    """The corners, x, y, x, y, ..., of a box by two opposite ones ``x1, y1, x2, y2``, whichever comes first.

    Args:
        box: What should be four numbers. Anything else is given back as it is, for `add_word` to take or to drop.
    """
    if not _is_box(box):
        return box
    x1, y1, x2, y2 = box
    return rectangle(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))


def box_of_size(box: Any) -> Any:
    """The corners of a box ``x, y, width, height``; otherwise like `box_between`."""
    if not _is_box(box):
        return box
    x, y, width, height = box
    return box_between([x, y, x + width, y + height])


def _is_box(box: Any) -> bool:
    # True and False are no numbers here, though they are ints.
    return isinstance(box, list) and len(box) == 4 and all(type(value) in (int, float) for value in box)
