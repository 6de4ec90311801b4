"""YOLO: one text file an image, ``class cx cy w h`` a line, or ``class x1 y1 x2 y2 x3 y3 ...``, as shares of its sides.

By how many numbers follow the class: 4 are a box, 5 a box and its confidence, 6 and more a polygon (8: a turned box),
and an odd number of those a polygon and its confidence. The image is named like the file; an empty file is a page
without words. All classes are words, and there is no don't-care. Shares are of the upright image.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from workbench.errors import Problem
from workbench.workloads.ocr.annotations.reading import Item, Note, Unreadable, add_word, read_each, read_lines
from workbench.workloads.ocr.annotations.xml_values import box_points
from workbench.workloads.ocr.pages.page import AnnotatedPage

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
LINE = re.compile(rf"\s*(\d+)(?:\.0*)?((?:\s+{_NUMBER}){{4,}})\s*")
#: Annotators overshoot, and augmentation moves boxes over the edge: so far beyond 0..1 a number is still a share.
_BEYOND = 0.25
_NAMES_FILE = "classes.txt"
_SHOWN_CLASSES = 5


def recognizes(line: str) -> bool:
    """Whether a line of a text file is of this format: shares, and not integers throughout."""
    match = LINE.fullmatch(line)
    return match is not None and "." in match[2] and all(map(_is_share, map(float, match[2].split())))


def read(paths: Iterable[Path]) -> Iterator[Item]:
    """Read annotation files of this format."""
    paths = [path for path in paths if path.name != _NAMES_FILE]
    yield from _notes(paths)
    yield from read_each(paths, _read_file)


def _read_file(path: Path) -> Iterator[Item]:
    page = AnnotatedPage(path.stem, [], str(path), beside=path.parent, unit="share")
    for number, line in read_lines(path):
        match = LINE.fullmatch(line)
        where = f"{path}, line {number}"
        if match is None:
            yield Problem("is not 'class cx cy w h' or 'class x1 y1 x2 y2 x3 y3 ...'", where)
            continue
        values = [float(value) for value in match[2].split()]
        if not all(map(_is_share, values)):
            remedy = "Divide x by the image's width and y by its height"
            yield Problem("holds numbers that are no shares (0..1) of the image's sides, as of pixels", where, remedy)
            continue
        add_word(page, _points(values))
    yield page


def _is_share(value: float) -> bool:
    return -_BEYOND <= value <= 1 + _BEYOND


def _points(values: Sequence[float]) -> list[float]:
    """The corners in a row, without a confidence."""
    if len(values) >= 6:
        return list(values[: len(values) // 2 * 2])
    x, y, width, height = values[:4]
    return box_points(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _notes(paths: Sequence[Path]) -> Iterator[Note]:
    """What holds for all files together: which classes there are, and whether they are detections."""
    classes: set[int] = set()
    with_confidence = 0
    for path in paths:
        try:
            matches = [match for _, line in read_lines(path) if (match := LINE.fullmatch(line))]
        except Unreadable:  # named when it is its turn to be read
            continue
        classes |= {int(match[1]) for match in matches}
        with_confidence += sum(len(match[2].split()) % 2 for match in matches)
    if len(classes) > 1:
        names = _names(paths[0].parent)
        told = [f"{number} '{names[number]}'" if number < len(names) else str(number) for number in sorted(classes)]
        more = f", and {len(told) - _SHOWN_CLASSES} more" if len(told) > _SHOWN_CLASSES else ""
        yield Note(f"YOLO: all {len(told)} classes are taken for words ({', '.join(told[:_SHOWN_CLASSES])}{more})")
    if with_confidence:
        are = "line has" if with_confidence == 1 else "lines have"
        yield Note(
            f"YOLO: {with_confidence} {are} an odd number after the class, as detections with a confidence have: "
            "the last is left out"
        )


def _names(folder: Path) -> list[str]:
    """The names of classes that lie beside the files or their folder; none where there is no such file."""
    for place in (folder, folder.parent):
        try:
            return [line.strip() for _, line in read_lines(place / _NAMES_FILE)]
        except Unreadable:
            continue
    return []
