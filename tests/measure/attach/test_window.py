"""Which steps count: by hand, for loops that ask in all the ways in which loops ask."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.measure.attach.seen import Count
from workbench.measure.attach.window import TooFewSteps, loop_of, window_of

FACTS = {"num_workers": 2, "prefetch_factor": 2, "num_samples": 40, "rank": None}


class Process:
    """What was counted of a process: each event ``(what, loader)`` a millisecond after the one before."""

    pid = 1

    def __init__(self, *events: tuple[str, int]) -> None:
        self._events = [(number * 1_000_000, what, loader) for number, (what, loader) in enumerate(events)]
        self._loaders = sorted({loader for _, loader in events})

    def of(self, fact: str):
        assert fact == "iterator"
        return [{**FACTS, "number": number, "loader": number, "name": f"a.py:{number}"} for number in self._loaders]

    def count(self, name: str) -> Count:
        own = [(at, loader) for at, what, loader in self._events if what == name]
        at_ns, first = (np.array([entry[column] for entry in own], np.int64) for column in (0, 1))
        if name == "given":  # a key, 4 samples, 100 bytes
            return Count(at_ns, np.arange(len(own)), np.full(len(own), 4), np.full(len(own), 100))
        return Count(at_ns, first, np.zeros_like(first), np.zeros_like(first))


def step(*loaders: int) -> list[tuple[str, int]]:
    taken = [event for loader in loaders for event in (("asked", loader), ("given", loader))]
    return [*taken, ("backward", loaders[-1])]


def test_an_epoch_ends_with_an_ask_that_brings_nothing():
    epoch = [*step(0) * 3, ("asked", 0), ("ended", 0)]
    loop = loop_of(Process(*epoch, *epoch, ("asked", 0)))

    assert (loop.num_steps, loop.num_given, loop.samples_of_an_epoch) == (6, 6, 12)
    assert loop.ask_brought.tolist() == [True, True, True, False] * 2 + [False]


def test_a_step_of_two_loaders_has_the_samples_of_both():
    loop = loop_of(Process(*step(1, 0) * 12, ("asked", 1)))

    assert (loop.training, loop.in_step) == (0, (0, 1))
    assert loop.given_samples[1:-1].tolist() == [8] * 10
    assert loop.given_bytes[1:-1].tolist() == [200] * 10


def test_a_step_that_takes_two_batches_of_one_loader_is_one_step():
    two = [("asked", 0), ("given", 0), *step(0)]
    loop = loop_of(Process(*two * 10, ("asked", 0)))

    assert loop.num_steps == 10
    assert loop.given_samples.tolist() == [8] * 10


def test_batches_that_are_left_out_now_and_then_are_no_part_of_another_step():
    left_out = [("asked", 0), ("given", 0)]
    loop = loop_of(Process(*step(0) * 4, *left_out, *step(0) * 4, *left_out, *step(0) * 4, ("asked", 0)))

    assert loop.num_steps == 14


@pytest.mark.parametrize(
    ("steps", "asked", "first", "count", "is_short"),
    [(20, 10, 6, 10, False), (16, 10, 6, 10, False), (10, 4, 6, 4, False), (10, 20, 5, 5, True), (2, 20, 1, 1, True)],
)
def test_the_warm_up_is_cut_short_only_where_all_would_not_be_counted(steps, asked, first, count, is_short):
    loop = loop_of(Process(*step(0) * steps, ("asked", 0)))
    window = window_of(loop, num_steps=asked, warmup_steps=None)

    assert (window.first, window.num_steps, window.is_short) == (first, count, is_short)


def test_one_step_is_none_to_count():
    with pytest.raises(TooFewSteps):
        window_of(loop_of(Process(*step(0), ("asked", 0))), num_steps=4, warmup_steps=0)
