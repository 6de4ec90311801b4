"""SPDL: threads of the main process make batches, handed on by SPDL's pipeline; nothing crosses to another process.

Each thread makes a whole batch at a time: libraries that decode, resize and draw let go of the interpreter's lock
meanwhile. The samples are the data set's own, by the decoder that the knobs name. SPDL's decoder (`spdl.io`) wants an
FFmpeg of the system's, and has no JPEGs at half size, so that it is not what SPDL is fastest with.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from spdl.pipeline import PipelineBuilder
from torch.utils.data import Dataset, default_collate
from torch.utils.data._utils.pin_memory import pin_memory

from workbench.errors import WorkbenchError
from workbench.knobs.measuring import LoaderKnobs
from workbench.measure.loaders.batch_sampler import BatchIndices, IndexedBatchSampler
from workbench.measure.loaders.indexed_batch import IndexedBatch, bytes_of
from workbench.measure.loaders.loader import map_style_dataset
from workbench.measure.timing.channel import Channel
from workbench.measure.timing.stages import become_worker
from workbench.memory import retain_freed_memory
from workbench.workload import Workload


class SpdlLoader:
    """See `Loader`.

    Args:
        dataset: A map-style data set that several threads may ask at once.
        collate: Turns a list of its samples into a batch; None: torch's way.
        knobs: Batch size, `num_workers` (threads; 0 is one as well), prefetch and the like.
        pin: Whether batches go to page-locked memory, likewise in a thread.
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        collate: Callable[[list[Any]], Any] | None,
        knobs: LoaderKnobs,
        *,
        pin: bool = False,
    ) -> None:
        self._dataset = dataset
        self._collate = collate or default_collate
        self._pin = pin
        self._threads = max(knobs.num_workers, 1)
        self._ahead = self._threads * knobs.prefetch_factor
        self._in_order = knobs.in_order
        self._overlap = knobs.epoch_overlap
        self._sampler = IndexedBatchSampler(
            num_samples=len(dataset),  # type: ignore[arg-type]
            batch_size=knobs.batch_size,
            shuffle=knobs.shuffles,
            seed=knobs.seed,
            endless=knobs.epoch_overlap,
        )
        self._pipeline: Any = None
        self._is_started = False
        become_worker(None)
        if knobs.malloc_retain:
            retain_freed_memory()

    @property
    def steps_per_epoch(self) -> int:
        """See `Loader`."""
        return len(self._sampler)

    def start(self) -> None:
        """See `Loader`."""
        if self._is_started:
            return
        self._is_started = True
        if self._pipeline is None or not self._overlap:
            self.close()
            new: Any = PipelineBuilder()  # its types say that no source has any items
            builder = new.add_source(self._sampler)
            order = "input" if self._in_order else "completion"
            builder = builder.pipe(self._batch, concurrency=self._threads, output_order=order)
            self._pipeline = builder.add_sink(self._ahead).build(
                num_threads=self._threads, use_thread_output_queue=True
            )
            self._pipeline.start()

    def epoch(self) -> Iterator[IndexedBatch]:
        """See `Loader`."""
        self.start()
        self._is_started = False
        for batch in itertools.islice(self._pipeline, self.steps_per_epoch):
            if isinstance(batch.data, Exception):
                raise batch.data
            yield batch

    def disarm(self) -> None:
        """See `Loader`. A thread interrupts nobody."""

    def close(self) -> list[str]:
        """See `Loader`."""
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is None:
            return []
        try:
            pipeline.stop()
        except Exception as error:  # whatever ended the pipeline: what was measured stands
            return [f"while SPDL's pipeline was being stopped: {error}"]
        return []

    def _batch(self, indices: BatchIndices) -> IndexedBatch:
        """A batch, made in one of SPDL's threads; SPDL would leave out one that raises."""
        number, numbers = indices
        gather = getattr(self._dataset, "__getitems__", None)
        try:
            samples = [self._dataset[sample] for sample in numbers] if gather is None else gather(numbers)
            data = self._collate(samples)
            if self._pin:
                data = pin_memory(data)  # type: ignore[no-untyped-call]
        except WorkbenchError as error:
            return IndexedBatch(error, number, numbers)
        except Exception as error:
            return IndexedBatch(WorkbenchError(f"SPDL: {type(error).__name__}: {error}"), number, numbers)
        return IndexedBatch(data, number, numbers, bytes_of(data))


def open_loader(
    workload: Workload,
    knobs: LoaderKnobs,
    *,
    pin_memory: bool,
    channel: Channel | None,
    in_worker: Sequence[Callable[[int], None]] = (),
) -> SpdlLoader:
    """A loader of the workload's data set. SPDL's threads are its own: `channel` and `in_worker` don't reach them."""
    return SpdlLoader(feed_of(workload, knobs), workload.collate(), knobs, pin=pin_memory)


def feed_of(workload: Workload, knobs: LoaderKnobs) -> Dataset[Any]:
    """The workload's data set, which threads ask.

    Raises:
        BadInput: For one that cannot be asked by number.
    """
    dataset: Dataset[Any] = map_style_dataset(workload)
    return dataset
