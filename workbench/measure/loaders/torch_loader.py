"""torch's DataLoader, with every stage of its workers timed."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import util
from typing import Any

import psutil
import torch
from torch._C import _remove_worker_pids
from torch.utils.data import DataLoader, Dataset, Sampler, get_worker_info

from workbench.errors import WorkbenchError
from workbench.knobs.knobs import Knobs
from workbench.measure.loaders.indexed_batch import IndexedBatch, become_sender, open_rings
from workbench.measure.loaders.loader import explain_death
from workbench.measure.loaders.retained_memory import keep_freed_memory
from workbench.measure.loaders.ring import Ring
from workbench.measure.loaders.shared_memory import array_bytes, check_room, free_bytes, remove_segments
from workbench.measure.loaders.source import Source
from workbench.measure.timing.channel import Channel
from workbench.measure.timing.spans import NONE
from workbench.measure.timing.stages import Stages, become_worker, stage, worker_stages

#: Number of a batch, and the numbers of its pages.
Order = tuple[int, list[int]]


class TorchLoader:
    """Feeds the pages of a map-style data set through `torch.utils.data.DataLoader`.

    The data set and the collate function are the user's own, unmodified; what is timed is wrapped around them.

    Args:
        dataset: Any map-style data set.
        collate: Turns a list of its samples into a batch.
        knobs: Batch size, workers, prefetch and the like.
        pin_memory: Whether batches go to page-locked memory.
        channel: Where the workers write their spans; None: nothing is timed.
        in_worker: Called in every worker when it starts, with its number.
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        collate: Callable[[list[Any]], Any],
        knobs: Knobs,
        *,
        pin_memory: bool = False,
        channel: Channel | None = None,
        in_worker: Sequence[Callable[[int], None]] = (),
    ) -> None:
        self._orders = Orders(
            num_pages=len(dataset),  # type: ignore[arg-type]
            batch_size=knobs.batch_size,
            shuffle=knobs.mode == "train",
            seed=knobs.seed,
            endless=knobs.epochs == "joined",
        )
        self._joined = knobs.epochs == "joined"
        self._channel = channel
        self._workers = knobs.num_workers
        self._persistent = knobs.persistent_workers and knobs.num_workers > 0
        self._epochs = 0
        self._iterator: Any = None
        several = knobs.num_workers > 0
        rings = make_rings(knobs)
        self._loader: DataLoader[Any] = DataLoader(
            _OrderedDataset(dataset),
            batch_sampler=self._orders,  # type: ignore[arg-type]
            num_workers=knobs.num_workers,
            collate_fn=IndexedCollate(collate, rings, knobs.num_workers),  # type: ignore[arg-type]
            pin_memory=pin_memory,
            prefetch_factor=knobs.prefetch_factor if several else None,
            persistent_workers=self._persistent,
            in_order=knobs.in_order,
            multiprocessing_context=knobs.start_method if several else None,
            worker_init_fn=StartWorker(knobs, channel, in_worker) if several else None,
            generator=torch.Generator().manual_seed(knobs.seed),
        )
        if not several:
            load_here(knobs, channel)

    @property
    def steps_per_epoch(self) -> int:
        """See `Loader`."""
        return len(self._orders)

    def epoch(self) -> Iterator[IndexedBatch]:
        """See `Loader`. Asking for the iterator starts the workers where they aren't running yet."""
        if self._channel is not None and self._workers and not (self._persistent and self._epochs):
            self._channel.workers_are_started()
        self._epochs += 1
        if self._iterator is None or not self._joined:
            self._iterator = iter(self._loader)
        if self._joined:
            return self._parcels(itertools.islice(self._iterator, self.steps_per_epoch))
        return self._parcels(self._iterator)

    def _parcels(self, iterator: Iterator[IndexedBatch]) -> Iterator[IndexedBatch]:
        for parcel in iterator:
            if isinstance(parcel.batch, WorkbenchError):
                raise parcel.batch
            yield parcel

    def disarm(self) -> None:
        """See `Loader`."""
        disarm(self._iterator)

    def close(self) -> list[str]:
        """See `Loader`."""
        iterator, self._iterator = self._iterator, None
        return stop_workers(iterator)


class Orders(Sampler[Order]):
    """The batches of an epoch: in order, or shuffled anew in every epoch; numbered on from epoch to epoch.

    Args:
        num_pages: Pages in an epoch.
        batch_size: Pages in a batch.
        shuffle: Whether they are shuffled.
        seed: Of the shuffling.
        endless: One epoch after the other, without an end.
    """

    def __init__(self, *, num_pages: int, batch_size: int, shuffle: bool, seed: int, endless: bool = False) -> None:
        self._num_pages = num_pages
        self._batch_size = batch_size
        self._shuffle = shuffle
        self._generator = torch.Generator().manual_seed(seed)
        self._next_number = 0
        self._endless = endless

    def __len__(self) -> int:
        """Batches in an epoch, the last one possibly smaller."""
        return -(-self._num_pages // self._batch_size)

    def __iter__(self) -> Iterator[Order]:
        """The orders of the next epoch, or of all that are to come."""
        while True:
            yield from self._epoch()
            if not self._endless:
                return

    def _epoch(self) -> Iterator[Order]:
        pages = list(range(self._num_pages))
        if self._shuffle:
            pages = [int(number) for number in torch.randperm(self._num_pages, generator=self._generator)]
        for begin in range(0, self._num_pages, self._batch_size):
            number = self._next_number
            self._next_number += 1
            yield number, pages[begin : begin + self._batch_size]


class _OrderedDataset(Dataset[Any]):
    """Hands an order on to the user's data set page by page, telling the worker's stages what they are working on.

    A data set with torch's `__getitems__` gets the order as a whole; it may give a list of samples, or a batch.

    An error that a user can act on travels as the batch itself, so that it arrives as it was raised; torch would make a
    text of it.
    """

    def __init__(self, dataset: Dataset[Any]) -> None:
        self._dataset = dataset

    def __getitems__(self, order: Order) -> tuple[Order, list[Any] | WorkbenchError]:
        number, pages = order
        stages = worker_stages()
        gather = getattr(self._dataset, "__getitems__", None)
        try:
            if stages is not None:
                stages.begin_batch(number)
            if gather is not None:
                return order, gather(pages)
            if stages is None:
                return order, [self._dataset[page] for page in pages]
            samples = []
            for page in pages:
                stages.page = page
                samples.append(self._dataset[page])
            stages.page = NONE
        except WorkbenchError as error:
            return order, error
        return order, samples


class IndexedCollate:
    """Runs the user's collate function and packs the batch with its number.

    Args:
        collate: Turns a list of samples into a batch.
        rings: A ring for each worker, where batches travel in rings.
        num_workers: Loader workers, whose batches go through /dev/shm where they don't travel in rings.
    """

    def __init__(self, collate: Callable[[list[Any]], Any], rings: list[Ring], num_workers: int) -> None:
        self._collate = collate
        self._rings = rings
        self._num_workers = num_workers
        self._free = free_bytes()
        self._is_checked = bool(rings)  # so is the first batch of each worker, before it goes out

    def __call__(self, made: tuple[Order, list[Any] | WorkbenchError]) -> IndexedBatch:
        """Collate the samples of an order."""
        (number, pages), samples = made
        if isinstance(samples, WorkbenchError):
            return IndexedBatch(samples, number, pages)
        worker = get_worker_info()
        ring = self._rings[worker.id] if self._rings and worker is not None else None
        try:
            parcel = self._packed(samples, number, pages, ring)
            if worker is not None and not self._is_checked:
                self._is_checked = True
                check_room(self._num_workers, array_bytes(parcel.batch), self._free)
        except WorkbenchError as error:
            return IndexedBatch(error, number, pages)
        except (RuntimeError, OSError) as error:
            # torch makes the batch in /dev/shm here already, and has no room for it.
            known = explain_death(
                error, num_workers=self._num_workers, batch_bytes=array_bytes(samples), free=self._free
            )
            if worker is None or not isinstance(known, WorkbenchError):
                raise
            return IndexedBatch(known, number, pages)
        return parcel

    def _packed(self, samples: list[Any], number: int, pages: list[int], ring: Ring | None) -> IndexedBatch:
        with stage("collate"):
            batch = self._collate(samples) if ring is None else ring.make(lambda: self._collate(samples))
            parcel = IndexedBatch(batch, number, pages)
        if ring is not None:
            with stage("send"):
                parcel.put_into(ring)
        stages = worker_stages()
        if stages is not None:
            stages.end_batch()
        return parcel


#: Slots of a worker's ring beyond the batches that it loads ahead: those that the main process holds.
_SLOTS_IN_USE = 5


def make_rings(knobs: Knobs) -> list[Ring]:
    """A ring for each worker, where the knobs ask for them; from here on this process receives from them."""
    rings = []
    if knobs.transport == "ring":
        rings = [Ring(worker, knobs.prefetch_factor + _SLOTS_IN_USE) for worker in range(knobs.num_workers)]
    open_rings(rings)
    return rings


def load_here(knobs: Knobs, channel: Channel | None) -> None:
    """The main process is going to load the pages itself."""
    if knobs.freed_memory == "kept":
        keep_freed_memory()
    if channel is not None:
        become_worker(channel.worker_is_up(0))


def disarm(iterator: Any) -> None:
    """Keep the deaths of an iterator's workers from interrupting this process.

    torch raises them out of a handler of SIGCHLD, wherever the main process happens to be. From here on they only come
    up where the iterator is asked for a batch that a dead worker should have made.
    """
    if getattr(iterator, "_worker_pids_set", False):
        _remove_worker_pids(id(iterator))
        iterator._worker_pids_set = False


def stop_workers(iterator: Any) -> list[str]:
    """Stop the workers of a DataLoader's iterator, where it has any; this process loads no pages any more, either.

    Returns:
        What went wrong meanwhile, a sentence each: nothing is raised for it.
    """
    become_worker(None)
    workers = list(getattr(iterator, "_workers", []))
    if not workers:
        return []
    notes = []
    for _ in range(2):  # what a death interrupted is done once more; what was done is not done again
        try:
            disarm(iterator)
            iterator._shutdown_workers()
        except (RuntimeError, OSError) as error:
            notes.append(f"while the loader workers were being stopped: {explain_death(error) or error}")
        else:
            break
    for worker in workers:
        if worker.is_alive():
            worker.kill()
            worker.join()
    notes += [
        f"loader worker {number} (pid {worker.pid}) ended with {_cause(worker.exitcode)} while it was being stopped"
        for number, worker in enumerate(workers)
        if worker.exitcode
    ]
    remove_segments([worker.pid for worker in workers], since_s=psutil.Process().create_time())
    return notes


def _cause(exitcode: int) -> str:
    return f"signal {signal.Signals(-exitcode).name}" if exitcode < 0 else f"exit code {exitcode}"


class StartWorker:
    """The first thing that a worker process does."""

    def __init__(
        self,
        knobs: Knobs,
        channel: Channel | None,
        in_worker: Sequence[Callable[[int], None]] = (),
    ) -> None:
        self._channel = channel
        self._in_worker = in_worker
        self._keep_memory = knobs.freed_memory == "kept"

    def __call__(self, number: int) -> None:
        """Set up worker `number`."""
        if self._keep_memory:
            keep_freed_memory()
        # What this worker may share with its parent under fork is not the worker's.
        become_worker(None)
        # A worker is stopped by its parent; an interrupt from the terminal goes to the parent alone.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        util.Finalize(None, _end_at_once, exitpriority=_LAST)
        if self._channel is not None and get_worker_info() is not None:
            become_sender(Stages(self._channel.senders[number], self._channel.clock))
            become_worker(self._channel.worker_is_up(number))
        for call in self._in_worker:
            call(number)


#: After everything else that is done when a worker ends by itself.
_LAST = -100


def _end_at_once() -> None:
    """End a worker that has done its work as a forked one ends: without taking the interpreter apart.

    A spawned worker would do that while the thread that sends its batches still runs (torch does not wait for it). The
    interpreter ends such a thread as soon as it wants to go on; inside torch's C++ this is "terminate called without an
    active exception", and the worker aborts. A worker that an error ends is left to end as it does, with its exit code.
    """
    if sys.exc_info()[0] is None:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(0)


def open_loader(
    source: Source,
    knobs: Knobs,
    *,
    pin_memory: bool,
    channel: Channel | None,
    in_worker: Sequence[Callable[[int], None]] = (),
) -> TorchLoader:
    """A loader of the source's data set."""
    return TorchLoader(
        source.dataset, source.collate, knobs, pin_memory=pin_memory, channel=channel, in_worker=in_worker
    )
