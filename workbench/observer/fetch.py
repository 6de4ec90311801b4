"""A batch in the making, in a worker or (without workers) in the main process: torch's fetchers, seen from inside."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from . import callees, profilers, transforms
from .clock import now_ns
from .counts import SELDOM_NS
from .lane import Lane, current
from .names import behind
from .packed_batch import PackedBatch, bytes_of, on_arrival, size_of_batch
from .refusals import is_iterable, refuse_copies
from .rows import BATCHES_PER_ITERATOR, NONE
from .session import Session
from .strategies.chosen import chosen
from .timed import cost_ns, is_timed, marked, timed

#: Datasets within datasets that are looked at.
_MOST_DEPTH = 4

COLLATE = "collate"

#: Batches after whose making it is known what looking into their samples costs: as many as no step counts of a loader.
_FIRST_TRIES = 2

#: After this many it is left as it is: a batch that others disturb takes longer, and hides what looking costs.
_TRIES = 6

#: Spans of a batch that are too few to cost anything.
_FEW_SPANS = 40

#: More of a batch's own time than this is too much.
_MOST_COST = 0.05


class Carried:
    """A collate function on its way to the process that uses it, with whose it is. As picklable as the function is.

    Attributes:
        collate: The user's.
        iterator: Number of the iterator.
        loader: Name of the loader.
        is_set: Whether knobs of its loader are set from outside.
        pid: The process that has made the iterator.
        started_ns: When.
    """

    def __init__(self, collate: Any, iterator: int, loader: str, *, is_set: bool = False) -> None:
        self.collate = collate
        self.iterator = iterator
        self.loader = loader
        self.is_set = is_set
        self.pid = os.getpid()
        self.started_ns = now_ns()

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

    #: Data sets of this process whose samples are timed by the batch.
    whole: ClassVar[set[type]] = set()

    def __init__(self, session: Session, fetcher: Any, carried: Carried, in_worker: bool) -> None:
        self._session = session
        self._iterator = carried.iterator
        self._in_worker = in_worker
        self.worker, self._num_workers = 0, 1
        self._samples = 0
        self._outer: Lane | None = None
        self._is_quiet = False
        self._dataset = type(fetcher.dataset)
        self._is_whole = self._dataset in Orders.whole
        self._stage = f"samples of {self._dataset.__name__}" if self._is_whole else "rest of fetch"
        self._tries = 0 if can_be_short(session) and not self._is_whole else _TRIES
        if in_worker:
            from torch.utils.data._utils.worker import get_worker_info  # the one that nobody looks at

            info = get_worker_info()
            if info is not None:
                self.worker, self._num_workers = info.id, info.num_workers
            session.is_worker = True
        self.lane = session.lane("worker", carried.iterator * 1000 + self.worker if in_worker else 0)
        self._watch(fetcher)
        self._unwatched = fetcher if is_iterable(fetcher.dataset) else None  # its iterator is made later
        self._checked = fetcher.dataset if in_worker and carried.is_set else None
        self.lane.kept = samples_of(session, fetcher.dataset, carried.loader)
        now = now_ns()
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
        self._kinds = tuple(type(dataset) for dataset in datasets_of(fetcher.dataset))
        for dataset in () if self._is_whole else watch_datasets(self._session, fetcher.dataset):
            if self._in_worker:  # it is a private copy there
                transforms.watch_chain_of(self._session, dataset)
        collate = fetcher.collate_fn
        if self._in_worker:
            own = profilers.of(self._session)
            own.time_lines(datasets_of(fetcher.dataset), collate, f"worker-{self.worker}")
        if collate is not None:
            fetcher.collate_fn = self._timed_collate(timed(collate, COLLATE))
            callees.watch(self._session, collate, prefix=_name_of(collate))

    def begin(self, index: Any) -> None:
        """An order is here."""
        if self._unwatched is not None:
            stage = f"rest of {type(self._unwatched.dataset).__name__}.__iter__"
            self._unwatched.dataset_iter = _TimedIterator(self._unwatched.dataset_iter, stage)
            self._unwatched = None
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
        current.lane = None if self._is_whole else lane
        key = self._iterator * BATCHES_PER_ITERATOR + number
        self._began = lane.rows.count, now_ns()
        lane.enter(self._stage)  # what came before was idle, and belongs to no batch
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
        if self._tries < _TRIES:
            self._see_cost()
        if self._counts is not None:
            now = now_ns()
            self._counts.cores(now, SELDOM_NS)
            lane.rows.idle_since_ns = now
            if self._session.profilers:
                profilers.of(self._session).write_lines()
        if self._checked is not None:
            refuse_copies(self._session, self._checked, self._num_workers)
            self._checked = None

    def _timed_collate(self, collate: Callable[..., Any]) -> Callable[..., Any]:
        """The collate function, which is timed by itself also where the samples are not."""

        @functools.wraps(collate)
        def put_together(*args: Any, **kwargs: Any) -> Any:
            if not self._is_whole:
                return collate(*args, **kwargs)
            current.lane = self.lane
            try:
                return collate(*args, **kwargs)
            finally:
                current.lane = None

        return put_together

    def _see_cost(self) -> None:
        """Time the samples of a batch as a whole from now on, where looking into each would take too much of it."""
        self._tries += 1
        spans, took_ns = self.lane.rows.count - self._began[0], now_ns() - self._began[1]
        if self._tries < _FIRST_TRIES or spans < _FEW_SPANS:
            return
        cost = spans / 2 * cost_ns()
        if cost > _MOST_COST * (took_ns - cost):
            self._is_whole, self._stage = True, f"samples of {self._dataset.__name__}"
            Orders.whole.add(self._dataset)
            self._session.unpatch(*self._kinds)
            text = f"samples of {self._dataset.__name__} are too short to be looked into one by one"
            self._session.tell("note", text=f"{text}: they are timed by the batch")

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


def can_be_short(session: Session) -> bool:
    """Whether samples may go without being looked at: strategies and profilers have something to do in each."""
    settings = session.settings
    return settings.get("cache", "none") == "none" and not settings.get("knock_out") and not session.profilers


def watch_datasets(session: Session, dataset: Any) -> list[Any]:
    """Time the samples of a dataset, and of those within it; gives all of these."""
    found = datasets_of(dataset)
    for one in found:
        _watch_samples(session, type(one))
    return found


def in_order(dataset: Any) -> Iterator[Any]:
    """The samples of a dataset from its first one on, made as they are asked for."""
    return iter(dataset) if is_iterable(dataset) else (dataset[number] for number in range(len(dataset)))


def datasets_of(dataset: Any, depth: int = 0) -> list[Any]:
    """A dataset and those within it."""
    dataset = dataset if behind(dataset) is dataset else behind(dataset).dataset
    found = [dataset]
    if depth < _MOST_DEPTH:
        inner = [getattr(dataset, "dataset", None), *(getattr(dataset, "datasets", None) or ())]
        for one in inner:
            if hasattr(type(one), "__getitem__") and not isinstance(one, (str, bytes, list, tuple, dict)):
                found += datasets_of(one, depth + 1)
    return found


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


class _TimedIterator:
    """The iterator of an iterable data set, each of whose samples is a stage; in all else it is that iterator."""

    def __init__(self, iterator: Any, stage: str) -> None:
        self._iterator = iterator
        self._next = timed(iterator.__next__, stage)

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return self._next()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._iterator, name)


def samples_of(session: Session, dataset: Any, loader: str) -> Any:
    """What keeps a dataset's samples; None where nobody asks for it, or a sample's index does not name it."""
    kept = chosen().samples_of(loader)
    if kept is None:
        return None
    if not hasattr(type(dataset), "__getitem__"):
        reason = "an iterable data set has no samples that could be told apart"
    elif any(getattr(one, "datasets", None) for one in datasets_of(dataset)) and hasattr(type(dataset), "__getitems__"):
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
