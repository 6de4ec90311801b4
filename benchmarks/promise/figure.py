"""A promised figure: what was found, what was promised, whether it is met; written as JSON and printed as a table."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


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


def main(description: str | None, measure: Callable[[], Sequence[Figure]]) -> None:
    """Take the figures, write and print them, and exit: 0 only if every one is met."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, help="write the figures to this file as JSON")
    arguments = parser.parse_args()
    figures = list(measure())
    if arguments.out is not None:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps({"figures": [asdict(figure) for figure in figures]}, indent=1) + "\n")
    _print(figures)
    sys.exit(0 if figures and all(figure.met for figure in figures) else 1)


def _print(figures: Sequence[Figure]) -> None:
    table = Table("figure", "value", "95 % interval", "unit", "goal", "met", "detail")
    for figure in figures:
        value = "-" if figure.value is None else f"{figure.value:.4g}"
        interval = "-" if figure.interval is None else "[{:.4g}, {:.4g}]".format(*figure.interval)
        met = "yes" if figure.met else "NO"
        table.add_row(figure.name, value, interval, figure.unit, figure.goal, met, figure.detail)
    Console(width=None if sys.stdout.isatty() else 200).print(table)
