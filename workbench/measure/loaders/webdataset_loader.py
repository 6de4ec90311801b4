"""WebDataset: every worker streams tar files of its own, from begin to end."""

from __future__ import annotations

import itertools
import random
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import webdataset as wds
from torch.utils.data import DataLoader, IterableDataset, default_collate, get_worker_info

from workbench.errors import BadInput, Problem, WorkbenchError
from workbench.feeds import Sharded, ShardFeed
from workbench.knobs.measuring import LoaderKnobs
from workbench.measure.loaders.indexed_batch import IndexedBatch
from workbench.measure.loaders.torch_loader import (
    IndexedCollate,
    StartWorker,
    disarm,
    load_here,
    make_rings,
    stop_workers,
)
from workbench.measure.timing.channel import Channel
from workbench.measure.timing.spans import NONE
from workbench.measure.timing.stages import stage, worker_stages
from workbench.units import counted
from workbench.workload import Workload

#: Samples that wait in each worker's shuffle buffer while training.
_SHUFFLE_BUFFER = 64


@dataclass(frozen=True)
class Position:
    """Where an epoch stands; a loader of the same knobs can go on from there.

    Attributes:
        epoch: Number of the epoch, from 0.
        batches: Batches of it that have arrived.
    """

    epoch: int
    batches: int


class WebDatasetLoader:
    """See `Loader`.

    Shards are dealt out to the workers, `shards[worker::num_workers]`, so every sample comes once in an epoch. A worker
    makes batches of its own samples; its last one may be smaller.

    Args:
        feed: The shards, and what makes samples of their files.
        collate: Turns a list of samples into a batch.
        knobs: Batch size, workers (no more than shards), prefetch, seed and the like; mode=train shuffles shards and
            samples.
        pin_memory: Whether batches go to page-locked memory.
        channel: Where the workers write their spans; None: nothing is timed.
        in_worker: Called in every worker when it starts, with its number.
    """

    def __init__(
        self,
        feed: ShardFeed,
        collate: Callable[[list[Any]], Any] | None,
        knobs: LoaderKnobs,
        *,
        pin_memory: bool = False,
        channel: Channel | None = None,
        in_worker: Sequence[Callable[[int], None]] = (),
    ) -> None:
        workers = max(knobs.num_workers, 1)
        several = knobs.num_workers > 0
        self._channel = channel
        self._several = several
        self._in_order = knobs.in_order
        self._persistent = knobs.persistent_workers and several
        self._num_batches = _Turns(feed.shards, workers, knobs.batch_size).num_batches
        self._next = Position(0, 0)
        self._started = False
        self._is_started = False
        self._iterator: Any = None
        # The position travels in shared memory: persistent workers keep the data set that they were started with.
        self._position = torch.zeros(2, dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]
        rings = make_rings(knobs)
        self._loader: DataLoader[Any] = DataLoader(
            _Shards(feed, IndexedCollate(collate or default_collate, rings, knobs.num_workers), knobs, self._position),
            batch_size=None,
            num_workers=knobs.num_workers,
            pin_memory=pin_memory,
            prefetch_factor=knobs.prefetch_factor if several else None,
            persistent_workers=self._persistent,
            multiprocessing_context=knobs.start_method if several else None,
            worker_init_fn=StartWorker(knobs, channel, in_worker) if several else None,
            in_order=knobs.in_order,
        )
        if not several:
            load_here(knobs, channel)

    @property
    def steps_per_epoch(self) -> int:
        """See `Loader`."""
        return self._num_batches

    def epoch(self) -> Iterator[IndexedBatch]:
        """See `Loader`; the first one goes on from where `resume` said."""
        self.start()
        self._is_started = False
        return self._batches(self._iterator)

    def start(self) -> None:
        """See `Loader`."""
        if self._is_started:
            return
        self._is_started = True
        if self._channel is not None and self._several and not (self._persistent and self._started):
            self._channel.workers_are_started()
        self._started = True
        self._position[0], self._position[1] = self._next.epoch, self._next.batches
        self._iterator = iter(self._loader)

    @property
    def position(self) -> Position:
        """Where the loader stands: what `resume` takes."""
        return self._next

    def resume(self, position: Position) -> None:
        """Let the next epoch be this one, without the batches of it that have arrived already.

        Raises:
            BadInput: With in_order=False, where it isn't known which ones they were.
        """
        if not self._in_order and position.batches:
            what = "batches that arrive as they are ready have no number to go on from"
            raise BadInput("knobs", [Problem(what, "in_order", "Take in_order=true to resume an epoch")])
        self._next = position

    def disarm(self) -> None:
        """See `Loader`."""
        disarm(self._iterator)

    def close(self) -> list[str]:
        """See `Loader`."""
        iterator, self._iterator = self._iterator, None
        return stop_workers(iterator)

    def _batches(self, iterator: Iterator[IndexedBatch]) -> Iterator[IndexedBatch]:
        for batch in iterator:
            if isinstance(batch.data, WorkbenchError):
                raise batch.data
            self._next = Position(self._next.epoch, self._next.batches + 1)
            if self._next.batches == self.steps_per_epoch:
                self._next = Position(self._next.epoch + 1, 0)
            yield batch


class _Shards(IterableDataset[IndexedBatch]):
    """The batches of one worker."""

    def __init__(self, feed: ShardFeed, collate: IndexedCollate, knobs: LoaderKnobs, position: torch.Tensor) -> None:
        self._feed = feed
        self._collate = collate
        self._position = position
        self._size = knobs.batch_size
        self._shuffle = knobs.shuffles
        self._seed = knobs.seed
        self._workers = max(knobs.num_workers, 1)

    def __iter__(self) -> Iterator[IndexedBatch]:
        worker = get_worker_info()
        epoch, arrived = (int(value) for value in self._position)
        turns = _Turns(self._feed.shards, self._workers, self._size)
        # The loader asks worker 0 first; where an epoch is resumed, that one takes the share whose turn it is.
        share, skip = turns.share_of(0 if worker is None else worker.id, arrived)
        entries = self._entries(share, epoch, turns.num_samples, skip * self._size)
        stages = worker_stages()
        while True:
            number = epoch * turns.num_batches + turns.rank(share, skip)
            if stages is not None:
                stages.begin_batch(number)
            made = self._made(entries)
            if made is None:
                if stages is not None:
                    stages.end_batch()
                return
            numbers, samples = made
            yield self._collate(((number, numbers), samples))
            skip += 1

    def _made(self, entries: Iterator[Mapping[str, Any]]) -> tuple[list[int], list[Any] | WorkbenchError] | None:
        """The numbers and samples of the next batch, or the error that one of them raises; None at the end."""
        stages = worker_stages()
        numbers: list[int] = []
        samples: list[Any] = []
        while len(numbers) < self._size:
            try:
                with stage("read"):
                    entry = next(entries, None)
            except WorkbenchError as error:
                return numbers, error
            if entry is None:
                break
            numbers.append(int(entry["__key__"]))
            if stages is not None:
                stages.sample = numbers[-1]
            try:
                samples.append(self._feed.make(numbers[-1], entry))
            except WorkbenchError as error:
                return numbers, error
            finally:
                if stages is not None:
                    stages.sample = NONE
        return (numbers, samples) if numbers else None

    def _entries(self, share: int, epoch: int, num_samples: int, skip: int) -> Iterator[Mapping[str, Any]]:
        """The files of each sample of a share, in order, or shuffled by seed and epoch."""
        ends = itertools.accumulate(count for _, count in self._feed.shards)
        ranges = [range(end - count, end) for end, (_, count) in zip(ends, self._feed.shards, strict=True)]
        numbers = {number for each in ranges[share :: self._workers] for number in each}
        urls = [str(path) for path, _ in self._feed.shards[share :: self._workers]]
        places = ", ".join(urls)
        steps: list[Any] = [wds.tarfile_to_samples()]
        if self._shuffle:
            random.Random(f"{self._seed} {epoch} {share}").shuffle(urls)
            steps.append(wds.detshuffle(_SHUFFLE_BUFFER, seed=self._seed, epoch=epoch - 1))  # it counts up first
        entries = wds.DataPipeline(wds.SimpleShardList(urls), *steps)
        # Of the last shard perhaps only the first samples were asked for.
        wanted = (entry for entry in entries if int(entry["__key__"]) < num_samples)
        return itertools.islice(_all_of(wanted, numbers, places), skip, None)


def _all_of(entries: Iterator[Mapping[str, Any]], numbers: set[int], places: str) -> Iterator[Mapping[str, Any]]:
    """The entries of shards, if they are what they were.

    A tar file that is cut where an entry begins ends there as if it were whole.

    Args:
        entries: What is read of the shards.
        numbers: The samples that are to be in them.
        places: Where the shards lie, for messages.

    Raises:
        BadInput: Where one cannot be read any more, a sample is missing, or there is one of another shard.
    """
    missing, why = set(numbers), ""
    try:
        for entry in entries:
            if int(entry["__key__"]) not in missing:
                why = f"have changed: sample {entry['__key__']} came twice, or belongs to another shard"
                break
            missing.remove(int(entry["__key__"]))
            yield entry
    except (OSError, EOFError, ValueError, tarfile.TarError) as error:
        why = f"cannot be read any more ({' '.join(str(error).split())})"
    if missing or why:
        given = counted(len(numbers) - len(missing), "sample")
        why = why or f"have changed: they gave {given} where there were {len(numbers)}"
        remedy = "Leave the data set alone while a trial runs, and run it again; or write the shards anew"
        raise BadInput("the data set", [Problem(why, places, remedy)])


class _Turns:
    """Who delivers which batch: the shares of the workers are asked one after the other, until each is used up."""

    def __init__(self, shards: Sequence[tuple[Path, int]], workers: int, size: int) -> None:
        samples = [sum(count for _, count in shards[share::workers]) for share in range(workers)]
        self._counts = [-(-count // size) for count in samples]
        self.num_samples = sum(samples)
        self.num_batches = sum(self._counts)

    def share_of(self, worker: int, arrived: int) -> tuple[int, int]:
        """The share that a worker takes once `arrived` batches have come, and how many of these were the share's."""
        order = [(batch, share) for share, count in enumerate(self._counts) for batch in range(count)]
        order.sort()
        taken = [sum(share == one for _, share in order[:arrived]) for one in range(len(self._counts))]
        first = order[arrived][1] if arrived < len(order) else 0
        share = (first + worker) % len(self._counts)
        return share, taken[share]

    def rank(self, share: int, batch: int) -> int:
        """The place of a share's batch in the order of arrival, from 0."""
        before = sum(min(count, batch) for count in self._counts)
        return before + sum(count > batch for count in self._counts[:share])


def open_loader(
    workload: Workload,
    knobs: LoaderKnobs,
    *,
    pin_memory: bool,
    channel: Channel | None,
    in_worker: Sequence[Callable[[int], None]] = (),
) -> WebDatasetLoader:
    """A loader of the workload's shards.

    Raises:
        BadInput: As `feed_of`.
    """
    feed = feed_of(workload, knobs)
    return WebDatasetLoader(
        feed, workload.collate(), knobs, pin_memory=pin_memory, channel=channel, in_worker=in_worker
    )


def feed_of(workload: Workload, knobs: LoaderKnobs) -> ShardFeed:
    """The workload's shards.

    Raises:
        BadInput: Where it has none, or fewer than there are workers.
    """
    if not isinstance(workload, Sharded):
        remedy = "Take loader=torch, or give the workload a method shard_feed (workbench.feeds.Sharded)"
        raise BadInput("knobs", [Problem("this workload has no shards to stream", "loader=webdataset", remedy)])
    feed = workload.shard_feed()
    if len(feed.shards) < knobs.num_workers:
        have = "there is 1" if len(feed.shards) == 1 else f"there are {len(feed.shards)}"
        what = f"{knobs.num_workers} workers need a shard each, and {have}"
        remedy = "Lower num_workers, or write more: workbench pages --to webdataset --shards N"
        raise BadInput("knobs", [Problem(what, "loader=webdataset with num_workers", remedy)])
    return feed
