"""NVIDIA DALI: its own threads decode, resize, pad and normalize; its Python workers read files and make the rest.

The geometry is the chain's: each image comes with the size that it is resized to and the place where it is set, and
DALI interpolates bilinearly without antialiasing, as OpenCV does. Where the model runs on a CUDA device images are
decoded and kept there; else everything runs on the CPU.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import nvidia.dali.fn as fn
import torch
from nvidia.dali import pipeline_def, types

from workbench.errors import BadInput, Problem, WorkbenchError
from workbench.feeds import DecodesByLoader, ImageFeed
from workbench.knobs.measuring import LoaderKnobs
from workbench.measure.loaders.indexed_batch import IndexedBatch, bytes_of
from workbench.measure.timing.channel import Channel
from workbench.measure.timing.stages import become_worker
from workbench.workload import Workload


class DaliLoader:
    """See `Loader`.

    Args:
        feed: The samples.
        knobs: Batch size, `num_workers` (processes that read samples; 0: none, threads do it), prefetch.
        device_id: The CUDA device to decode on, or None for the CPU.
    """

    def __init__(self, feed: ImageFeed, knobs: LoaderKnobs, *, device_id: int | None = None) -> None:
        self._feed = feed
        self._size = knobs.batch_size
        self._epochs = 0
        self._on_gpu = device_id is not None
        source = _Source(feed, knobs.batch_size)
        self._pipeline: Any = pipeline_def(_define)(
            feed,
            source,
            knobs,
            device_id is not None,
            batch_size=knobs.batch_size,
            num_threads=len(os.sched_getaffinity(0)),
            device_id=device_id,
            prefetch_queue_depth=knobs.prefetch_factor,
            py_num_workers=max(knobs.num_workers, 1),
            # A process that uses CUDA must not be forked.
            py_start_method="spawn" if torch.cuda.is_available() else knobs.start_method,
        )
        try:
            self._pipeline.build()
        except RuntimeError as error:
            raise WorkbenchError(f"DALI: {_reason(error)}") from None

    @property
    def steps_per_epoch(self) -> int:
        """See `Loader`."""
        return -(-len(self._feed) // self._size)

    def epoch(self) -> Iterator[IndexedBatch]:
        """See `Loader`."""
        number = self._epochs * self.steps_per_epoch
        self._epochs += 1
        for _ in range(self.steps_per_epoch):
            yield self._batch(number)
            number += 1

    def start(self) -> None:
        """See `Loader`. DALI's workers were started when its pipeline was built."""

    def disarm(self) -> None:
        """See `Loader`. A worker of DALI's interrupts nobody."""

    def close(self) -> list[str]:
        """See `Loader`."""
        notes = []
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            try:
                pipeline._shutdown()
            except RuntimeError as error:
                notes.append(f"while DALI's workers were being stopped: {_reason(error)}")
        become_worker(None)
        return notes

    def _batch(self, number: int) -> IndexedBatch:
        try:
            images, *rest = self._pipeline.run()
        except RuntimeError as error:
            raise WorkbenchError(f"DALI: {_reason(error)}") from None
        numbers, *extras = (np.asarray(part.as_array()) for part in rest)
        real = numbers >= 0  # the last batch of an epoch is filled up
        samples = [int(sample) for sample in numbers[real]]
        count = len(samples)
        data = self._feed.batch(self._tensor(images)[:count], samples, tuple(extra[:count] for extra in extras))
        return IndexedBatch(data, number, samples, bytes_of(data))

    def _tensor(self, images: Any) -> torch.Tensor:
        """[B, 3, S, S]: uint8 images come with the channels last, and are viewed the other way round."""
        if self._on_gpu:
            tensor: torch.Tensor = torch.utils.dlpack.from_dlpack(images.as_tensor()).clone()
            torch.cuda.current_stream().synchronize()  # DALI uses its memory again
        else:
            tensor = torch.from_numpy(images.as_array())
        return tensor.permute(0, 3, 1, 2) if self._feed.normalize is None else tensor


class _Source:
    """Called by DALI for every sample that it needs, in its workers."""

    def __init__(self, feed: ImageFeed, batch_size: int) -> None:
        self._feed = feed
        self._per_epoch = -(-len(feed) // batch_size) * batch_size

    def __call__(self, info: Any) -> tuple[npt.NDArray[Any], ...]:
        place = info.idx_in_epoch % self._per_epoch
        number = place if place < len(self._feed) else 0
        encoded, fit = self._feed.encoded(number)
        (width, height), (left, top) = fit.size, fit.corner
        return (
            encoded,
            np.array([height, width], np.float32),
            np.array([-top, -left], np.int32),
            np.array(place if place < len(self._feed) else -1, np.int64),
            *self._feed.extras(number),
        )


def _define(feed: ImageFeed, source: _Source, knobs: LoaderKnobs, on_gpu: bool) -> Any:
    num_extras = len(feed.extras(0))
    encoded, size, start, number, *extras = fn.external_source(
        source=source,
        num_outputs=4 + num_extras,
        batch=False,
        parallel=knobs.num_workers > 0,
        dtype=[types.UINT8, types.FLOAT, types.INT32, types.INT64, *_types(feed.extras(0))],
    )
    images = fn.decoders.image(encoded, device="mixed" if on_gpu else "cpu", output_type=types.RGB)
    images = fn.resize(images, size=size, interp_type=types.INTERP_LINEAR, antialias=False, dtype=types.UINT8)
    images = fn.slice(
        images,
        start=start,
        shape=[feed.side, feed.side],
        axes=[0, 1],
        out_of_bounds_policy="pad",
        fill_values=0,
    )
    if feed.normalize is not None:
        mean, std = feed.normalize
        images = fn.crop_mirror_normalize(
            images, dtype=types.FLOAT, output_layout="CHW", mean=list(mean), std=list(std)
        )
    return (images, number, *extras)


def _types(arrays: tuple[npt.NDArray[Any], ...]) -> list[Any]:
    kinds = {"uint8": types.UINT8, "float32": types.FLOAT, "float64": types.FLOAT64, "int64": types.INT64}
    return [kinds[array.dtype.name] for array in arrays]


def _reason(error: RuntimeError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next((line for line in lines if line.startswith("Error")), lines[0] if lines else "failed")


def open_loader(
    workload: Workload,
    knobs: LoaderKnobs,
    *,
    on_gpu: bool,
    pin_memory: bool,
    channel: Channel | None,
    in_worker: Sequence[Callable[[int], None]] = (),
) -> DaliLoader:
    """A loader of the workload's images; on the CUDA device where the model is going to run there.

    DALI's workers are its own: `channel` and `in_worker` don't reach them.

    Raises:
        BadInput: Where the workload has no images for it.
    """
    return DaliLoader(feed_of(workload, knobs), knobs, device_id=torch.cuda.current_device() if on_gpu else None)


def feed_of(workload: Workload, knobs: LoaderKnobs) -> ImageFeed:
    """The workload's images.

    Raises:
        BadInput: Where it has none for DALI.
    """
    if not isinstance(workload, DecodesByLoader):
        remedy = "Take loader=torch, or give the workload a method image_feed (workbench.feeds.DecodesByLoader)"
        raise BadInput("knobs", [Problem("this workload has no images for DALI to decode", "loader=dali", remedy)])
    return workload.image_feed()
