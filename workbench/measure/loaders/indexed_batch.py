"""A batch on its way from the worker that made it to the main process, with the sending and the receiving timed.

torch sends a batch from a background thread of the worker (it pickles there, which moves the tensors to shared memory)
while the worker goes on with the next one. This keeps to that: the time is taken where torch itself does the work.
"""

from __future__ import annotations

import dataclasses
import pickle
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np
import torch
from torch.utils.data import get_worker_info
from torch.utils.data._utils.pin_memory import pin_memory

from workbench.errors import WorkbenchError
from workbench.measure.loaders.deaths import explain_death
from workbench.measure.loaders.ring import Packed, Ring
from workbench.measure.timing.spans import Clock, monotonic_ns
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
    """The main process, where batches arrive. torch unpickles them without any argument of ours, so this is global."""

    clock: Clock = monotonic_ns
    loop_thread: int = 0
    received: list[ReceiveSpan] = []  # noqa: RUF012  (one process, one receiver)
    rings: list[Ring] = []  # noqa: RUF012  (one for each worker, where batches travel in rings)
    background: Stages | None = None  # the thread that receives and pins, where there is one


@dataclass
class IndexedBatch:
    """A batch with its number (`workload.Batch`).

    Attributes:
        data: What the collate function made.
        number: Counts the batches of a trial from 0, over all epochs.
        samples: Numbers of the samples in it.
        num_bytes: Bytes of its arrays, as the collate function made them.
    """

    data: Any
    number: int
    samples: list[int]
    num_bytes: int = 0

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle in the worker's sending thread: the batch is packed here, and the packing timed."""
        stages = _Sender.stages
        is_timed = stages is not None and not isinstance(self.data, Packed)
        begin = stages.clock() if stages is not None else 0
        try:
            packed = bytes(ForkingPickler.dumps(self.data))
        except Exception as error:  # torch only prints it and drops the batch; the main process would wait for ever
            packed = bytes(ForkingPickler.dumps(_in_its_place(error, self.num_bytes)))
        if stages is not None and is_timed:
            stages.batch = self.number
            stages.add("send", begin, stages.clock())
        return _open, (packed, self.number, self.samples, self.num_bytes)

    def put_into(self, ring: Ring) -> None:
        """In a loader worker: copy the batch into a slot of its ring, where there is a free one."""
        packed = ring.pack(self.data)
        if packed is not None:
            self.data = packed

    def pin_memory(self) -> IndexedBatch:
        """Copy the batch to page-locked memory; torch calls this in a background thread of the main process."""
        stages = _Receiver.background
        begin = _Receiver.clock()
        self.data = pin_memory(self.data)  # type: ignore[no-untyped-call]
        if stages is not None:
            stages.batch = self.number
            stages.add("pin", begin, _Receiver.clock())
        return self


def _in_its_place(error: Exception, num_bytes: int) -> WorkbenchError:
    """What is sent in place of a batch that cannot be: the loader raises it where the batch would arrive."""
    info = get_worker_info()
    known = explain_death(error, num_workers=info.num_workers if info else None, batch_bytes=num_bytes or None)
    if isinstance(known, WorkbenchError):
        return known
    reason = known or f"{type(error).__name__}: {error}"
    return WorkbenchError(f"a loader worker could not hand over its batch: {reason}")


def bytes_of(data: Any) -> int:
    """Bytes of all tensors and arrays in a batch, whatever containers they lie in."""
    if isinstance(data, torch.Tensor):
        return data.numel() * data.element_size()
    if isinstance(data, np.ndarray):
        return int(data.nbytes)
    if isinstance(data, Mapping):
        return sum(map(bytes_of, data.values()))
    if isinstance(data, list | tuple):
        return sum(map(bytes_of, data))
    if dataclasses.is_dataclass(data) and not isinstance(data, type):
        return sum(bytes_of(getattr(data, field.name)) for field in dataclasses.fields(data))
    return 0


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
    """The batches that the loop's own thread has received since the last call, in order."""
    received = _Receiver.received
    if received:
        _Receiver.received = []
    return received


def _open(packed: bytes, number: int, samples: list[int], num_bytes: int) -> IndexedBatch:
    begin = _Receiver.clock()
    data = pickle.loads(packed)  # from our own worker  # nosec B301
    if isinstance(data, Packed):
        data = _Receiver.rings[data.worker].unpack(data)
    end = _Receiver.clock()
    if threading.get_ident() == _Receiver.loop_thread:
        _Receiver.received.append(ReceiveSpan(begin, end, number))
    elif _Receiver.background is not None:
        _Receiver.background.batch = number
        _Receiver.background.add("receive", begin, end)
    return IndexedBatch(data, number, samples, num_bytes)
