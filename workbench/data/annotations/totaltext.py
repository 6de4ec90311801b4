"""Total-Text: polygons of any size, one file an image, in three forms.

txt: ``x: [[...]], y: [[...]], ornt: [u'c'], transcriptions: [u'TEXT']`` (a record may span lines). mat: a table
``polygt`` (or ``gt``, from the T3 tool). flat: ``x1,y1,...,xn,yn,TEXT``. Don't-care: orientation or text ``#`` in txt and
mat, text ``###`` in flat.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from workbench.data.annotations.reading import Reading, add_word, read_lines, unreadable
from workbench.data.page import AnnotatedPage
from workbench.errors import Problem

_RECORD = re.compile(
    r"x:\s*\[\[(?P<x>[^\]]*)\]\],\s*y:\s*\[\[(?P<y>[^\]]*)\]\],\s*ornt:\s*\[(?P<ornt>[^\]]*)\]"
    r"(?:,\s*transcriptions:\s*\[(?P<text>.*)\])?\s*$",
    re.DOTALL,
)
_STRING = re.compile(r"""u?'((?:[^'\\]|\\.)*)'|u?"((?:[^"\\]|\\.)*)\"""")
_WHOLE = re.compile(r"\s*[-+]?\d+\s*$")
_TABLES = ("polygt", "gt")


def recognizes(line: str) -> bool:
    """Whether a line of a text file is of the txt form."""
    return line.lstrip().startswith("x: [[")


def recognizes_flat(line: str) -> bool:
    """Whether a line of a text file can be of the flat form."""
    return _leading_numbers(line.split(",")) >= 6


def recognizes_mat(path: Path) -> bool:
    """Whether a MATLAB file is of this format."""
    from scipy.io import whosmat

    try:
        return any(name in _TABLES for name, _, _ in whosmat(path))
    except (OSError, ValueError, TypeError, NotImplementedError):
        return False


def read(paths: list[Path]) -> Reading:
    """Read annotation files of this format; the image of a file is named like it, without ``gt_`` or ``poly_gt_``."""
    reading = Reading()
    for path in paths:
        page = AnnotatedPage(path.stem, [], str(path), beside=path.parent)
        try:
            if path.suffix == ".mat":
                _read_mat(page, path)
            else:
                _read_text(reading, page, path)
        except (OSError, ValueError, NotImplementedError) as error:
            reading.problems.append(unreadable(path, error))
            continue
        reading.pages.append(page)
    return reading


def _read_text(reading: Reading, page: AnnotatedPage, path: Path) -> None:
    lines = read_lines(path)
    if not lines or not recognizes(lines[0][1]):
        _read_flat(reading, page, path, lines)
        return
    records: list[tuple[int, str]] = []
    for number, line in lines:
        if recognizes(line):
            records.append((number, line))
        else:  # a record goes on
            records[-1] = (records[-1][0], f"{records[-1][1]} {line}")
    for number, record in records:
        match = _RECORD.search(record)
        if match is None:
            reading.problems.append(Problem("is not 'x: [[...]], y: [[...]], ornt: [...]'", f"{path}, line {number}"))
            continue
        x, y = match["x"].split(), match["y"].split()
        texts = [a or b for a, b in _STRING.findall(match["text"] or "")]
        orientation = "".join(a or b for a, b in _STRING.findall(match["ornt"]))
        _add(page, x, y, ",".join(texts) or "#", orientation)


def _read_flat(reading: Reading, page: AnnotatedPage, path: Path, lines: list[tuple[int, str]]) -> None:
    for number, line in lines:
        fields = line.split(",")
        # The text may be a number itself: the last field is never a coordinate.
        count = min(_leading_numbers(fields), len(fields) - 1) // 2 * 2
        if count < 2:
            reading.problems.append(Problem("is not 'x1,y1,...,xn,yn,TEXT'", f"{path}, line {number}"))
            continue
        text = ",".join(fields[count:])
        add_word(page, fields[:count], text=text, ignore=text == "###")


def _read_mat(page: AnnotatedPage, path: Path) -> None:
    from scipy.io import loadmat

    try:
        content = loadmat(path)
    except (TypeError, KeyError) as error:
        raise ValueError(f"cannot be read as a MATLAB file ({error})") from None
    table = next((content[name] for name in _TABLES if name in content), None)
    if table is None:
        raise ValueError(f"there is no table {' or '.join(_TABLES)}")
    for row in table:
        x, y, text, orientation = row[1], row[3], row[4], row[5] if len(row) > 5 else ""
        _add(page, np.ravel(x).tolist(), np.ravel(y).tolist(), _string(text) or "#", _string(orientation))


def _add(page: AnnotatedPage, x: list[Any], y: list[Any], text: str, orientation: str) -> None:
    points = [value for pair in zip(x, y, strict=False) for value in pair] if len(x) == len(y) else [0]
    add_word(page, points, text=text, ignore="#" in (text, orientation))


def _string(cell: Any) -> str:
    values = np.ravel(cell)
    return str(values[0]) if len(values) else ""


def _leading_numbers(fields: list[str]) -> int:
    for count, field in enumerate(fields):
        if not _WHOLE.match(field):
            return count
    return len(fields)
