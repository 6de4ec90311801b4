"""Total-Text: polygons of any size, one file an image, in three forms.

txt: ``x: [[...]], y: [[...]], ornt: [u'c'], transcriptions: [u'TEXT']`` (a record may span lines). mat: a table
``polygt`` (or ``gt``, from the T3 tool). flat: ``x1,y1,...,xn,yn,TEXT``, see `flat_polygons`. Don't-care: orientation
or text ``#``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from workbench.errors import Problem
from workbench.workloads.ocr.annotations.matlab import Value, read_tables, table_names
from workbench.workloads.ocr.annotations.readers import flat_polygons
from workbench.workloads.ocr.annotations.reading import Item, Unreadable, add_word, drop, read_each, read_lines
from workbench.workloads.ocr.pages.page import AnnotatedPage

_RECORD = re.compile(
    r"\s*x:\s*\[\[(?P<x>[^\]]*)\]\],\s*y:\s*\[\[(?P<y>[^\]]*)\]\],\s*ornt:\s*\[(?P<ornt>[^\]]*)\]"
    r"(?:,\s*transcriptions:\s*\[(?P<text>.*)\])?\s*$",
    re.DOTALL,
)
_BEGIN = re.compile(r"\s*x:\s*\[\[")
_STRING = re.compile(r"""u?'((?:[^'\\]|\\.)*)'|u?"((?:[^"\\]|\\.)*)\"""")
_TABLES = ("polygt", "gt")
_COLUMNS = 5
_NO_TEXT = "#"
#: A few orientations are a comma by mistake; MMOCR's reader takes them for don't-care.
_IGNORED_ORIENTATIONS = ("#", ",")


def recognizes(line: str) -> bool:
    """Whether a line of a text file is of the txt form."""
    return _BEGIN.match(line) is not None


def recognizes_mat(path: Path) -> bool:
    """Whether a MATLAB file is of this format.

    Raises:
        Unreadable: Where it is of a version that isn't read.
    """
    return not table_names(path).isdisjoint(_TABLES)


def read(paths: Iterable[Path]) -> Iterator[Item]:
    """Read annotation files of this format; the image of a file is named like it, without ``gt_`` or ``poly_gt_``."""
    paths = list(paths)
    return read_each(paths, partial(_read_file, flat=flat_polygons.Grammar.of(paths)))


def _read_file(path: Path, *, flat: flat_polygons.Grammar) -> Iterator[Item]:
    page = AnnotatedPage(path.stem, [], str(path), beside=path.parent)
    if path.suffix.lower() == ".mat":
        _read_mat(page, path)
    else:
        lines = read_lines(path)
        is_txt = any(recognizes(line) for _, line in lines)
        yield from _read_records(page, lines) if is_txt else flat_polygons.read_lines_into(page, lines, flat)
    yield page


def _read_records(page: AnnotatedPage, lines: list[tuple[int, str]]) -> Iterator[Problem]:
    records: list[tuple[int, str]] = []
    for number, line in lines:
        if records and not recognizes(line):  # a record goes on
            records[-1] = (records[-1][0], f"{records[-1][1]} {line}")
        else:
            records.append((number, line))
    for number, record in records:
        match = _RECORD.match(record)
        if match is None:
            yield Problem("is not 'x: [[...]], y: [[...]], ornt: [...]'", f"{page.where}, line {number}")
            continue
        orientation = "".join(_strings(match["ornt"]))
        # Several strings are one text that had commas in it.
        _add(page, match["x"].split(), match["y"].split(), ",".join(_strings(match["text"] or "")), orientation)


def _read_mat(page: AnnotatedPage, path: Path) -> None:
    tables = read_tables(path, _TABLES)
    table = next((tables[name] for name in _TABLES if name in tables), None)
    if table is None:
        raise Unreadable(f"there is no table of cells {' or '.join(_TABLES)}")
    rows = table.dims[0]
    if len(table.dims) != 2 or (rows and table.dims[1] < _COLUMNS):
        raise Unreadable(f"its table has the shape {table.dims}, not one row a word with x, y, text and orientation")
    cells = list(table)
    for number in range(rows):
        _, x, _, y, text, *more = cells[number::rows]
        # The T3 tool writes columns where the official files have rows.
        _add(page, _numbers(x), _numbers(y), _cell(text), _cell(more[0]) if more else "")


def _add(page: AnnotatedPage, x: list[Any], y: list[Any], text: str, orientation: str) -> None:
    if len(x) != len(y):
        drop(page, "as many x as y are wanted")
        return
    text = text or _NO_TEXT
    ignore = text == _NO_TEXT or orientation in _IGNORED_ORIENTATIONS
    add_word(page, list(zip(x, y, strict=True)), text=text, ignore=ignore)


def _strings(text: str) -> list[str]:
    return [single or double for single, double in _STRING.findall(text)]


def _numbers(cell: Value) -> list[Any]:
    """The numbers of a cell; none where it holds others."""
    return cell.ravel().tolist() if isinstance(cell, np.ndarray) else []


def _cell(cell: Value) -> str:
    """The first text of a cell, or of a cell in it; empty where there is none."""
    while isinstance(cell, list) and cell:
        cell = cell[0]
    return cell if isinstance(cell, str) else ""
