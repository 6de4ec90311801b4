"""Knobs that a loader cannot take: refused with the part that is to blame, and never where it can."""

from __future__ import annotations

import multiprocessing
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from torch.utils.data import IterableDataset

from workbench.observer.refusals import refuse_batch_size, refuse_copies, refuse_unpicklable


class Told:
    """A session that remembers what was refused."""

    knows_its_part = False

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}

    def refuse(self, strategy: str, reason: str, remedy: str) -> None:
        assert remedy
        self.reasons[strategy] = reason


def double(value):
    return 2 * value


class Data:
    def __init__(self, *transforms) -> None:
        self.chain = SimpleNamespace(transforms=list(transforms))


def loader(dataset, collate=double, init=None):
    return SimpleNamespace(dataset=dataset, collate_fn=collate, worker_init_fn=init)


def test_the_part_that_cannot_be_sent_is_named():
    told = Told()
    refuse_unpicklable(told, loader(Data(double, lambda value: value)), "spawn")
    assert told.reasons == {
        "start_method=spawn": "`dataset.chain.transforms[1]` is a lambda, which cannot be sent to a worker"
    }


def test_functions_within_functions_are_named_wherever_they_are():
    def inner(samples):
        return samples

    for one, where in ((loader(Data(), inner), "collate_fn"), (loader(Data(), double, inner), "worker_init_fn")):
        told = Told()
        refuse_unpicklable(told, one, "forkserver")
        (reason,) = told.reasons.values()
        assert reason.startswith(f"`{where}` is a function within a function")


def test_what_can_be_sent_is_not_refused():
    told = Told()
    refuse_unpicklable(told, loader(Data(double, torch.zeros(3)), partial(double, 3)), "spawn")
    refuse_unpicklable(told, loader(Data(multiprocessing.get_context("spawn").Lock())), "spawn")
    assert told.reasons == {}


def test_batches_of_a_sampler_keep_their_size():
    told = Told()
    assert refuse_batch_size(told, {"batch_sampler": Data()}, 8)
    assert told.reasons == {"batch_size=8": "`Data` makes the batches"}
    assert refuse_batch_size(told, {"batch_size": None}, 4)
    assert not refuse_batch_size(told, {"batch_size": 4}, 8)
    assert not refuse_batch_size(told, {}, 8)


class Stream(IterableDataset):
    def __iter__(self):
        yield 1


@pytest.mark.parametrize(("workers", "knows", "refused"), [(4, False, True), (4, True, False), (1, False, False)])
def test_a_stream_that_does_not_know_its_part_is_not_read_several_times(workers, knows, refused):
    told = Told()
    told.knows_its_part = knows
    refuse_copies(told, Stream(), workers)
    assert bool(told.reasons) is refused
    if refused:
        assert "each worker gives all of it" in told.reasons["num_workers=4"]
    refuse_copies(told, Data(), workers)
    assert set(told.reasons) <= {"num_workers=4"}
