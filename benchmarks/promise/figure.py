"""A promised figure: what was found, what was promised, whether it is met; written as JSON and printed as a table."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

#: Columns of the table before the detail, which takes the rest of the line.
_HEADINGS = ("met", "figure", "value", "95 % interval", "unit", "goal")

#: Characters of a line, and what is left of it for the detail at least.
_WIDTH, _LEAST_DETAIL = 200, 40


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        name: What it is.
        value: What was found; None where it could not be taken.
        unit: Its unit; "share" for 0..1.
        goal: The promise, in words that hold a number (">= 0.98").
        met: Whether the promise is kept.
        interval: 95 % interval of the value, where there is one.
        detail: How it was taken, or why it could not be.
    """

    name: str
    value: float | None
    unit: str
    goal: str
    met: bool
    interval: tuple[float, float] | None = None
    detail: str = ""


def not_taken(name: str, reason: str, *, unit: str = "", goal: str = "taken") -> Figure:
    """A figure that could not be taken here."""
    return Figure(name, None, unit, goal, False, None, reason)


def main(description: str | None, measure: Callable[[], Sequence[Figure]]) -> None:
    """Take the figures, write and print them, and exit: 0 only if every one is met."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, help="write the figures to this file as JSON")
    arguments = parser.parse_args()
    finish(list(measure()), arguments.out)


def finish(figures: Sequence[Figure], out: Path | None) -> None:
    """Write and print all figures, and exit: 0 only if every one is met."""
    write_figures(figures, out)
    print(format_table(figures))
    sys.exit(0 if figures and all(figure.met for figure in figures) else 1)


def write_figures(figures: Sequence[Figure], out: Path | None) -> None:
    """Write the figures as JSON, making the folder; nothing without a file."""
    if out is None:
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"figures": [asdict(figure) for figure in figures]}, indent=1) + "\n")


def format_table(figures: Sequence[Figure], width: int = _WIDTH) -> str:
    """The figures as a table in plain text, the detail wrapped beside its row."""
    rows = [_HEADINGS, *map(_cells, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    details = ["detail", *(figure.detail for figure in figures)]
    return "\n".join(
        line for row, detail in zip(rows, details, strict=True) for line in _lines(row, widths, detail, width)
    )


def _cells(figure: Figure) -> tuple[str, ...]:
    value = "-" if figure.value is None else f"{figure.value:.4g}"
    interval = "-" if figure.interval is None else "[{:.4g}, {:.4g}]".format(*figure.interval)
    return "yes" if figure.met else "NO", figure.name, value, interval, figure.unit, figure.goal


def _lines(cells: Sequence[str], widths: Sequence[int], detail: str, width: int) -> Iterator[str]:
    start = "  ".join(cell.ljust(size) for cell, size in zip(cells, widths, strict=True)) + "  "
    wrapped = textwrap.wrap(detail, max(width - len(start), _LEAST_DETAIL)) or [""]
    for number, part in enumerate(wrapped):
        yield ((start if number == 0 else " " * len(start)) + part).rstrip()
