"""What the commands write: tables and bars on a terminal, plain lines in a pipe."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

import rich.progress
import rich.table
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from workbench.explain.table import Cell, Table, Tone
from workbench.report.progress import Progress, counted_progress

#: Width of a table in a pipe, where nobody says how wide the reader's screen is.
_PIPE_WIDTH = 200


#: How a terminal shows what a cell means.
_TONES: dict[Tone, str] = {
    "plain": "", "good": "green", "bad": "yellow", "undecided": "cyan", "soft": "dim", "alarm": "bold red",
}  # fmt: skip


def print_table(table: Table) -> None:
    """Print a table to stdout, with its caption, its notes and its commands below it."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PIPE_WIDTH)
    if table.rows:
        look = box.SIMPLE_HEAD if console.is_terminal else box.ASCII2
        shown = rich.table.Table(*_headers(table), box=look, show_header=bool(table.columns))
        for row in table.rows:
            shown.add_row(*map(_cell, row))
        console.print(shown)
    for line in (table.caption if table.rows else "", *table.notes, *table.commands):
        if line:
            # Whole lines: what is to be copied must not be broken.
            console.print(Text(line), soft_wrap=True)


def _headers(table: Table) -> list[str]:
    """The names of the columns; those of a group begin with the group's."""
    groups = [name for name, count in table.groups for _ in range(count)] or [""] * len(table.columns)
    return [f"{group}, {name}" if group else name for group, name in zip(groups, table.columns, strict=True)]


def _cell(cell: Cell) -> Text:
    """A cell: a figure with its note on one line, anything else line by line."""
    text = Text(_words(cell), style=_TONES[cell.tone])
    for line in cell.below:
        text.append(" " if cell.is_number else "\n")
        text.append(_words(line), style=_TONES[line.tone])
    return text


def _words(cell: Cell) -> str:
    return cell.text.replace("`", "") if cell.style == "sentence" else cell.text


@contextlib.contextmanager
def show_counted(what: str) -> Iterator[Callable[[int, int], None]]:
    """Shows how much is done of something that is counted; in a pipe some twenty lines of it.

    Args:
        what: What is counted: ``"pages drawn"``.
    """
    with show_progress() as on_progress:
        yield counted_progress(what, on_progress)


@contextlib.contextmanager
def show_progress(console: Console | None = None) -> Iterator[Callable[[Progress], None]]:
    """Shows progress as it comes: in a bar on a terminal, line by line in a pipe.

    Args:
        console: Where to; stderr by default, which leaves stdout to the results.
    """
    console = console or Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda progress: print(progress.line, file=sys.stderr, flush=True)
        return
    text = TextColumn("{task.description}", markup=False)
    columns = (SpinnerColumn(), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), text)
    with rich.progress.Progress(*columns, console=console, transient=True) as bars:
        bar = bars.add_task("starting", total=None)

        def show(progress: Progress) -> None:
            if progress.stays:
                bars.console.print(Text(progress.words), soft_wrap=True)
            if progress.total is None:
                bars.update(bar, description=progress.words)
            else:
                bars.update(bar, completed=progress.done, total=progress.total, description=progress.words)

        yield show
