"""What the commands write: tables and bars on a terminal, plain lines in a pipe."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from workbench.panel.progress import parse_progress

#: Width of a table in a pipe, where nobody says how wide the reader's screen is.
_PIPE_WIDTH = 200


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table to stdout."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PIPE_WIDTH)
    table = Table(*header, box=box.SIMPLE_HEAD if console.is_terminal else box.ASCII2)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


@contextlib.contextmanager
def show_progress(console: Console | None = None) -> Iterator[Callable[[str], None]]:
    """Shows lines of progress as they come: in a bar on a terminal, one after the other in a pipe.

    Args:
        console: Where to; stderr by default, which leaves stdout to the results.
    """
    console = console or Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda line: print(line, file=sys.stderr, flush=True)
        return
    text = TextColumn("{task.description}", markup=False)
    columns = (SpinnerColumn(), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), text)
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("starting", total=None)

        def show(line: str) -> None:
            counted = parse_progress(line)
            if counted is None:
                progress.update(bar, description=line)
            else:
                progress.update(bar, completed=counted[0], total=counted[1], description=counted[2])

        yield show
