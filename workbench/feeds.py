"""What loaders other than torch's need of a workload: samples in tar files, or image files that they decode themselves.

Asked for with `isinstance`, as the optional protocols of `workload` are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class ShardFeed:
    """Samples in tar files.

    Attributes:
        shards: The tar files, with the number of samples in each; samples are numbered through, shard by shard.
        make: Makes a sample of its number and its files in the shard, by suffix. Pickled to the workers.
    """

    shards: Sequence[tuple[Path, int]]
    make: Callable[[int, Mapping[str, bytes]], Any]


@runtime_checkable
class Sharded(Protocol):
    """A workload that the loader `webdataset` can stream."""

    def shard_feed(self) -> ShardFeed:
        """The samples in shards.

        Raises:
            BadInput: Where the data set does not consist of shards.
        """


class Fit(Protocol):
    """How an image is fitted into the model's square input: resized, then set into black."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels after resizing."""

    @property
    def corner(self) -> tuple[int, int]:
        """Left and top in pixels."""


class ImageFeed(Protocol):
    """Samples for a loader that decodes and resizes images by itself. Pickled to its workers.

    Attributes:
        side: Side of the square input in pixels.
        normalize: Mean and standard deviation in levels (RGB), or None: the images stay uint8.
    """

    side: int
    normalize: tuple[tuple[float, ...], tuple[float, ...]] | None

    def __len__(self) -> int:
        """The number of samples."""

    def encoded(self, number: int) -> tuple[npt.NDArray[np.uint8], Fit]:
        """An image file, uint8 [n], which any decoder reads and turns upright; and how it is to be fitted."""

    def extras(self, number: int) -> tuple[npt.NDArray[Any], ...]:
        """Whatever else belongs to a sample, as arrays of the same shape for all samples."""

    def batch(self, images: torch.Tensor, numbers: list[int], extras: tuple[npt.NDArray[Any], ...]) -> Any:
        """The batch, of images float32 or uint8 [B, 3, S, S] and the stacked extras."""


@runtime_checkable
class DecodesByLoader(Protocol):
    """A workload whose images the loader `dali` can decode by itself."""

    def image_feed(self) -> ImageFeed:
        """The samples as files."""
