"""What loaders take pages from: the part of a workload that they see. None of them knows what is on a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset


@dataclass(frozen=True)
class ShardFeed:
    """Pages in tar files.

    Attributes:
        shards: The tar files, with the number of pages in each. Pages are numbered through, in the order of the shards.
        make: Makes a sample of a page's number and its files in the shard, by suffix. Pickled to the workers.
    """

    shards: Sequence[tuple[Path, int]]
    make: Callable[[int, Mapping[str, bytes]], Any]


class Fit(Protocol):
    """How an image is fitted into the model's square input: resized, then set into black."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels after resizing."""

    @property
    def corner(self) -> tuple[int, int]:
        """Left and top in pixels."""


class ImageFeed(Protocol):
    """Pages for a loader that decodes and resizes by itself. Pickled to its workers.

    Attributes:
        side: Side of the square input in pixels.
        normalize: Mean and standard deviation in levels (RGB), or None: the images stay uint8.
    """

    side: int
    normalize: tuple[tuple[float, ...], tuple[float, ...]] | None

    def __len__(self) -> int:
        """The number of pages."""

    def encoded(self, number: int) -> tuple[npt.NDArray[np.uint8], Fit]:
        """A page's image file, uint8 [n], which any decoder reads and turns upright; and how it is to be fitted."""

    def extras(self, number: int) -> tuple[npt.NDArray[Any], ...]:
        """Whatever else belongs to a page, as arrays of the same shape for all pages."""

    def batch(self, images: torch.Tensor, numbers: list[int], extras: tuple[npt.NDArray[Any], ...]) -> Any:
        """The batch, of images float32 or uint8 [B, 3, S, S] and the stacked extras."""


class Source(Protocol):
    """Gives each kind of loader what it needs."""

    @property
    def dataset(self) -> Dataset[Any]:
        """The map-style data set; its stages are timed with `timing.stages.stage`."""

    @property
    def collate(self) -> Callable[[list[Any]], Any]:
        """Samples to a batch. A batch has a length: its pages."""

    def shard_feed(self) -> ShardFeed:
        """The pages in shards.

        Raises:
            BadInput: Where the data set is none of shards.
        """

    def image_feed(self) -> ImageFeed:
        """The pages as files."""
