"""SynthText: one MATLAB file, with a cell an image in each of ``imnames``, ``wordBB`` and ``txt``.

``wordBB`` is 2 x 4 x n: x and y of four corners of n words, 2 x 4 of a single one. ``txt`` has lines of text, whose
words, split at whitespace, belong to the boxes in their order. Boxes reach outside the image, and a few lie there
(ankush-me/SynthText#151): they are kept. There is no don't-care.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from workbench.errors import Problem
from workbench.workloads.ocr.annotations.matlab import Value, read_tables, table_names
from workbench.workloads.ocr.annotations.reading import Item, Note, Unreadable, add_word, read_each
from workbench.workloads.ocr.pages.page import AnnotatedPage

_NAMES, _BOXES, _TEXTS = "imnames", "wordBB", "txt"


def recognizes(path: Path) -> bool:
    """Whether a MATLAB file is of this format.

    Raises:
        Unreadable: Where it is of a version that isn't read.
    """
    return {_NAMES, _BOXES} <= table_names(path)


def read(paths: Iterable[Path]) -> Iterator[Item]:
    """Read annotation files of this format."""
    return read_each(paths, _read_file)


def _read_file(path: Path) -> Iterator[Item]:
    tables = read_tables(path, (_NAMES, _BOXES, _TEXTS))
    missing = [name for name in (_NAMES, _BOXES) if name not in tables]
    if missing:
        raise Unreadable(f"there is no table of cells {' or '.join(missing)}")
    counts = {name: table.count for name, table in tables.items()}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise Unreadable(f"its tables have different numbers of cells ({listed})")
    texts: Iterable[Value] = tables.get(_TEXTS) or [None] * counts[_NAMES]
    said = False
    for number, (name, boxes, text) in enumerate(zip(tables[_NAMES], tables[_BOXES], texts, strict=True)):
        where = f"{path}, image {number}"
        image = " ".join(_strings(name)).strip()
        if not image:
            yield Problem(f"there is no name in '{_NAMES}'", where)
            continue
        where = f"{where} ('{image}')"
        corners = _corners(boxes)
        if corners is None:
            yield Problem(f"its '{_BOXES}' are no 2 x 4 numbers a word", where)
            continue
        page = AnnotatedPage(image, [], where, beside=path.parent)
        words = " ".join(_strings(text)).split()
        if len(words) != len(corners):
            if text is not None and not said:
                said = True
                example = f"'{image}', {len(words)} for {len(corners)}"
                yield Note(f"pages with other numbers of texts than of boxes are without texts (the first: {example})")
            words = [""] * len(corners)
        for outline, word in zip(corners, words, strict=True):
            add_word(page, outline, text=word)
        yield page


def _corners(boxes: Value) -> list[Any] | None:
    """Of each word the points, pairs in a list; None for what are no boxes."""
    if boxes is None:
        return []
    if isinstance(boxes, list) or boxes.ndim not in (2, 3) or boxes.shape[:2] != (2, 4):
        return None
    points: list[Any] = np.moveaxis(boxes.reshape(2, 4, -1), (0, 1, 2), (2, 1, 0)).tolist()
    return points


def _strings(value: Value) -> list[str]:
    """The texts in a cell, of cells in it too."""
    if not isinstance(value, list):
        return []
    return [text for part in value for text in ([part] if isinstance(part, str) else _strings(part))]
