"""Text detection: pages with word polygons, a DBNet-like detector, H-mean. Puts data and detector together."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from workbench.errors import BadInput, Problem
from workbench.knobs.knobs import Knobs
from workbench.measure.devices.device import Device
from workbench.measure.loaders.source import ShardFeed
from workbench.measure.timing.knock_out import KnockOut
from workbench.measure.timing.stages import Timed
from workbench.records import PageCounts, Quality
from workbench.workload import CacheState, Timers
from workbench.workloads.ocr.background import BackgroundThread
from workbench.workloads.ocr.detected import Step, words_of
from workbench.workloads.ocr.detector.metric import DetectionMetric
from workbench.workloads.ocr.on_device import normalized
from workbench.workloads.ocr.pages.dataset import BatchedCache, PageDataset, SampleOfFiles
from workbench.workloads.ocr.pages.encoded_pages import EncodedPages
from workbench.workloads.ocr.pages.page import Page
from workbench.workloads.ocr.pages.shards import holds_shards, list_shards
from workbench.workloads.ocr.predicted import placeholder_for
from workbench.workloads.ocr.preflight import survey_pages
from workbench.workloads.ocr.sample import Batch, PackedMaps, Sample, collate, stack_as_they_lie
from workbench.workloads.ocr.sample_recorder import SampleRecorder

_PRECISION = {"fp16": torch.float16, "bf16": torch.bfloat16}

#: Adam's default. DBNet itself trains with SGD from 0.007 on (MMOCR's dbnet_resnet18 configuration); here only the time
#: that a step takes matters.
_LEARNING_RATE = 1e-3


class OcrWorkload:
    """Validation or training of a text detector (see `workloads.workload.Workload`)."""

    #: What is worth a look line by line.
    LINE_FUNCTIONS = (
        "workbench.workloads.ocr.pages.dataset.PageDataset.__getitem__",
        "workbench.workloads.ocr.chain.page_maker.PageMaker.decode",
        "workbench.workloads.ocr.chain.page_maker._placed",
        "workbench.workloads.ocr.chain.transforms.TimedCompose.__call__",
        "workbench.workloads.ocr.targets.compute_targets",
        "workbench.workloads.ocr.sample.collate",
        "workbench.workloads.ocr.workload.OcrWorkload._score",
        "workbench.workloads.ocr.detector.postprocess.find_words",
    )

    def __init__(self, knobs: Knobs) -> None:
        self._knobs = knobs
        self._metric = DetectionMetric()
        self._scored: set[int] = set()
        self._dropped: int = 0
        self._pages: list[Page] = []
        self._counts: PageCounts | None = None
        self._detector: torch.nn.Module | None = None
        self._optimizer: torch.optim.Optimizer | None = None
        self._background = BackgroundThread()
        self._do = KnockOut(knobs.knocked_out)
        self._recorder: SampleRecorder | None = None

    def open(self) -> None:
        """See `Workload`."""
        self._pages, self._counts = survey_pages(self._knobs)
        if self._knobs.mode == "validate" and not self._knobs.knock_out:
            self._recorder = SampleRecorder(self._pages, self._knobs.checked_samples)
        kind = BatchedCache if self._knobs.fully_cached else PageDataset
        self._dataset = kind(self._pages, self._knobs)

    @property
    def dataset(self) -> Dataset[Sample]:
        """See `Workload`."""
        return self._dataset

    @property
    def collate(self) -> Callable[[list[Sample]], Batch]:
        """See `Workload`."""
        # Into a slot of a ring everything is copied as it lies; torch's own way stacks into shared memory.
        return partial(collate, stack=stack_as_they_lie) if self._knobs.transport == "ring" else collate

    def shard_feed(self) -> ShardFeed:
        """See `Source`."""
        folder = Path(self._knobs.dataset).expanduser()
        if not holds_shards(folder):
            remedy = f"Write its pages as shards: workbench pages --to webdataset --data {folder} --out DIR"
            raise BadInput("knobs", [Problem("the data set is none of shards", "loader=webdataset", remedy)])
        shards, left = [], len(self._pages)
        for shard in list_shards(folder)[0]:
            if left > 0:
                shards.append((shard.path, min(shard.num_pages, left)))
            left -= shard.num_pages
        return ShardFeed(shards, SampleOfFiles(self._knobs, self._pages))

    def image_feed(self) -> EncodedPages:
        """See `Source`."""
        return EncodedPages(self._pages, self._knobs)

    def fill_cache(self, on_page: Callable[[int, int], None]) -> None:
        """See `Workload`."""
        self._dataset.fill_cache(threads=len(os.sched_getaffinity(0)), on_page=on_page)

    def cache_state(self) -> CacheState | None:
        """See `Workload`."""
        cache = self._dataset.cache
        return None if cache is None else CacheState(cache.size, cache.readings, cache.was_filled)

    def build(self, device: Device) -> None:
        """See `Workload`. Without a device, or with a replayed one, no model is built."""
        self._device = device
        if device.simulated or self._knobs.device == "none":
            return
        from workbench.workloads.ocr.detector.fold import fold_normalization
        from workbench.workloads.ocr.detector.model import build_detector
        from workbench.workloads.ocr.detector.weights_file import load_weights

        knobs = self._knobs
        detector = build_detector(knobs.encoder, knobs.neck, seed=knobs.seed)
        if knobs.weights != "random":
            load_weights(detector, knobs.weights, encoder=knobs.encoder, neck=knobs.neck)
        if knobs.normalize == "folded":
            fold_normalization(detector)
        detector = detector.to(device.torch_device)
        if knobs.channels_last:
            detector = detector.to(memory_format=torch.channels_last)
        if knobs.mode == "train":
            self._optimizer = torch.optim.Adam(detector.parameters(), lr=_LEARNING_RATE)
        self._detector = detector.train(knobs.mode == "train")

    def step(self, batch: Batch, number: int, pages: list[int], timers: Timers, *, counted: bool) -> None:
        """See `Workload`."""
        if counted:
            self._dropped += batch.dropped_words
        elif self._recorder is not None:  # the warm-up begins with the first pages, which are those that are kept
            self._recorder.keep(batch, pages)
        if self._knobs.device == "none":
            return
        if self._knobs.mode == "train":
            self._train(batch, number, timers.main)
            return
        step = self._forward_step(batch, number, pages, timers.main, counted=counted)
        if self._knobs.postprocess == "threads":
            with timers.main("backlog"):
                self._background.make_room()
            self._background.start(lambda: self._score(step, lambda name: timers.background(name, number)))
        else:
            self._score(step, timers.main)

    def look(self, batch: Batch, pages: list[int]) -> None:
        """See `Workload`."""
        if self._recorder is not None:
            self._recorder.look(batch, pages)

    def flush(self) -> None:
        """See `Workload`."""
        self._background.flush()

    def quality(self) -> Quality | None:
        """See `Workload`. On the replay device the detections are made from the targets: simulated."""
        if self._knobs.mode == "train" or self._knobs.device == "none" or self._knobs.knock_out:
            return None
        score = self._metric.result()
        return Quality(
            hmean=score.hmean,
            precision=score.precision,
            recall=score.recall,
            num_pages=score.num_pages,
            origin="simulated" if self._device.simulated else "measured",
        )

    def page_counts(self) -> PageCounts:
        """See `Workload`."""
        assert self._counts is not None
        if not self._dropped:
            return self._counts
        dropped = {**self._counts.dropped_words, "degenerate after the transforms": self._dropped}
        return self._counts.model_copy(update={"dropped_words": dropped})

    def parity_sample(self, num_pages: int) -> Mapping[str, npt.NDArray[np.generic]] | None:
        """See `Workload`."""
        if self._recorder is None:
            return None
        from workbench.workloads.ocr.detector.weights_file import shipped_detector

        return self._recorder.arrays(shipped_detector() if num_pages else None)

    def _forward_step(
        self, batch: Batch, number: int, pages: list[int], timed: Callable[[str], Timed], *, counted: bool
    ) -> Step:
        """Give the device a batch; nothing is waited for."""
        device = self._device
        with timed("transfer"):
            images = device.put(batch.images)
        with timed("forward"), torch.inference_mode():
            work = lambda: self._forward(images).shrink.float()  # noqa: E731
            placeholder = placeholder_for(batch.maps)
            pending = device.submit("forward", work, batch=number, num_pages=len(batch), placeholder=placeholder)
        return Step(pending, batch.matrices, pages, counted)

    def _score(self, step: Step, timed: Callable[[str], Timed]) -> None:
        """Wait for what the device has made of a batch, find the words in it and score them."""
        with timed("fetch"):
            probability = step.pending.result()
        found = self._do(timed("postprocess"), "postprocess", lambda: words_of(probability, step), len(step.pages))
        with timed("metric"):
            metric = self._metric if step.counted else DetectionMetric()
            for page_number, polygons in zip(step.pages, found, strict=True):
                words = self._pages[page_number].words
                # A page that comes round again costs the same, and counts once.
                once = metric if page_number not in self._scored else DetectionMetric()
                once.add(polygons, [word.polygon for word in words], [word.ignore for word in words])
            if step.counted:
                self._scored.update(step.pages)

    def _train(self, batch: Batch, number: int, timed: Callable[[str], Timed]) -> None:
        device = self._device
        assert batch.maps is not None
        with timed("transfer"):
            images = device.put(batch.images)
            maps = type(batch.maps)(*(device.put(getattr(batch.maps, field.name)) for field in fields(batch.maps)))
        made: dict[str, Any] = {}

        def forward() -> torch.Tensor:
            made["output"] = self._forward(images)
            output: torch.Tensor = made["output"].shrink
            return output

        def loss() -> torch.Tensor:
            from workbench.workloads.ocr.detector.loss import db_loss

            targets = maps.unpack() if isinstance(maps, PackedMaps) else maps
            made["loss"] = db_loss(made["output"], targets)
            output: torch.Tensor = made["loss"]
            return output

        def backward() -> torch.Tensor:
            assert self._optimizer is not None
            self._optimizer.zero_grad(set_to_none=True)
            made["loss"].backward()
            output: torch.Tensor = made["loss"]
            return output

        def update() -> torch.Tensor:
            assert self._optimizer is not None
            self._optimizer.step()
            output: torch.Tensor = made["loss"]
            return output

        # The time of a replayed training step is told for the step as a whole.
        steps: dict[str, tuple[Callable[[], torch.Tensor], int]] = {
            "forward": (forward, len(batch)),
            "loss": (loss, 0),
            "backward": (backward, 0),
            "optimizer": (update, 0),
        }
        for name, (work, num_pages) in steps.items():
            with timed(name):
                device.submit(name, work, batch=number, num_pages=num_pages, placeholder=placeholder_for(maps))

    def _forward(self, images: torch.Tensor) -> Any:
        assert self._detector is not None
        if self._knobs.normalize != "folded":
            images = normalized(images)
        if self._knobs.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        precision = _PRECISION.get(self._knobs.precision)
        with torch.autocast(images.device.type, dtype=precision, enabled=precision is not None):
            return self._detector(images)
