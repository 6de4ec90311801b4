"""torch's DataLoader, with every stage of its workers timed."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing import util
from typing import Any

import psutil
import torch
from torch._C import _remove_worker_pids
from torch.utils.data import DataLoader, Dataset, default_collate, get_worker_info

from workbench.errors import WorkbenchError
from workbench.knobs.measuring import LoaderKnobs
from workbench.measure.loaders.batch_sampler import BatchIndices, IndexedBatchSampler
from workbench.measure.loaders.deaths import explain_death
from workbench.measure.loaders.indexed_batch import IndexedBatch, become_sender, bytes_of, open_rings
from workbench.measure.loaders.loader import map_style_dataset
from workbench.measure.loaders.ring import Ring, slots_of
from workbench.measure.loaders.shared_memory import check_room, free_bytes, remove_segments
from workbench.measure.timing.channel import Channel
from workbench.measure.timing.ranks import ALONE, Rank
from workbench.measure.timing.spans import NONE
from workbench.measure.timing.stages import Stages, become_worker, knock_out, stage, worker_stages
from workbench.memory import retain_freed_memory
from workbench.workload import Workload


class TorchLoader:
    """Feeds the samples of a map-style data set through `torch.utils.data.DataLoader`.

    The data set and the collate function are the user's own, unmodified; what is timed is wrapped around them.

    Args:
        dataset: Any map-style data set.
        collate: Turns a list of its samples into a batch; None: torch's way.
        knobs: Batch size, workers, prefetch and the like.
        pin_memory: Whether batches go to page-locked memory.
        channel: Where the workers write their spans; None: nothing is timed.
        in_worker: Called in every worker when it starts, with its number.
        rank: Which of several processes this is, each of which loads a part.
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        collate: Callable[[list[Any]], Any] | None,
        knobs: LoaderKnobs,
        *,
        pin_memory: bool = False,
        channel: Channel | None = None,
        in_worker: Sequence[Callable[[int], None]] = (),
        rank: Rank = ALONE,
    ) -> None:
        self._sampler = IndexedBatchSampler(
            num_samples=len(dataset),  # type: ignore[arg-type]
            batch_size=knobs.batch_size,
            shuffle=knobs.shuffles,
            seed=knobs.seed,
            endless=knobs.epoch_overlap,
            rank=rank,
        )
        self._overlap = knobs.epoch_overlap
        self._channel = channel
        self._workers = knobs.num_workers
        self._persistent = knobs.persistent_workers and knobs.num_workers > 0
        self._epochs = 0
        self._iterator: Any = None
        self._is_started = False
        several = knobs.num_workers > 0
        rings = make_rings(knobs)
        self._loader: DataLoader[Any] = DataLoader(
            _IndexedDataset(dataset, rings),
            batch_sampler=self._sampler,  # type: ignore[arg-type]
            num_workers=knobs.num_workers,
            collate_fn=IndexedCollate(collate or default_collate, rings, knobs.num_workers),  # type: ignore[arg-type]
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
    def num_samples(self) -> int:
        """Samples in the data set."""
        return self._sampler.num_samples

    @property
    def steps_per_epoch(self) -> int:
        """See `Loader`."""
        return len(self._sampler)

    @property
    def repeats(self) -> Mapping[int, int]:
        """By number of a batch: how many of its samples another rank has as well (see `IndexedBatchSampler`)."""
        return self._sampler.repeats

    def epoch(self) -> Iterator[IndexedBatch]:
        """See `Loader`."""
        self.start()
        self._is_started = False
        if self._overlap:
            return self._batches(itertools.islice(self._iterator, self.steps_per_epoch))
        return self._batches(self._iterator)

    def start(self) -> None:
        """See `Loader`."""
        if self._is_started:
            return
        self._is_started = True
        if self._channel is not None and self._workers and not (self._persistent and self._epochs):
            self._channel.workers_are_started()
        self._epochs += 1
        if self._iterator is None or not self._overlap:
            self._iterator = iter(self._loader)

    def _batches(self, iterator: Iterator[IndexedBatch]) -> Iterator[IndexedBatch]:
        for batch in iterator:
            if isinstance(batch.data, WorkbenchError):
                raise batch.data
            yield batch

    def disarm(self) -> None:
        """See `Loader`."""
        disarm(self._iterator)

    def close(self) -> list[str]:
        """See `Loader`."""
        iterator, self._iterator = self._iterator, None
        return stop_workers(iterator)


class _IndexedDataset(Dataset[Any]):
    """Asks the user's data set for the samples of a batch, telling the worker's stages what they are working on.

    A data set with torch's `__getitems__` gets the indices as a whole; it may give a list of samples, or a batch, which
    it may make in the worker's ring.

    An error that a user can act on travels as the batch itself, so that it arrives as it was raised; torch would make a
    text of it.
    """

    def __init__(self, dataset: Dataset[Any], rings: list[Ring]) -> None:
        self._dataset = dataset
        self._rings = rings

    def __getitems__(self, indices: BatchIndices) -> tuple[BatchIndices, list[Any] | WorkbenchError]:
        number, numbers = indices
        stages = worker_stages()
        gather = getattr(self._dataset, "__getitems__", None)
        ring = ring_here(self._rings)
        try:
            if stages is not None:
                stages.begin_batch(number)
            if gather is not None:
                return indices, gather(numbers) if ring is None else ring.make(lambda: gather(numbers))
            if stages is None:
                return indices, [self._dataset[sample] for sample in numbers]
            samples = []
            for sample in numbers:
                stages.sample = sample
                samples.append(self._dataset[sample])
            stages.sample = NONE
        except WorkbenchError as error:
            return indices, error
        return indices, samples


class IndexedCollate:
    """Runs the user's collate function and gives the batch its number.

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

    def __call__(self, made: tuple[BatchIndices, list[Any] | WorkbenchError]) -> IndexedBatch:
        """Collate the samples of a batch."""
        (number, numbers), samples = made
        worker, ring = get_worker_info(), ring_here(self._rings)
        if isinstance(samples, WorkbenchError):
            if ring is not None:
                ring.drop()
            return IndexedBatch(samples, number, numbers)
        try:
            batch = self._made(samples, number, numbers, ring)
            if worker is not None and not self._is_checked:
                self._is_checked = True
                check_room(self._num_workers, batch.num_bytes, self._free)
        except WorkbenchError as error:
            return IndexedBatch(error, number, numbers)
        except (RuntimeError, OSError) as error:
            # torch makes the batch in /dev/shm here already, and has no room for it.
            known = explain_death(error, num_workers=self._num_workers, batch_bytes=bytes_of(samples), free=self._free)
            if worker is None or not isinstance(known, WorkbenchError):
                raise
            return IndexedBatch(known, number, numbers)
        return batch

    def _made(self, samples: list[Any], number: int, numbers: list[int], ring: Ring | None) -> IndexedBatch:
        with stage("collate"):
            data = self._collate(samples) if ring is None else ring.make(lambda: self._collate(samples))
            batch = IndexedBatch(data, number, numbers, bytes_of(data))
        if ring is not None:
            with stage("send"):
                batch.put_into(ring)
        stages = worker_stages()
        if stages is not None:
            stages.end_batch()
        return batch


def make_rings(knobs: LoaderKnobs) -> list[Ring]:
    """A ring for each worker, where the knobs ask for them; from here on this process receives from them."""
    rings = []
    if knobs.transport == "ring":
        rings = [Ring(worker, slots_of(knobs)) for worker in range(knobs.num_workers)]
    open_rings(rings)
    return rings


def ring_here(rings: list[Ring]) -> Ring | None:
    """The ring of this loader worker, where there is one."""
    worker = get_worker_info()
    return rings[worker.id] if rings and worker is not None else None


def load_here(knobs: LoaderKnobs, channel: Channel | None) -> None:
    """The main process is going to load the samples itself."""
    if knobs.malloc_retain:
        retain_freed_memory()
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
    """Stop the workers of a DataLoader's iterator, where it has any; this process loads no samples any more, either.

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
        knobs: LoaderKnobs,
        channel: Channel | None,
        in_worker: Sequence[Callable[[int], None]] = (),
    ) -> None:
        self._channel = channel
        self._in_worker = in_worker
        self._retain_memory = knobs.malloc_retain

    def __call__(self, number: int) -> None:
        """Set up worker `number`."""
        if self._retain_memory:
            retain_freed_memory()
        # What this worker may share with its parent under fork is not the worker's.
        become_worker(None)
        # A worker is stopped by its parent; an interrupt from the terminal goes to the parent alone.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        util.Finalize(None, _end_at_once, exitpriority=_LAST)
        if self._channel is not None and get_worker_info() is not None:
            knock_out(self._channel.knocked_out)
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
    workload: Workload,
    knobs: LoaderKnobs,
    *,
    pin_memory: bool,
    channel: Channel | None,
    in_worker: Sequence[Callable[[int], None]] = (),
    rank: Rank = ALONE,
) -> TorchLoader:
    """A loader of the workload's data set."""
    dataset, collate = map_style_dataset(workload), workload.collate()
    return TorchLoader(dataset, collate, knobs, pin_memory=pin_memory, channel=channel, in_worker=in_worker, rank=rank)
