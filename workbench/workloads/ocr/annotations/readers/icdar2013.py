"""ICDAR2013: one text file an image, ``left top right bottom "TEXT"`` a line, separated by blanks or commas.

The official test set has no don't-care; copies of it have ``###``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from workbench.errors import Problem
from workbench.workloads.ocr.annotations.readers.icdar2015 import NUMBER, unquoted
from workbench.workloads.ocr.annotations.reading import DONT_CARE, Item, add_word, read_each, read_lines, rectangle
from workbench.workloads.ocr.pages.page import AnnotatedPage

_LINE = re.compile(r"[,\s]".join([NUMBER] * 4) + r',?\s*(".*")\s*$', re.IGNORECASE)


def recognizes(line: str) -> bool:
    """Whether a line of a text file is of this format."""
    return _LINE.match(line) is not None


def read(paths: Iterable[Path]) -> Iterator[Item]:
    """Read annotation files of this format; the image of a file is named like it, without ``gt_``."""
    return read_each(paths, _read_file)


def _read_file(path: Path) -> Iterator[Item]:
    page = AnnotatedPage(path.stem, [], str(path), beside=path.parent)
    for number, line in read_lines(path):
        match = _LINE.match(line)
        if match is None:
            yield Problem("""is not 'left top right bottom "TEXT"'""", f"{path}, line {number}")
            continue
        text = unquoted(match[5])
        add_word(page, rectangle(*match.groups()[:4]), text=text, ignore=text == DONT_CARE)
    yield page
