"""How a table fits into the width of a screen: which columns are how wide, and rows as lines where none fit."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from workbench.explain.table import Cell, Table
from workbench.units import unbroken
from workbench.visible import visible

#: What separates two columns, with the borders: `` | ``.
_BETWEEN = 3

#: Where a figure ends and its interval begins.
_INTERVAL = re.compile(r" (?=\[)")

#: Of rows as lines: what the second line begins with, and what is between two cells on it.
_INDENT, _JOINT = "  ", " | "

#: A column of words gets this much at least, or the rows become lines.
_LEAST_WORDS = 12


def headers(table: Table) -> list[str]:
    """The names of the columns; those of a group begin with the group's."""
    groups = [name for name, count in table.groups for _ in range(count)] or [""] * len(table.columns)
    return [visible(f"{group}, {name}" if group else name) for group, name in zip(groups, table.columns, strict=True)]


def lines_of(cell: Cell, *, is_narrow: bool = False) -> list[tuple[Cell, str]]:
    """The lines of a cell, each with the part that it shows: a figure with its note on one, anything else one by one.

    Args:
        cell: The cell.
        is_narrow: Whether a figure's note and its interval get lines of their own too.
    """
    parts = [(part, words(part)) for part in (cell, *cell.below)]
    if not cell.is_number:
        return [(part, text) for part, text in parts if text or part is cell]
    if not is_narrow:
        return [(cell, " ".join(filter(None, (text for _, text in parts))))]
    return [(part, piece) for part, text in parts for piece in _INTERVAL.split(text) if piece or part is cell]


def words(cell: Cell) -> str:
    """The text of a cell, as a terminal shows it."""
    return visible(cell.text.replace("`", "") if cell.style == "sentence" else cell.text)


def column_widths(table: Table, width: int, *, is_narrow: bool = False) -> list[int] | None:
    """How wide each column is, so that a table is at most `width` wide and nothing is broken within a word or a figure.

    Args:
        table: The table.
        width: Of the screen, in characters.
        is_narrow: Whether the notes of figures get lines of their own.

    Returns:
        Characters by column; None where there is no room for all of them.
    """
    columns = list(zip(*table.rows, strict=True))
    names = headers(table) or [""] * len(columns)
    least, most = [], []
    for name, cells in zip(names, columns, strict=True):
        texts = [(text, cell.is_number) for cell in cells for _, text in lines_of(cell, is_narrow=is_narrow)]
        longest = max([len(name), *(len(text) for text, _ in texts)])
        unbroken = [*map(len, name.split()), *(len(text) for text, is_number in texts if is_number)]
        unbroken += [len(word) for text, is_number in texts if not is_number for word in text.split()]
        most.append(longest)
        least.append(max([min(longest, _LEAST_WORDS), *unbroken]))
    room = width - 1 - _BETWEEN * len(columns) - sum(least)
    if room < 0:
        return None
    return _shared_out(least, most, room)


def _shared_out(least: Sequence[int], most: Sequence[int], room: int) -> list[int]:
    """The least widths with the room added where it is needed, always to the column that lacks most."""
    widths = list(least)
    for _ in range(room):
        lacking = [wanted / own for wanted, own in zip(most, widths, strict=True)]
        widest = max(range(len(widths)), key=lacking.__getitem__)
        if widths[widest] >= most[widest]:
            break
        widths[widest] += 1
    return widths


def as_lines(table: Table, width: int) -> list[str]:
    """The rows as lines: the first cell, then the others under it, each with the name of its column."""
    lines: list[str] = []
    for row in table.rows:
        names = headers(table) or [""] * len(row)
        lines += _wrapped(" ".join(text for _, text in lines_of(row[0])), width, "")
        line = ""
        for name, cell in zip(names[1:], row[1:], strict=True):
            text = "; ".join(text for _, text in lines_of(cell) if text)
            if text in ("", "-"):
                continue
            entry = f"{name}: {text}" if name else text
            if line and len(_INDENT) + len(line) + len(_JOINT) + len(entry) > width:
                lines += _wrapped(line, width, _INDENT)
                line = ""
            line = f"{line}{_JOINT}{entry}" if line else entry
        lines += _wrapped(line, width, _INDENT) if line else []
    return lines


def wrap(sentence: str, width: int) -> list[str]:
    """A sentence in lines that are no wider than the screen; words that are too long for one stay whole."""
    return _wrapped(sentence, width, "")


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    lines = textwrap.wrap(
        unbroken(text),
        width,
        initial_indent=indent,
        subsequent_indent=f"{indent}  " if indent else "",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace("\xa0", " ") for line in lines] or [indent]
