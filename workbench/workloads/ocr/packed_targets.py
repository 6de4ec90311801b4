"""The target maps of a page as they travel: two bytes a pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.workloads.ocr.targets import Targets

#: The bits of `flags`: the pixel is inside a shrunken word; the shrink map counts there; the threshold map does.
SHRUNKEN = 1
COUNTS_FOR_SHRINK = 2
COUNTS_FOR_THRESHOLD = 4


@dataclass(frozen=True)
class PackedTargets:
    """The target maps of a page in 8 bits.

    Attributes:
        levels: uint8 [S, S]: the threshold map times 255, rounded.
        flags: uint8 [S, S]: the shrink map and both masks, as bits.
    """

    levels: npt.NDArray[np.uint8]
    flags: npt.NDArray[np.uint8]

    def unpack(self) -> Targets:
        """The maps as `targets.compute_targets` gives them, up to the rounding of the threshold map."""
        return Targets(
            shrink_map=(self.flags & SHRUNKEN).astype(np.float32),
            shrink_mask=((self.flags & COUNTS_FOR_SHRINK) > 0).view(np.uint8),
            threshold_map=self.levels.astype(np.float32) / np.float32(255.0),
            threshold_mask=((self.flags & COUNTS_FOR_THRESHOLD) > 0).view(np.uint8),
        )
