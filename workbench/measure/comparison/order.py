"""The order of the trials of a comparison: balanced within blocks and over them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence


def blocks(names: Sequence[str], *, seed: int) -> Iterator[list[str]]:
    """The order of every block, without end. Each block holds each variant once; the same seed gives the same order.

    Over as many blocks as there are variants (twice as many for an odd number of them) each variant runs once in every
    slot, and follows every other one equally often: rows of a Williams square (1949), drawn at random, with the
    variants put to its letters at random, anew for every square.
    """
    draw = random.Random(seed)
    square = williams_square(len(names))
    while True:
        letters = draw.sample(names, len(names))
        for row in draw.sample(square, len(square)):
            yield [letters[number] for number in row]


def williams_square(size: int) -> list[list[int]]:
    """Rows of the numbers 0..size-1 that are balanced for slot and for what came before."""
    first = [(number + 1) // 2 if number % 2 else (size - number // 2) % size for number in range(size)]
    rows = [[(number + shift) % size for number in first] for shift in range(size)]
    return rows if size % 2 == 0 or size == 1 else [*rows, *(row[::-1] for row in rows)]
