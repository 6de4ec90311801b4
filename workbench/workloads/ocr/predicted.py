"""What a device without a model predicts, and how a predicted map is read."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from workbench.workloads.ocr.sample import PackedMaps, TargetMaps
from workbench.workloads.ocr.targets import SHRUNKEN


def placeholder_for(maps: TargetMaps | PackedMaps | None) -> torch.Tensor | None:
    """What a device without a model predicts: the targets. Packed ones stay as they are until they are read."""
    return maps.flags if isinstance(maps, PackedMaps) else None if maps is None else maps.shrink_map


def readable(page_map: torch.Tensor) -> npt.NDArray[Any]:
    """A probability map that `find_words` takes: float32 [S, S], or of packed flags uint8 [S, S], 0 or 255."""
    array = page_map.numpy()
    return array if array.dtype != np.uint8 else (array & SHRUNKEN) * np.uint8(255)
