"""ICDAR2013: one text file an image, ``left top right bottom "TEXT"`` a line, separated by blanks or commas."""

from __future__ import annotations

import re
from pathlib import Path

from workbench.data.annotations.icdar2015 import NUMBER, unquoted
from workbench.data.annotations.reading import Reading, add_word, read_lines, rectangle, unreadable
from workbench.data.page import AnnotatedPage
from workbench.errors import Problem

_LINE = re.compile(r"[,\s]".join([NUMBER] * 4) + r',?\s*(".*")\s*$', re.IGNORECASE)
_IGNORED = "###"


def recognizes(line: str) -> bool:
    """Whether a line of a text file is of this format."""
    return _LINE.match(line) is not None


def read(paths: list[Path]) -> Reading:
    """Read annotation files of this format; the image of a file is named like it, without ``gt_``."""
    reading = Reading()
    for path in paths:
        try:
            lines = read_lines(path)
        except (OSError, UnicodeDecodeError) as error:
            reading.problems.append(unreadable(path, error))
            continue
        page = AnnotatedPage(path.stem, [], str(path), beside=path.parent)
        for number, line in lines:
            match = _LINE.match(line)
            if match is None:
                problem = Problem("""is not 'left top right bottom "TEXT"'""", f"{path}, line {number}")
                reading.problems.append(problem)
                continue
            left, top, right, bottom = (float(value) for value in match.groups()[:4])
            text = unquoted(match[5])
            add_word(page, rectangle(left, top, right, bottom), text=text, ignore=text == _IGNORED)
        reading.pages.append(page)
    return reading
