"""Batches of one process, and of ranks that take turns: every sample once, but for those that fill up."""

from __future__ import annotations

import pytest

from workbench.measure.loaders.batch_sampler import IndexedBatchSampler
from workbench.measure.timing.ranks import Rank


def test_batches_are_numbered_on_from_epoch_to_epoch():
    sampler = IndexedBatchSampler(num_samples=5, batch_size=2, shuffle=False, seed=0)
    assert len(sampler) == 3
    assert list(sampler) == [(0, [0, 1]), (1, [2, 3]), (2, [4])]
    assert [number for number, _ in sampler] == [3, 4, 5]


def test_an_endless_sampler_runs_on_into_the_next_epoch():
    sampler = iter(IndexedBatchSampler(num_samples=3, batch_size=2, shuffle=False, seed=0, endless=True))
    assert [next(sampler) for _ in range(4)] == [(0, [0, 1]), (1, [2]), (2, [0, 1]), (3, [2])]


def test_shuffled_batches_hold_every_sample_once_and_differ_by_epoch():
    sampler = IndexedBatchSampler(num_samples=50, batch_size=8, shuffle=True, seed=1)
    epochs = [[sample for _, samples in sampler for sample in samples] for _ in range(2)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(50))
    assert epochs[0] != epochs[1]
    again = IndexedBatchSampler(num_samples=50, batch_size=8, shuffle=True, seed=1)
    assert [sample for _, samples in again for sample in samples] == epochs[0]


@pytest.mark.parametrize(("samples", "ranks", "repeated"), [(12, 2, 0), (13, 2, 1), (13, 4, 3), (2, 5, 3), (7, 1, 0)])
@pytest.mark.parametrize("shuffle", [False, True])
def test_ranks_share_an_epoch_and_what_is_given_twice_is_known(samples, ranks, repeated, shuffle):
    samplers = [
        IndexedBatchSampler(num_samples=samples, batch_size=3, shuffle=shuffle, seed=1, rank=Rank(number, ranks))
        for number in range(ranks)
    ]
    epochs = [list(sampler) for sampler in samplers]
    given = [number for epoch in epochs for _, numbers in epoch for number in numbers]

    assert set(given) == set(range(samples)) and len(given) == samples + repeated
    assert len({len(epoch) for epoch in epochs}) == 1 == len({len(sampler) for sampler in samplers})
    assert sum(sum(sampler.repeats.values()) for sampler in samplers) == repeated


def test_ranks_draw_the_same_order_in_every_epoch():
    samplers = [
        IndexedBatchSampler(num_samples=10, batch_size=5, shuffle=True, seed=3, rank=Rank(n, 2)) for n in (0, 1)
    ]
    for _ in range(3):
        given = [number for sampler in samplers for _, numbers in sampler for number in numbers]
        assert sorted(given) == list(range(10))
