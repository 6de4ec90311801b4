"""Text detection: pages with word polygons, a DBNet-like detector, H-mean. Puts data and detector together."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from workbench.data.dataset import PageDataset
from workbench.data.normalize import MEAN, STD, to_levels
from workbench.data.page import Page
from workbench.data.sample import Batch, Sample, TargetMaps, collate
from workbench.detector.metric import DetectionMetric
from workbench.detector.postprocess import find_words, to_page
from workbench.devices.device import Device
from workbench.knobs import Knobs
from workbench.records import PageCounts, Quality
from workbench.timing.stages import Timed
from workbench.workloads.preflight import survey_pages

_PRECISION = {"fp16": torch.float16, "bf16": torch.bfloat16}

#: Adam with DBNet's learning rate for small batches.
_LEARNING_RATE = 1e-3


class OcrWorkload:
    """Validation or training of a text detector (see `workloads.workload.Workload`)."""

    def __init__(self, knobs: Knobs) -> None:
        self._knobs = knobs
        self._metric = DetectionMetric()
        self._scored: set[int] = set()
        self._dropped: int = 0
        self._pages: list[Page] = []
        self._counts: PageCounts | None = None
        self._detector: torch.nn.Module | None = None
        self._optimizer: torch.optim.Optimizer | None = None

    def open(self) -> None:
        """See `Workload`."""
        self._pages, self._counts = survey_pages(self._knobs)
        self._dataset = PageDataset(self._pages, self._knobs)

    @property
    def dataset(self) -> Dataset[Sample]:
        """See `Workload`."""
        return self._dataset

    @property
    def collate(self) -> Callable[[list[Sample]], Batch]:
        """See `Workload`."""
        return collate

    def fill_cache(self, on_page: Callable[[int, int], None]) -> int | None:
        """See `Workload`."""
        if self._knobs.cache == "none":
            return None
        self._dataset.fill_cache(threads=len(os.sched_getaffinity(0)), on_page=on_page)
        assert self._dataset.cache is not None
        return self._dataset.cache.size

    def build(self, device: Device) -> None:
        """See `Workload`. The replay device needs no model, so none is built."""
        self._device = device
        if device.simulated:
            return
        from workbench.detector.model import build_detector

        knobs = self._knobs
        detector = build_detector(knobs.encoder, knobs.neck, seed=knobs.seed).to(device.torch_device)
        if knobs.channels_last:
            detector = detector.to(memory_format=torch.channels_last)
        if knobs.mode == "train":
            self._optimizer = torch.optim.Adam(detector.parameters(), lr=_LEARNING_RATE)
        self._detector = detector.train(knobs.mode == "train")
        self._mean = torch.tensor(MEAN, device=device.torch_device).mul(255.0).view(1, 3, 1, 1)
        self._std = torch.tensor(STD, device=device.torch_device).mul(255.0).view(1, 3, 1, 1)

    def step(
        self, batch: Batch, number: int, pages: list[int], timed: Callable[[str], Timed], *, counted: bool
    ) -> None:
        """See `Workload`."""
        if counted:
            self._dropped += batch.dropped_words
        if self._knobs.mode == "train":
            self._train(batch, number, timed)
        else:
            self._validate(batch, number, pages, timed, counted=counted)

    def quality(self) -> Quality | None:
        """See `Workload`. On the replay device the detections are made from the targets: simulated."""
        if self._knobs.mode == "train":
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
        if self._knobs.mode == "train" or num_pages == 0:
            return None
        numbers = range(min(num_pages, len(self._pages)))
        samples = [self._dataset[number] for number in numbers]
        arrays: dict[str, npt.NDArray[np.generic]] = {
            "names": np.array([self._pages[number].name for number in numbers]),
            "images": np.stack([_levels(sample.image) for sample in samples]).astype(np.float16),
        }
        for name in ("shrink_map", "threshold_map"):
            maps = [getattr(sample.targets, name) for sample in samples if sample.targets is not None]
            if maps:
                arrays[name] = (np.stack(maps) * np.float32(255.0)).astype(np.float16)
        return arrays

    def _validate(
        self, batch: Batch, number: int, pages: list[int], timed: Callable[[str], Timed], *, counted: bool
    ) -> None:
        device = self._device
        stand_in = None if batch.maps is None else batch.maps.shrink_map
        with timed("transfer"):
            images = device.put(batch.images)
        with timed("forward"), torch.inference_mode():
            work = lambda: self._forward(images).shrink.float()  # noqa: E731
            pending = device.submit("forward", work, batch=number, num_pages=len(batch), stand_in=stand_in)
        with timed("fetch"):
            probability = pending.result().numpy()
        with timed("postprocess"):
            found = [
                [to_page(word.polygon, matrix) for word in find_words(page_map)]
                for page_map, matrix in zip(probability, batch.matrices, strict=True)
            ]
        with timed("metric"):
            metric = self._metric if counted else DetectionMetric()
            for page_number, polygons in zip(pages, found, strict=True):
                words = self._pages[page_number].words
                # A page that comes round again costs the same, and counts once.
                once = metric if page_number not in self._scored else DetectionMetric()
                once.add(polygons, [word.polygon for word in words], [word.ignore for word in words])
            if counted:
                self._scored.update(pages)

    def _train(self, batch: Batch, number: int, timed: Callable[[str], Timed]) -> None:
        device = self._device
        assert batch.maps is not None
        with timed("transfer"):
            images = device.put(batch.images)
            maps = TargetMaps(
                device.put(batch.maps.shrink_map),
                device.put(batch.maps.shrink_mask),
                device.put(batch.maps.threshold_map),
                device.put(batch.maps.threshold_mask),
            )
        made: dict[str, Any] = {}

        def forward() -> torch.Tensor:
            made["output"] = self._forward(images)
            output: torch.Tensor = made["output"].shrink
            return output

        def loss() -> torch.Tensor:
            from workbench.detector.loss import db_loss

            made["loss"] = db_loss(made["output"], maps)
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
                device.submit(name, work, batch=number, num_pages=num_pages, stand_in=maps.shrink_map)

    def _forward(self, images: torch.Tensor) -> Any:
        assert self._detector is not None
        if images.dtype == torch.uint8:  # normalize=device
            images = images.to(torch.float32).sub_(self._mean).div_(self._std)
        if self._knobs.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        precision = _PRECISION.get(self._knobs.precision)
        with torch.autocast(images.device.type, dtype=precision, enabled=precision is not None):
            return self._detector(images)


def _levels(image: torch.Tensor) -> npt.NDArray[np.float32]:
    """float32 [S, S, 3], levels 0..255: a sample's image with normalization undone."""
    array = np.asarray(image.permute(1, 2, 0).to(torch.float32))
    return array if image.dtype == torch.uint8 else to_levels(array)
