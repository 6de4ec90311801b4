"""A batch comes out of a ring as it went in, and its slot is not used again while anybody looks into it."""

from __future__ import annotations

import gc
import multiprocessing as mp
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from workbench import batch_memory
from workbench.knobs.measuring import LoaderKnobs
from workbench.measure.loaders import ring as ring_module
from workbench.measure.loaders.ring import Packed, Ring, slots_of

pytestmark = pytest.mark.real


@dataclass
class Batch:
    images: torch.Tensor
    maps: torch.Tensor
    matrices: np.ndarray
    names: list[str]


def make(value: int = 0) -> Batch:
    images = torch.arange(2 * 4 * 5 * 3, dtype=torch.uint8).reshape(2, 4, 5, 3).permute(0, 3, 1, 2) + value
    return Batch(images, torch.full((2, 4, 5), value / 3), np.full((2, 3, 3), value, np.float64), ["a", "b"])


def same(a: Any, b: Any) -> bool:
    alike = torch.equal(a.images, b.images) and torch.equal(a.maps, b.maps)
    return alike and np.array_equal(a.matrices, b.matrices) and a.names == b.names


def packed(ring: Ring, batch: Any) -> Packed | None:
    """A batch that was made elsewhere, in the ring."""
    return ring.pack(ring.make(lambda: batch))


def in_place() -> Batch:
    """A batch of which the images are made where the loader wants them."""
    batch = make(3)
    images = batch_memory.empty((2, 4, 5, 3), np.uint8)
    images[:] = batch.images.permute(0, 2, 3, 1).numpy()
    batch.images = torch.from_numpy(images).permute(0, 3, 1, 2)
    return batch


def test_what_is_made_in_the_slot_is_not_copied():
    ring = Ring(0, 1)
    batch = ring.make(in_place)
    pointer = batch.images.data_ptr()
    got = ring.unpack(ring.pack(batch))
    assert got.images.data_ptr() == pointer
    assert same(got, make(3))


def test_a_collate_function_that_fails_takes_no_slot():
    ring = Ring(0, 1)
    with pytest.raises(ZeroDivisionError):
        ring.make(lambda: 1 / 0)
    assert same(ring.unpack(packed(ring, make(4))), make(4))


def test_a_batch_is_made_in_several_parts():
    ring = Ring(0, 1)
    parts = [ring.make(lambda: batch_memory.empty((40,), np.uint8)) for _ in range(2)]
    parts[0][:], parts[1][:] = 1, 2
    first, second = ring.unpack(ring.pack(parts))
    assert (first == 1).all()
    assert (second == 2).all()


def test_what_was_made_of_a_dropped_batch_is_in_no_other():
    """The planted fault: a slot that goes on where a failed batch ended is full after some of them."""
    ring = Ring(0, 1)
    for _ in range(3):
        ring.make(lambda: batch_memory.empty((ring_module.SLOT_BYTES // 2 + 1,), np.uint8))
        ring.drop()
    batch = ring.make(in_place)
    pointer = batch.images.data_ptr()
    assert ring.unpack(ring.pack(batch)).images.data_ptr() == pointer


def test_a_batch_comes_out_as_it_went_in():
    ring = Ring(0, 2)
    got = ring.unpack(packed(ring, make(7)))
    assert same(got, make(7))
    assert got.images.stride() == make(7).images.stride()


def test_odd_tensors_travel_too():
    ring = Ring(0, 1)
    odd = [torch.tensor(5), torch.empty(0, 3), torch.arange(6).reshape(2, 3).T, torch.zeros(2, 1).expand(2, 3)]
    for got, want in zip(ring.unpack(packed(ring, odd)), odd, strict=True):
        assert torch.equal(got, want)


def test_a_slot_is_free_again_when_the_batch_is_gone():
    ring = Ring(0, 1)
    batch = ring.unpack(packed(ring, make(1)))
    assert packed(ring, make(2)) is None
    del batch
    gc.collect()
    assert same(ring.unpack(packed(ring, make(2))), make(2))


@pytest.mark.parametrize("what", ["matrices", "images", "maps"])
def test_a_slot_is_not_used_again_while_a_part_of_a_view_is_held(what):
    """The planted fault: freeing the slot when the batch is dropped lets the next one overwrite what is still held."""
    ring = Ring(0, 1)
    batch = ring.unpack(packed(ring, make(1)))
    held = getattr(batch, what)[0]
    before = np.asarray(held).copy()
    del batch
    gc.collect()
    assert packed(ring, make(2)) is None
    assert np.array_equal(np.asarray(held), before)
    del held
    gc.collect()
    assert packed(ring, make(2)) is not None


def test_what_does_not_fit_travels_otherwise(monkeypatch):
    monkeypatch.setattr(ring_module, "SLOT_BYTES", 128)
    assert Ring(0, 2).pack(make()) is None


def _pack(ring: Ring, queue: Any) -> None:
    queue.put([packed(ring, make(number)) for number in range(3)])


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_worker_packs_and_the_main_process_unpacks(method):
    context = mp.get_context(method)
    ring, queue = Ring(0, 2), context.SimpleQueue()
    child = context.Process(target=_pack, args=(ring, queue))
    child.start()
    sent = queue.get()
    child.join()
    assert sent[2] is None, "both slots are taken"
    assert all(same(ring.unpack(sent[number]), make(number)) for number in range(2))


def test_a_ring_has_room_for_all_that_is_loaded_ahead_and_for_what_is_in_use():
    assert [slots_of(LoaderKnobs(prefetch_factor=factor)) for factor in (1, 2, 8)] == [6, 7, 13]
