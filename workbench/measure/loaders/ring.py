"""Slots of shared memory that a worker's batches travel in, used again and again.

torch gives every tensor of every batch fresh shared memory, which the kernel clears, maps page by page into two
processes, and unmaps when the batch is dropped: on a small machine that takes longer than copying the batch. Here the
worker makes a batch in a slot that is mapped already, or copies it there; in the main process the batch is a view of
the slot, and when the last array that looks into it is gone, the slot is free again. Nobody waits and nothing is
locked: a slot has one writer, and its flag passes to and fro. Where no slot is free, or the batch is too large, it
travels torch's way.
"""

from __future__ import annotations

import io
import pickle
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from workbench.batch_memory import made_by
from workbench.knobs.measuring import LoaderKnobs
from workbench.memory import SharedMemory

#: Room of a slot. It is address space: memory is only taken as far as batches reach.
SLOT_BYTES = 1 << 29

_ALIGNMENT = 64


#: Batches of a worker that the main process may hold while more arrive; its slots beyond those that are loaded ahead.
_HELD_BATCHES = 5


def slots_of(knobs: LoaderKnobs) -> int:
    """Slots in the ring of each worker."""
    return knobs.prefetch_factor + _HELD_BATCHES


@dataclass(frozen=True)
class Packed:
    """A batch in a slot.

    Attributes:
        worker: The worker whose ring it is in.
        slot: The slot.
        pickled: Everything but the large buffers.
        places: Begin and end of each buffer in the slot, in bytes.
    """

    worker: int
    slot: int
    pickled: bytes
    places: list[tuple[int, int]]


class Ring:
    """The slots of one worker.

    Args:
        worker: Its number.
        slots: How many batches may be under way or in use.
    """

    def __init__(self, worker: int, slots: int) -> None:
        self._worker = worker
        self._slots = slots
        self._memory = SharedMemory(slots * SLOT_BYTES, name="workbench-batches")
        self._taken = SharedMemory(slots, name="workbench-slots")
        self._open = -1  # the slot that is being filled
        self._end = 0  # so much of it is taken

    def make(self, work: Callable[[], Any]) -> Any:
        """In the worker: make a batch, or a part of it, its arrays in a free slot where `batch_memory` makes them.

        What is made up to the next `pack` or `drop` is of one batch.

        Returns:
            What `work` gives.
        """
        if self._open < 0:
            self._open = bytes(self._taken.view).find(0)
            self._end = 0
        if self._open < 0:
            return work()
        with made_by(self._allocate):
            return work()

    def drop(self) -> None:
        """In the worker: there will be no batch of what was made."""
        self._open = -1

    def pack(self, batch: Any) -> Packed | None:
        """In the worker: bring the batch that was made last into its slot; None where there is none, or no room.

        Arrays that were made there stay where they are, others are copied.
        """
        slot, self._open = self._open, -1
        if slot < 0:
            return None
        buffers: list[pickle.PickleBuffer] = []
        stream = io.BytesIO()
        _Pickler(stream, protocol=5, buffer_callback=buffers.append).dump(batch)
        places = []
        base = _address(self._memory.view) + slot * SLOT_BYTES
        for buffer in buffers:
            raw = buffer.raw()
            begin = _address(raw) - base if raw.nbytes else 0
            if not 0 <= begin <= SLOT_BYTES - raw.nbytes:
                begin = self._take(raw.nbytes)
                if begin < 0:
                    return None
                at = slot * SLOT_BYTES + begin
                self._memory.view[at : at + raw.nbytes] = raw
            places.append((begin, begin + raw.nbytes))
        self._taken.view[slot] = 1
        return Packed(self._worker, slot, stream.getvalue(), places)

    def _allocate(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """An array in the slot that is being filled, or elsewhere where it has no room."""
        count = int(np.prod(shape))
        begin = self._take(count * np.dtype(dtype).itemsize)
        if begin < 0:
            return np.empty(shape, dtype)
        return np.frombuffer(self._memory.view, dtype, count, self._open * SLOT_BYTES + begin).reshape(shape)

    def _take(self, num_bytes: int) -> int:
        """Where in the slot this number of bytes is free, or -1."""
        begin = self._end
        if begin + num_bytes > SLOT_BYTES:
            return -1
        self._end = begin + -(-num_bytes // _ALIGNMENT) * _ALIGNMENT
        return begin

    def unpack(self, packed: Packed) -> Any:
        """In the main process: the batch, as views of its slot."""
        base = packed.slot * SLOT_BYTES
        left = [len(packed.places)]

        def one_is_gone() -> None:
            left[0] -= 1
            if left[0] == 0:
                self._taken.view[packed.slot] = 0

        views = []
        for begin, stop in packed.places:
            # An array of our own: what is made of it holds on to it, which it would not to a memoryview.
            view = np.frombuffer(self._memory.view, np.uint8, stop - begin, base + begin)
            weakref.finalize(view, one_is_gone)
            views.append(view)
        batch = pickle.loads(packed.pickled, buffers=views)  # from our own worker  # nosec B301
        if not views:
            self._taken.view[packed.slot] = 0
        return batch


class _Pickler(pickle.Pickler):
    """Gives tensors as numpy arrays, whose memory stays out of the pickle."""

    def reducer_override(self, obj: Any) -> Any:
        if not isinstance(obj, torch.Tensor) or obj.device.type != "cpu" or obj.requires_grad:
            return NotImplemented
        # A view with its dimensions in another order than its memory goes in the order of its memory.
        strides = obj.stride()
        order = sorted(range(obj.ndim), key=strides.__getitem__, reverse=True)
        array = obj.permute(order).contiguous().numpy()
        return _tensor, (array, tuple(int(place) for place in np.argsort(order)))


def _address(buffer: memoryview) -> int:
    """Where a buffer begins in the memory of this process."""
    address: int = np.frombuffer(buffer, np.uint8).__array_interface__["data"][0]
    return address


def _tensor(array: npt.NDArray[Any], order: tuple[int, ...]) -> torch.Tensor:
    return torch.from_numpy(array).permute(order)
