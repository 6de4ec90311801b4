"""The validation chain without albumentations: the same pixels and points, with OpenCV and a few lines of arithmetic.

What albumentations spends on checking arguments, copying parameters and converting key points is saved, and the resized
image is written straight into the padded one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import albumentations as A
import cv2
import numpy as np
import numpy.typing as npt
import torch

from workbench.measure.timing.stages import run, stage
from workbench.workloads.ocr.chain.decode import Pixels
from workbench.workloads.ocr.chain.transforms import Transformed, finishing_transforms
from workbench.workloads.ocr.knobs import OcrKnobs


@dataclass(frozen=True)
class Placement:
    """Where an image goes in the square input.

    Attributes:
        size: Width and height in pixels after resizing.
        corner: Left and top in pixels.
        scale: By which points are scaled. Sizes are whole numbers, so at the far border the image may be off by half a
            pixel; albumentations keeps to the scale.
    """

    size: tuple[int, int]
    corner: tuple[int, int]
    scale: float

    def move(self, points: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """float32 [N, 2]: points of the image where they are in the input."""
        return np.asarray(points * np.float32(self.scale) + np.array(self.corner, np.float32), np.float32)


def fit_into(width: int, height: int, side: int) -> Placement:
    """The longer side becomes the input's, and the image is set into the middle, as albumentations does it."""
    scale = side / max(height, width)
    new_width, new_height = (max(1, round(length * scale)) for length in (width, height))
    return Placement((new_width, new_height), ((side - new_width) // 2, (side - new_height) // 2), scale)


class DirectChain:
    """See `transforms.Chain`. The tensor is a view: its memory is in the order of the pixels, [S, S, 3]."""

    def __init__(self, knobs: OcrKnobs) -> None:
        self._side = knobs.image_size
        self._steps: list[A.BasicTransform] = finishing_transforms(knobs)

    def __call__(self, image: Pixels, points: npt.NDArray[np.float32]) -> Transformed:
        """See `Chain`."""
        prepared = self.prepare(image, points)
        return Transformed(self.finish(prepared.image), prepared.points)

    def prepare(self, image: Pixels, points: npt.NDArray[np.float32]) -> Transformed:
        """See `Chain`."""
        side = self._side
        height, width = image.shape[:2]
        placement = fit_into(width, height, side)
        (new_width, new_height), (left, top) = placement.size, placement.corner
        if (new_width, new_height) != (width, height):
            size = (new_width, new_height)
            resized = partial(cv2.resize, image, size, interpolation=cv2.INTER_LINEAR)
            image = np.asarray(run("resize", resized, like=(image.shape, size)), np.uint8)
        padded = run("pad", partial(self._padded, image, left, top), like=image.shape)
        with stage("keypoints"):
            moved = placement.move(points)
        return Transformed(padded, moved)

    def finish(self, prepared: Pixels) -> torch.Tensor:
        """See `Chain`."""
        for transform in self._steps:
            prepared = run(type(transform).__name__, partial(transform.apply, prepared), like=prepared.shape)
        tensor: torch.Tensor = prepared  # type: ignore[assignment]
        return tensor

    def _padded(self, image: Pixels, left: int, top: int) -> Pixels:
        """uint8 [S, S, 3]: an image in black."""
        padded = np.zeros((self._side, self._side, 3), np.uint8)
        padded[top : top + image.shape[0], left : left + image.shape[1]] = image
        return padded
