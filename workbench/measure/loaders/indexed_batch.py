"""A batch on its way from the worker that made it to the main process, with the sending and the receiving timed.

torch sends a batch from a background thread of the worker (it pickles there, which moves the tensors to shared memory)
while the worker goes on with the next one. A parcel keeps to that: the time is taken where torch itself does the work.
"""

from __future__ import annotations

import pickle
import threading
from dataclasses import dataclass
from multiprocessing.reduction import ForkingPickler
from typing import Any

from torch.utils.data._utils.pin_memory import pin_memory

from workbench.measure.loaders.ring import Packed, Ring
from workbench.measure.timing.clock import Clock, monotonic_ns
from workbench.measure.timing.stages import Stages


@dataclass(frozen=True)
class ReceiveSpan:
    """A batch was rebuilt in the main process."""

    begin_ns: int
    end_ns: int
    batch: int


class _Sender:
    """The sending thread's stages, in a loader worker."""

    stages: Stages | None = None


class _Receiver:
    """The main process, where parcels are opened."""

    clock: Clock = monotonic_ns
    loop_thread: int = 0
    received: list[ReceiveSpan] = []  # noqa: RUF012  (one process, one receiver)
    rings: list[Ring] = []  # noqa: RUF012  (one for each worker, where batches travel in rings)
    background: Stages | None = None  # the thread that receives and pins, where there is one


@dataclass
class IndexedBatch:
    """A batch with its number.

    Attributes:
        batch: What the collate function made.
        number: Counts the batches of a trial from 0, over all epochs.
        pages: Numbers of the pages in it.
    """

    batch: Any
    number: int
    pages: list[int]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle in the worker's sending thread: the batch is packed here, and the packing timed."""
        stages = _Sender.stages
        if stages is None or isinstance(self.batch, Packed):
            return _open, (bytes(ForkingPickler.dumps(self.batch)), self.number, self.pages)
        begin = stages.clock()
        packed = bytes(ForkingPickler.dumps(self.batch))
        stages.batch = self.number
        stages.add("send", begin, stages.clock())
        return _open, (packed, self.number, self.pages)

    def put_into(self, ring: Ring) -> None:
        """In a loader worker: copy the batch into a slot of its ring, where there is a free one."""
        packed = ring.pack(self.batch)
        if packed is not None:
            self.batch = packed

    def pin_memory(self) -> IndexedBatch:
        """Copy the batch to page-locked memory; torch calls this in a background thread of the main process."""
        stages = _Receiver.background
        begin = _Receiver.clock()
        self.batch = pin_memory(self.batch)  # type: ignore[no-untyped-call]
        if stages is not None:
            stages.batch = self.number
            stages.add("pin", begin, _Receiver.clock())
        return self


def become_sender(stages: Stages) -> None:
    """In a loader worker: time the sending."""
    _Sender.stages = stages


def become_receiver(background: Stages, clock: Clock) -> None:
    """In the main process, from the thread that runs the loop: time the receiving.

    Args:
        background: Gets what other threads do.
        clock: The clock of the channel.
    """
    _Receiver.clock = clock
    _Receiver.loop_thread = threading.get_ident()
    _Receiver.background = background
    _Receiver.received = []


def open_rings(rings: list[Ring]) -> None:
    """In the main process: where batches arrive that travel in rings."""
    _Receiver.rings = rings


def take_received() -> list[ReceiveSpan]:
    """The parcels that the loop's own thread has opened since the last call, in order."""
    received = _Receiver.received
    if received:
        _Receiver.received = []
    return received


def _open(packed: bytes, number: int, pages: list[int]) -> IndexedBatch:
    begin = _Receiver.clock()
    batch = pickle.loads(packed)  # from our own worker
    if isinstance(batch, Packed):
        batch = _Receiver.rings[batch.worker].unpack(batch)
    end = _Receiver.clock()
    if threading.get_ident() == _Receiver.loop_thread:
        _Receiver.received.append(ReceiveSpan(begin, end, number))
    elif _Receiver.background is not None:
        _Receiver.background.batch = number
        _Receiver.background.add("receive", begin, end)
    return IndexedBatch(batch, number, pages)
