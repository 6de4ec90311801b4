"""Who turns uint8 levels into normalized floats: ``(level / 255 - mean) / std``, by ImageNet's statistics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import albumentations as A
import cv2
import numpy as np
import numpy.typing as npt

#: ImageNet's statistics (RGB, of levels 0..1), as timm's and torchvision's encoders expect them.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)

#: A float image whose largest value is below this is taken as normalized already. The study's rule.
_ALREADY_NORMALIZED_BELOW = 10.0


class ConditionalNormalize(A.ImageOnlyTransform):  # type: ignore[misc]
    """Normalizes unless the image looks normalized already: the study's own transform, rebuilt after its description.

    It was meant to save time on pages that a cache holds pre-normalized. On uint8 pages it does the arithmetic in plain
    numpy, which takes several passes over the image.
    """

    def __init__(self) -> None:
        super().__init__(p=1.0)

    def apply(self, img: npt.NDArray[Any], **params: Any) -> npt.NDArray[np.float32]:
        """Float32 [H, W, 3] from uint8 [H, W, 3], or the float image as it is."""
        if img.dtype == np.float32 and img.max() < _ALREADY_NORMALIZED_BELOW:
            return img
        image: npt.NDArray[np.float32] = img.astype(np.float32) / 255.0
        return np.asarray((image - np.array(MEAN, np.float32)) / np.array(STD, np.float32), np.float32)


class OpenCVNormalize(A.ImageOnlyTransform):  # type: ignore[misc]
    """Looks every level up in a table of 256 normalized floats for each channel: one pass over the image."""

    def __init__(self) -> None:
        super().__init__(p=1.0)
        levels = np.arange(256, dtype=np.float64)[:, None] / 255.0
        self._table = np.ascontiguousarray(((levels - MEAN) / STD).astype(np.float32)[None])

    def apply(self, img: npt.NDArray[np.uint8], **params: Any) -> npt.NDArray[np.float32]:
        """Float32 [H, W, 3] from uint8 [H, W, 3]."""
        return np.asarray(cv2.LUT(img, self._table), np.float32)


def _albumentations() -> A.BasicTransform:
    return A.Normalize(mean=MEAN, std=STD, max_pixel_value=255.0)


#: The transform of the chain by the knob `normalize`; None: pages leave the chain as uint8 and are normalized later.
TRANSFORMS: dict[str, Callable[[], A.BasicTransform] | None] = {
    "albumentations": _albumentations,
    "conditional": ConditionalNormalize,
    "cached": _albumentations,
    "opencv": OpenCVNormalize,
    "device": None,
    "folded": None,
}


def to_levels(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Undo normalization.

    Args:
        image: float32 [..., 3], normalized, RGB.

    Returns:
        float32 [..., 3], levels 0..255.
    """
    return (image * np.array(STD, np.float32) + np.array(MEAN, np.float32)) * np.float32(255.0)
