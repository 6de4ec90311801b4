"""Slots of shared memory that a worker's batches travel in, used again and again.

torch gives every tensor of every batch fresh shared memory, which the kernel clears, maps page by page into two
processes, and unmaps when the batch is dropped: on a small machine that takes longer than copying the batch. Here the
worker copies a batch into a slot that is mapped already; in the main process the batch is a view of the slot, and when
the last array that looks into it is gone, the slot is free again. Nobody waits and nothing is locked: a slot has one
writer, and its flag passes to and fro. Where no slot is free, or the batch is too large, it travels torch's way.
"""

from __future__ import annotations

import io
import pickle
import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from workbench.shared_memory import SharedMemory

#: Room of a slot. It is address space: memory is only taken as far as batches reach.
SLOT_BYTES = 1 << 29

_ALIGNMENT = 64


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

    def pack(self, batch: Any) -> Packed | None:
        """In the worker: copy a batch into a free slot; None where there is none, or it doesn't fit."""
        slot = bytes(self._taken.view).find(0)
        if slot < 0:
            return None
        buffers: list[pickle.PickleBuffer] = []
        stream = io.BytesIO()
        _Pickler(stream, protocol=5, buffer_callback=buffers.append).dump(batch)
        raw = [buffer.raw() for buffer in buffers]
        places, end = [], 0
        for buffer in raw:
            places.append((end, end + buffer.nbytes))
            end += -(-buffer.nbytes // _ALIGNMENT) * _ALIGNMENT
        if end > SLOT_BYTES:
            return None
        base = slot * SLOT_BYTES
        for buffer, (begin, stop) in zip(raw, places, strict=True):
            self._memory.view[base + begin : base + stop] = buffer
        self._taken.view[slot] = 1
        return Packed(self._worker, slot, stream.getvalue(), places)

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
        batch = pickle.loads(packed.pickled, buffers=views)  # from our own worker
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


def _tensor(array: npt.NDArray[Any], order: tuple[int, ...]) -> torch.Tensor:
    return torch.from_numpy(array).permute(order)
