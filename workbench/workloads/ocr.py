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

from workbench.data.dataset import PageDataset
from workbench.data.encoded_pages import EncodedPages
from workbench.data.gathered import GatheredPages
from workbench.data.page import Page
from workbench.data.sample import Batch, PackedMaps, Sample, collate, stack_as_they_lie
from workbench.data.shards import holds_shards, list_shards
from workbench.data.stream import SampleOfFiles
from workbench.detector.metric import DetectionMetric
from workbench.devices.device import Device
from workbench.errors import BadInput, Problem
from workbench.knobs import Knobs
from workbench.loaders.source import ShardFeed
from workbench.records import PageCounts, Quality
from workbench.timing.knock_out import KnockOut
from workbench.timing.stages import Timed
from workbench.workloads.beside import Beside
from workbench.workloads.detected import Step, words_of
from workbench.workloads.on_device import normalized
from workbench.workloads.predicted import stand_in_for
from workbench.workloads.preflight import survey_pages
from workbench.workloads.witness import Witness
from workbench.workloads.workload import CacheState, Timers

_PRECISION = {"fp16": torch.float16, "bf16": torch.bfloat16}

#: Adam with DBNet's learning rate for small batches.
_LEARNING_RATE = 1e-3


class OcrWorkload:
    """Validation or training of a text detector (see `workloads.workload.Workload`)."""

    #: What is worth a look line by line.
    LINE_FUNCTIONS = (
        "workbench.data.dataset.PageDataset.__getitem__",
        "workbench.data.page_maker.PageMaker.decode",
        "workbench.data.page_maker._placed",
        "workbench.data.transforms.TimedCompose.__call__",
        "workbench.data.targets.compute_targets",
        "workbench.data.sample.collate",
        "workbench.workloads.ocr.OcrWorkload._score",
        "workbench.detector.postprocess.find_words",
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
        self._beside = Beside()
        self._do = KnockOut(knobs.knocked_out)
        self._witness: Witness | None = None

    def open(self) -> None:
        """See `Workload`."""
        self._pages, self._counts = survey_pages(self._knobs)
        if self._knobs.mode == "validate" and not self._knobs.knock_out:
            self._witness = Witness(self._pages, self._knobs.parity_pages)
        kind = GatheredPages if self._knobs.gathers else PageDataset
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
        from workbench.detector.fold import fold_normalization
        from workbench.detector.model import build_detector
        from workbench.detector.weights_file import load_weights

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
        elif self._witness is not None:  # the warm-up begins with the first pages, which are those that are kept
            self._witness.keep(batch, pages)
        if self._knobs.device == "none":
            return
        if self._knobs.mode == "train":
            self._train(batch, number, timers.main)
            return
        step = self._forward_step(batch, number, pages, timers.main, counted=counted)
        if self._knobs.postprocess == "threads":
            with timers.main("backlog"):
                self._beside.make_room()
            self._beside.start(lambda: self._score(step, lambda name: timers.beside(name, number)))
        else:
            self._score(step, timers.main)

    def look(self, batch: Batch, pages: list[int]) -> None:
        """See `Workload`."""
        if self._witness is not None:
            self._witness.look(batch, pages)

    def settle(self) -> None:
        """See `Workload`."""
        self._beside.settle()

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
        if self._witness is None:
            return None
        from workbench.detector.weights_file import shipped_detector

        return self._witness.arrays(shipped_detector() if num_pages else None)

    def _forward_step(
        self, batch: Batch, number: int, pages: list[int], timed: Callable[[str], Timed], *, counted: bool
    ) -> Step:
        """Give the device a batch; nothing is waited for."""
        device = self._device
        with timed("transfer"):
            images = device.put(batch.images)
        with timed("forward"), torch.inference_mode():
            work = lambda: self._forward(images).shrink.float()  # noqa: E731
            stand_in = stand_in_for(batch.maps)
            pending = device.submit("forward", work, batch=number, num_pages=len(batch), stand_in=stand_in)
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
            from workbench.detector.loss import db_loss

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
                device.submit(name, work, batch=number, num_pages=num_pages, stand_in=stand_in_for(maps))

    def _forward(self, images: torch.Tensor) -> Any:
        assert self._detector is not None
        if self._knobs.normalize != "folded":
            images = normalized(images)
        if self._knobs.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        precision = _PRECISION.get(self._knobs.precision)
        with torch.autocast(images.device.type, dtype=precision, enabled=precision is not None):
            return self._detector(images)
