"""A batch on its way from a worker to the main process: what it is, and when it was sent and received.

What torch pickles in a worker's feeder thread is a `PackedBatch`; what it unpickles is the bare batch. The marks before
and behind the batch take the time when they are pickled (sending) and when they are rebuilt (receiving).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

from .rows import NONE
from .session import the_session

#: What a batch holds: its key, its samples, its bytes.
Contents = tuple[int, int, int]

#: Parts of a batch that are looked at for their bytes.
_MOST_PARTS = 1000

#: What becomes of the contents of a batch that has arrived; `steps` sets it.
on_arrival: list[Callable[[Any, Contents], None]] = []


class PackedBatch:
    """A batch that is to be sent.

    Args:
        batch: As the collate function has made it.
        contents: What it holds.
    """

    __slots__ = ("_batch", "_contents", "_worker")

    def __init__(self, batch: Any, contents: Contents, worker: int) -> None:
        self._batch = batch
        self._contents = contents
        self._worker = worker

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle it between two marks."""
        key = self._contents[0]
        return _open, (_Mark(True, self._worker, key), self._batch, _Mark(False, self._worker, key), self._contents)


class _Mark:
    __slots__ = ("_is_first", "_key", "_worker")

    def __init__(self, is_first: bool, worker: int, key: int) -> None:
        self._is_first = is_first
        self._worker = worker
        self._key = key

    def __reduce__(self) -> tuple[Any, ...]:
        session = the_session()
        try:
            if not session.off:
                lane = session.lane("sender", self._worker)
                lane.batch = self._key
                lane.enter("send") if self._is_first else lane.leave()
        except Exception as error:
            session.fault(error)
        return _passed, (self._is_first, self._key)


def _passed(is_first: bool, key: int) -> None:
    session = the_session()
    if session.off:
        return
    try:
        # Where batches are pinned, it is a thread that receives them.
        in_loop = threading.current_thread() is threading.main_thread()
        lane = session.lane("main" if in_loop else "receiver")
        if is_first:
            lane.enter("receive")
            lane.batch = key
        else:
            lane.leave()
            lane.batch = NONE
    except Exception as error:
        session.fault(error)


def _open(first: None, batch: Any, last: None, contents: Contents) -> Any:
    for tell in on_arrival:
        tell(batch, contents)
    return batch


def bytes_of(batch: Any) -> int:
    """Bytes of the tensors and arrays in a batch."""
    total = 0
    for count, part in enumerate(_leaves(batch)):
        if count >= _MOST_PARTS:
            break
        total += part
    return total


def _leaves(value: Any) -> Iterator[int]:
    size = getattr(value, "nbytes", None)
    if isinstance(size, int):
        yield size
    elif isinstance(value, dict):
        for part in value.values():
            yield from _leaves(part)
    elif isinstance(value, (list, tuple)):
        if len(value) > _MOST_PARTS:
            value = value[:_MOST_PARTS]
        for part in value:
            if not isinstance(part, (int, float, str, bool)):
                yield from _leaves(part)
    elif hasattr(value, "__dict__") and type(value).__module__ not in ("builtins", "torch"):
        for part in list(vars(value).values())[:20]:
            if hasattr(part, "nbytes"):
                yield from _leaves(part)


def size_of_batch(batch: Any) -> int:
    """Samples in a batch, by the first of its parts that has a length."""
    if isinstance(batch, dict):
        batch = list(batch.values())
    if isinstance(batch, (list, tuple)):
        return size_of_batch(batch[0]) if batch else 0
    shape = getattr(batch, "shape", None)
    if shape is not None and len(shape):
        return int(shape[0])
    return 1
