"""What the data set gives for one page, and what a batch of them is when it reaches the main process."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import default_collate

from workbench.data.page import Polygon
from workbench.data.targets import Targets


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
    targets: Targets | None
    matrix: npt.NDArray[np.float64]
    dropped_words: int


@dataclass
class TargetMaps:
    """The target maps of a batch, each [B, S, S]: maps float32, masks uint8 (see `data.targets.Targets`)."""

    shrink_map: torch.Tensor
    shrink_mask: torch.Tensor
    threshold_map: torch.Tensor
    threshold_mask: torch.Tensor


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
    maps: TargetMaps | None
    matrices: npt.NDArray[np.float64]
    dropped_words: int

    def __len__(self) -> int:
        """The number of pages."""
        return len(self.images)

    def pin_memory(self) -> Batch:
        """The batch in page-locked memory, from where it can be copied to a CUDA device without waiting."""
        maps = None if self.maps is None else TargetMaps(*(getattr(self.maps, f.name).pin_memory() for f in _MAPS))
        return Batch(self.images.pin_memory(), maps, self.matrices, self.dropped_words)


_MAPS = fields(TargetMaps)


def collate(samples: list[Sample]) -> Batch:
    """Stack samples into a batch. In a loader worker torch stacks straight into memory shared with the main process."""
    targets = [sample.targets for sample in samples if sample.targets is not None]
    maps = None
    if targets:
        maps = TargetMaps(*(_stack([getattr(target, field.name) for target in targets]) for field in _MAPS))
    return Batch(
        images=default_collate([sample.image for sample in samples]),
        maps=maps,
        matrices=np.stack([sample.matrix for sample in samples]),
        dropped_words=sum(sample.dropped_words for sample in samples),
    )


def _stack(arrays: list[npt.NDArray[np.generic]]) -> torch.Tensor:
    stacked: torch.Tensor = default_collate([torch.from_numpy(array) for array in arrays])
    return stacked
