"""A batch in the making, in a worker or (without workers) in the main process: torch's fetchers, seen from inside."""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from . import callees, transforms
from .lane import Lane, current
from .packed_batch import PackedBatch, bytes_of, on_arrival, size_of_batch
from .rows import NONE
from .session import Session
from .strategies.chosen import chosen
from .timed import is_timed, marked, timed

#: Datasets within datasets that are looked at.
_MOST_DEPTH = 4

COLLATE = "collate"

#: Batches of one iterator have numbers below this; above it stands the iterator's own.
BATCHES_PER_ITERATOR = 1_000_000


class Carried:
    """A collate function on its way to the process that uses it, with whose it is. As picklable as the function is.

    Attributes:
        collate: The user's.
        iterator: Number of the iterator.
        loader: Name of the loader.
        pid: The process that has made the iterator.
        started_ns: When.
    """

    def __init__(self, collate: Any, iterator: int, loader: str) -> None:
        self.collate = collate
        self.iterator = iterator
        self.loader = loader
        self.pid = os.getpid()
        self.started_ns = time.perf_counter_ns()

    def __call__(self, samples: Any) -> Any:
        """For whoever takes it from the iterator and calls it: as the user's own."""
        return self.collate(samples)

    def __getattr__(self, name: str) -> Any:
        """Likewise for its attributes."""
        if name == "collate":  # while it is being unpickled
            raise AttributeError(name)
        return getattr(self.collate, name)


def _set_threads(session: Session) -> None:
    """Give libraries in this worker as many threads as are asked for."""
    opencv, torch = (session.settings.get(name) for name in ("opencv_threads", "torch_threads"))
    if opencv is not None and "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(opencv)
    if torch is not None:
        sys.modules["torch"].set_num_threads(torch)


class Orders:
    """What a fetcher works on.

    Args:
        session: The session of this process.
        fetcher: torch's fetcher.
        carried: What came with its collate function.
        in_worker: Whether this is a worker, and no main process.
    """

    #: Batches that this process has made, by number of the iterator: of persistent workers in several epochs.
    made: ClassVar[dict[int, int]] = {}

    def __init__(self, session: Session, fetcher: Any, carried: Carried, in_worker: bool) -> None:
        self._session = session
        self._iterator = carried.iterator
        self._in_worker = in_worker
        self.worker, self._num_workers = 0, 1
        self._samples = 0
        self._outer: Lane | None = None
        self._is_quiet = False
        if in_worker:
            from torch.utils.data import get_worker_info

            info = get_worker_info()
            if info is not None:
                self.worker, self._num_workers = info.id, info.num_workers
            session.is_worker = True
        self.lane = session.lane("worker", carried.iterator * 1000 + self.worker if in_worker else 0)
        self._watch(fetcher)
        self.lane.kept = samples_of(session, fetcher.dataset, carried.loader)
        now = time.perf_counter_ns()
        rows = self.lane.rows
        if in_worker and not rows.idle_since_ns:
            self.lane.add("start", carried.started_ns, now)
            _set_threads(session)
            cv2 = sys.modules.get("cv2")
            threads = None if cv2 is None or not hasattr(cv2, "getNumThreads") else cv2.getNumThreads()
            told = {"iterator": carried.iterator, "worker": self.worker, "main": carried.pid, "opencv_threads": threads}
            session.tell("worker", **told, started_ns=carried.started_ns, up_ns=now)
        if not self.lane.depth:
            self.lane.enter("idle")
        rows.idle_since_ns = now
        self._counts = session.counts() if in_worker else None
        if self._counts is not None:
            self._counts.cores(now)

    def _watch(self, fetcher: Any) -> None:
        """Look at the dataset and the collate function, which are this process's own."""
        for dataset in watch_datasets(self._session, fetcher.dataset):
            if self._in_worker:  # it is a private copy there
                transforms.watch_chain_of(self._session, dataset)
        collate = fetcher.collate_fn
        if collate is not None:
            fetcher.collate_fn = timed(collate, COLLATE)
            callees.watch(self._session, collate, prefix=_name_of(collate))

    def begin(self, index: Any) -> None:
        """An order is here."""
        self._outer = current.lane
        made = Orders.made[self._iterator] = Orders.made.get(self._iterator, -1) + 1
        number = made * self._num_workers + self.worker
        self._is_quiet = self._session.is_quiet(number)
        if self._is_quiet:
            current.lane = None
            return
        lane = self.lane
        lane.rows.idle_since_ns = 0
        lane.leave_to(1)
        lane.sample = NONE
        self._samples = len(index) if isinstance(index, (list, tuple)) else 0
        current.lane = lane
        key = self._iterator * BATCHES_PER_ITERATOR + number
        lane.enter("rest of fetch")  # what came before was idle, and belongs to no batch
        lane.batch = key

    def end(self) -> None:
        """It is done, well or badly."""
        if self._is_quiet:
            current.lane = self._outer
            return
        lane = self.lane
        lane.leave_to(1)
        callees.forget()
        lane.sample = NONE
        self._key, lane.batch = lane.batch, NONE
        current.lane = self._outer
        if self._counts is not None:
            now = time.perf_counter_ns()
            self._counts.cores(now)
            lane.rows.idle_since_ns = now

    def contents(self, batch: Any) -> tuple[int, int, int]:
        """What the batch holds: its key, its samples, its bytes."""
        return self._key, self._samples or size_of_batch(batch), bytes_of(batch)

    def packed(self, batch: Any) -> Any:
        """The batch as it is to be sent."""
        if self._is_quiet:
            return batch
        if self._in_worker:
            return PackedBatch(batch, self.contents(batch), self.worker)
        for tell in on_arrival:
            tell(batch, self.contents(batch))
        return batch


def watch_datasets(session: Session, dataset: Any) -> list[Any]:
    """Time the samples of a dataset, and of those within it; gives all of these."""
    found = list(_datasets(dataset))
    for one in found:
        _watch_samples(session, type(one))
    return found


def _datasets(dataset: Any, depth: int = 0) -> Iterator[Any]:
    """A dataset and those within it."""
    yield dataset
    if depth < _MOST_DEPTH:
        inner = [getattr(dataset, "dataset", None), *(getattr(dataset, "datasets", None) or ())]
        for one in inner:
            if hasattr(type(one), "__getitem__") and not isinstance(one, (str, bytes, list, tuple, dict)):
                yield from _datasets(one, depth + 1)


def _watch_samples(session: Session, kind: type) -> None:
    """Time the samples of a class of datasets."""
    for name in ("__getitem__", "__getitems__", "__iter__"):
        method = getattr(kind, name, None)
        if method is None or not hasattr(method, "__code__") or is_timed(method):
            continue
        callees.watch(session, method, prefix=kind.__name__)
        if name == "__iter__":
            continue
        session.patch(kind, name, functools.partial(_timed_samples, f"rest of {kind.__name__}.{name}"))


def _timed_samples(stage: str, method: Callable[..., Any]) -> Callable[..., Any]:
    is_single = stage.endswith("__getitem__")

    @functools.wraps(method)
    def timed_sample(self: Any, index: Any) -> Any:
        lane = current.lane
        if lane is None:
            return method(self, index)
        number = index if type(index) is int else _number(index)
        is_outermost = is_single and lane.sample == NONE != number
        lane.enter(stage)
        if is_outermost:
            lane.sample = number
        try:
            if is_outermost and lane.kept is not None and type(index) is int:
                return lane.kept.get(index, lambda: method(self, index))
            return method(self, index)
        finally:
            lane.leave()
            if is_outermost:
                lane.sample = NONE

    return marked(timed_sample)


def samples_of(session: Session, dataset: Any, loader: str) -> Any:
    """What keeps a dataset's samples; None where nobody asks for it, or a sample's index does not name it."""
    kept = chosen().samples_of(loader)
    if kept is None:
        return None
    if not hasattr(type(dataset), "__getitem__"):
        reason = "an iterable data set has no samples that could be told apart"
    elif any(getattr(one, "datasets", None) for one in _datasets(dataset)) and hasattr(type(dataset), "__getitems__"):
        reason = "several data sets in one have samples of the same number"
    else:
        return kept
    session.refuse("cache=sample", reason, "Take cache=decoded")
    return None


def _number(index: Any) -> int:
    """The number of a sample; `NONE` where the index names several, as a list does."""
    try:
        return int(index)
    except (TypeError, ValueError):
        pass
    try:
        return NONE if isinstance(index, (list, tuple, slice)) else hash(index) & 0x7FFFFFFF
    except TypeError:
        return NONE


def _name_of(collate: Any) -> str:
    return getattr(collate, "__qualname__", type(collate).__name__)
