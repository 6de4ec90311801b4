"""A long measurement in parts: each has its share of the time, and none can lose what another has found."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from promise.figure import Figure, not_taken


@dataclass(frozen=True)
class Part:
    """A part.

    Attributes:
        name: What its figures are about; the name of the figure that stands for them where they could not be taken.
        weight: Its share of the time, in proportion to the weights of the others.
        take: Takes the figures, given the seconds that it may use.
    """

    name: str
    weight: float
    take: Callable[[float], Iterable[Figure]]


def take_parts(
    parts: Sequence[Part],
    seconds: float,
    *,
    write: Callable[[Sequence[Figure]], None],
    clock: Callable[[], float] = time.monotonic,
) -> list[Figure]:
    """Take all parts, one after the other. Time that a part leaves is shared by those after it.

    Args:
        parts: The most important first.
        seconds: The time for all of them. A part that would begin after it is left out, by name.
        write: Called with all figures so far, after each part.
        clock: Reads the time in seconds.

    Returns:
        All figures; those that could not be taken with the reason.
    """
    figures: list[Figure] = []
    deadline = clock() + seconds
    for number, part in enumerate(parts):
        left = deadline - clock()
        if left <= 0.0:
            figures.append(not_taken(part.name, f"no time was left of {seconds / 60:g} minutes"))
        else:
            budget_s = left * part.weight / sum(other.weight for other in parts[number:])
            print(f"{part.name}: up to {budget_s:.0f} s", file=sys.stderr, flush=True)
            _take(part, budget_s, figures)
        write(figures)
    return figures


def _take(part: Part, budget_s: float, figures: list[Figure]) -> None:
    """Take a part's figures one by one; an error ends the part, and is a figure that says so."""
    try:
        for figure in part.take(budget_s):
            figures.append(figure)  # noqa: PERF402  (those before an error stay)
    except Exception as error:  # whatever it is: the other parts are still worth their time
        figures.append(not_taken(part.name, f"it ended early: {type(error).__name__}: {error}"))
