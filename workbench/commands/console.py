"""What the commands write: tables and bars on a terminal, plain lines in a pipe."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

import rich.progress
import rich.table
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from workbench.commands.layout import as_lines, column_widths, headers, lines_of, wrap
from workbench.explain.table import Cell, Table, Tone
from workbench.report.progress import Progress, counted_progress
from workbench.visible import say, visible

#: Width of a table in a pipe, where nobody says how wide the reader's screen is.
_PIPE_WIDTH = 200


#: How a terminal shows what a cell means.
_TONES: dict[Tone, str] = {
    "plain": "", "good": "green", "bad": "yellow", "undecided": "cyan", "soft": "dim", "alarm": "bold red",
}  # fmt: skip


def print_table(table: Table) -> None:
    """Print a table to stdout, with its caption, its notes and its commands below it; no wider than the screen."""
    console = _console()
    if table.rows:
        for is_narrow in (False, True):
            widths = column_widths(table, console.width, is_narrow=is_narrow)
            if widths is not None:
                console.print(_drawn(table, widths, is_narrow, is_plain=not console.is_terminal))
                break
        else:
            _print_whole(console, as_lines(table, console.width))
    print_sentences([table.caption if table.rows else "", *table.notes])
    # Whole lines: what is to be copied must not be broken.
    _print_whole(console, table.commands)


def print_sentences(sentences: Iterable[str]) -> None:
    """Print sentences to stdout, a paragraph each: broken between words on a terminal, whole in a pipe."""
    console = _console()
    for sentence in filter(None, sentences):
        is_whole = not console.is_terminal and "COLUMNS" not in os.environ
        _print_whole(console, [sentence] if is_whole else wrap(sentence, console.width))


def _print_whole(console: Console, lines: Iterable[str]) -> None:
    for line in lines:
        console.print(Text(visible(line)), soft_wrap=True)


def _console() -> Console:
    """Of stdout: as wide as its terminal; in a pipe as COLUMNS says, which a terminal's shell sets as well."""
    console = Console(highlight=False)
    if console.is_terminal or os.environ.get("COLUMNS", "").isdigit():
        return console
    return Console(highlight=False, width=_PIPE_WIDTH)


def _drawn(table: Table, widths: Sequence[int], is_narrow: bool, *, is_plain: bool) -> rich.table.Table:
    shown = rich.table.Table(box=box.ASCII2 if is_plain else box.SIMPLE_HEAD, show_header=bool(table.columns))
    for name, width in zip(headers(table) or [""] * len(widths), widths, strict=True):
        shown.add_column(Text(name), width=width)
    for row in table.rows:
        shown.add_row(*(_shown(cell, is_narrow) for cell in row))
    return shown


def _shown(cell: Cell, is_narrow: bool) -> Text:
    lines = [Text(text, style=_TONES[part.tone]) for part, text in lines_of(cell, is_narrow=is_narrow)]
    return Text("\n").join(lines)


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
        yield lambda progress: say(progress.line, file=sys.stderr)
        return
    text = TextColumn("{task.description}", markup=False)
    columns = (SpinnerColumn(), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), text)
    with rich.progress.Progress(*columns, console=console, transient=True) as bars:
        bar = bars.add_task("starting", total=None)

        def show(progress: Progress) -> None:
            if progress.stays:
                bars.console.print(Text(visible(progress.words)), soft_wrap=True)
            if progress.total is None:
                bars.update(bar, description=visible(progress.words))
            else:
                bars.update(bar, completed=progress.done, total=progress.total, description=visible(progress.words))

        yield show
