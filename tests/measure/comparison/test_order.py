"""Orders are fair: every variant in every slot, and after every other one, equally often."""

from __future__ import annotations

from collections import Counter
from itertools import islice, pairwise

import pytest
from workbench.measure.comparison.order import blocks, williams_square

NAMES = ["baseline", "a", "b", "c"]


def taken(names: list[str], count: int, seed: int = 0) -> list[list[str]]:
    return list(islice(blocks(names, seed=seed), count))


@pytest.mark.parametrize("size", range(1, 9))
def test_a_square_is_balanced_for_slot_and_for_what_came_before(size):
    rows = williams_square(size)
    slots = Counter((slot, number) for row in rows for slot, number in enumerate(row))
    pairs = Counter(pair for row in rows for pair in pairwise(row))
    assert all(sorted(row) == list(range(size)) for row in rows)
    assert len(slots) == size**2 and len(set(slots.values())) == 1
    assert len(pairs) == size * (size - 1) and len(set(pairs.values())) <= 1


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_over_a_square_of_blocks_every_variant_has_every_slot_equally_often(size):
    names = [f"v{number}" for number in range(size)]
    order = taken(names, 2 * size, seed=3)
    for slot in range(size):
        assert set(Counter(block[slot] for block in order).values()) == {2}


def test_the_seed_decides_the_order_and_more_blocks_go_on_with_it():
    assert taken(NAMES, 9, seed=1) == taken(NAMES, 9, seed=1)
    assert taken(NAMES, 9, seed=1) != taken(NAMES, 9, seed=2)
    assert taken(NAMES, 20, seed=1)[:9] == taken(NAMES, 9, seed=1)


def test_the_rows_are_drawn_anew_for_every_square():
    order = taken(NAMES, 40)
    assert order[:4] != order[4:8]
