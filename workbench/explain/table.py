"""A table as a value: what its columns and cells say. How it looks is for whoever prints it or puts it into a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

#: What a cell means, beyond its text: it is coloured accordingly.
Tone = Literal["plain", "good", "bad", "undecided", "soft", "alarm"]

#: How its text is set: `code` as code, `sentence` with what stands between backticks as code.
Style = Literal["plain", "strong", "code", "sentence"]


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: Plain text, whatever it looks like.
        tone: What it means.
        style: How it is set.
        is_number: Whether it is a figure, which is not broken over lines.
        below: Further lines, smaller.
    """

    text: str = ""
    tone: Tone = "plain"
    style: Style = "plain"
    is_number: bool = False
    below: tuple[Cell, ...] = ()

    @property
    def plain_text(self) -> str:
        """All of it on one line."""
        return " ".join(filter(None, (self.text, *(line.plain_text for line in self.below))))


@dataclass(frozen=True)
class Table:
    """A table whose first column names its rows.

    Attributes:
        columns: Their names, with units; none for a table of names and values.
        rows: Each has a cell for every column.
        caption: What the table shows, as a sentence.
        notes: What a reader must know as well, as sentences below it. A table without rows is only these.
        commands: What can be typed because of it, a line each.
        groups: Names of neighbouring columns taken together, each with how many they are; empty for none.
        is_wide: Whether a narrow screen has no room for its columns.
    """

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    caption: str = ""
    notes: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    groups: tuple[tuple[str, int], ...] = ()
    is_wide: bool = False

    def __post_init__(self) -> None:
        """Refuse rows that don't fit.

        Raises:
            ValueError: For a row with more or fewer cells than there are columns.
        """
        width = len(self.columns) or len(next(iter(self.rows), ()))
        wrong = [number for number, row in enumerate(self.rows) if len(row) != width]
        if wrong:
            raise ValueError(f"row {wrong[0]} of the table '{self.caption}' does not have {width} cells")
        if self.groups and sum(count for _, count in self.groups) != width:
            raise ValueError(f"the groups of the table '{self.caption}' do not cover its {width} columns")

    @property
    def texts(self) -> list[tuple[str, ...]]:
        """Its cells as plain text, row by row."""
        return [tuple(cell.plain_text for cell in row) for row in self.rows]


def make_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Cell | str]],
    *,
    caption: str = "",
    notes: Sequence[str] = (),
    commands: Sequence[str] = (),
    groups: Sequence[tuple[str, int]] = (),
    is_wide: bool = False,
) -> Table:
    """A table of cells and plain texts (see `Table` for the arguments).

    Raises:
        ValueError: For a row with more or fewer cells than there are columns.
    """
    cells = tuple(tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in row) for row in rows)
    return Table(tuple(columns), cells, caption, tuple(notes), tuple(commands), tuple(groups), is_wide)


def note_table(sentence: str) -> Table:
    """What stands in place of a table that would have no rows: the reason."""
    return Table(notes=(sentence,))


def number(text: str, below: str = "") -> Cell:
    """A figure, with a smaller line below it where there is one."""
    return Cell(text, is_number=True, below=(Cell(below),) if below else ())


def sentence(text: str) -> Cell:
    """A sentence in which settings stand between backticks."""
    return Cell(text, style="sentence")


def code(text: str) -> Cell:
    """A setting, a path or a command."""
    return Cell(text, style="code")
