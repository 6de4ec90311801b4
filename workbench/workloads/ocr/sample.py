"""What the data set gives for one page, and what a batch of them is when it reaches the main process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import default_collate

from workbench import batch_memory
from workbench.workloads.ocr.pages.words import Polygon
from workbench.workloads.ocr.targets import COUNTS_FOR_SHRINK, COUNTS_FOR_THRESHOLD, SHRUNKEN, PackedTargets, Targets


@dataclass(frozen=True)
class Sample:
    """One page as the model takes it.

    Attributes:
        image: float32 [3, S, S], normalized, or uint8 [3, S, S]; RGB.
        polygons: The words that are left, each float32 [K, 2], x y in pixels of the input; they may reach beyond it.
        ignore: Which of them are don't-care.
        targets: The target maps, or None where nobody asked for them.
        matrix: float64 [3, 3]: takes page pixels (x, y, 1) to input pixels.
        dropped_words: How many words degenerated on the way.
    """

    image: torch.Tensor
    polygons: tuple[Polygon, ...]
    ignore: tuple[bool, ...]
    targets: Targets | PackedTargets | None
    matrix: npt.NDArray[np.float64]
    dropped_words: int


@dataclass
class TargetMaps:
    """The target maps of a batch, each [B, S, S]: maps float32, masks uint8 (see `targets.Targets`)."""

    shrink_map: torch.Tensor
    shrink_mask: torch.Tensor
    threshold_map: torch.Tensor
    threshold_mask: torch.Tensor


@dataclass
class PackedMaps:
    """The target maps of a batch in 8 bits.

    Attributes:
        planes: uint8 [B, 2, S, S]: levels and flags (see `targets.PackedTargets`).
    """

    planes: torch.Tensor

    @property
    def flags(self) -> torch.Tensor:
        """uint8 [B, S, S]: the shrink map and both masks, as bits; a view."""
        return self.planes[:, 1]

    def unpack(self) -> TargetMaps:
        """The maps as the loss takes them, on the device where the planes are."""
        levels, flags = self.planes[:, 0], self.planes[:, 1]
        return TargetMaps(
            shrink_map=(flags & SHRUNKEN).float(),
            shrink_mask=(flags & COUNTS_FOR_SHRINK) // COUNTS_FOR_SHRINK,
            threshold_map=levels.float() / 255.0,
            threshold_mask=(flags & COUNTS_FOR_THRESHOLD) // COUNTS_FOR_THRESHOLD,
        )


@dataclass
class Batch:
    """B pages.

    Attributes:
        images: float32 or uint8 [B, 3, S, S].
        maps: The target maps, or None.
        matrices: float64 [B, 3, 3]: page pixels to input pixels.
        dropped_words: How many words degenerated on the way, summed.
    """

    images: torch.Tensor
    maps: TargetMaps | PackedMaps | None
    matrices: npt.NDArray[np.float64]
    dropped_words: int

    def __len__(self) -> int:
        """The number of pages."""
        return len(self.images)

    def pin_memory(self) -> Batch:
        """The batch in page-locked memory, from where it can be copied to a CUDA device without waiting."""
        maps = self.maps
        if maps is not None:
            maps = type(maps)(*(getattr(maps, field.name).pin_memory() for field in fields(maps)))
        return Batch(self.images.pin_memory(), maps, self.matrices, self.dropped_words)


Stack = Callable[[list[torch.Tensor]], torch.Tensor]


def collate(samples: list[Sample] | Batch, stack: Stack = default_collate) -> Batch:
    """Stack samples into a batch; a batch is one already.

    Args:
        samples: The pages.
        stack: Stacks tensors. By torch's own collate function, by default, which in a loader worker stacks straight
            into memory that is shared with the main process.
    """
    if isinstance(samples, Batch):
        return samples
    return Batch(
        images=stack([sample.image for sample in samples]),
        maps=_stacked_maps([sample.targets for sample in samples if sample.targets is not None], stack),
        matrices=np.stack([sample.matrix for sample in samples]),
        dropped_words=sum(sample.dropped_words for sample in samples),
    )


def stack_as_they_lie(tensors: list[torch.Tensor]) -> torch.Tensor:
    """Stack tensors in the order of their memory, where the loader wants to have them.

    Images that come out of the chain as views, with the channels last in memory, are stacked without turning each of
    them round; the batch is then a view of the same kind.
    """
    if tensors[0].ndim == 3 and not tensors[0].is_contiguous():
        return _stacked([tensor.permute(1, 2, 0).numpy() for tensor in tensors]).permute(0, 3, 1, 2)
    return _stacked([tensor.numpy() for tensor in tensors])


def _stacked(arrays: list[npt.NDArray[Any]]) -> torch.Tensor:
    """The arrays as one tensor, [B, ...], where the loader wants to have it."""
    place = batch_memory.empty((len(arrays), *arrays[0].shape), arrays[0].dtype)
    for number, array in enumerate(arrays):
        place[number] = array
    return torch.from_numpy(place)


def _stacked_maps(targets: list[Any], stack: Stack) -> TargetMaps | PackedMaps | None:
    if not targets:
        return None
    if isinstance(targets[0], PackedTargets):
        # Copied once: into its place in the batch.
        planes = batch_memory.empty((len(targets), 2, *targets[0].flags.shape), np.uint8)
        for number, target in enumerate(targets):
            planes[number, 0], planes[number, 1] = target.levels, target.flags
        return PackedMaps(torch.from_numpy(planes))
    names = [field.name for field in fields(TargetMaps)]
    return TargetMaps(*(stack([torch.from_numpy(getattr(target, name)) for target in targets]) for name in names))
