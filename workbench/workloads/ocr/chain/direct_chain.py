"""The validation chain without albumentations: the same pixels and points, with OpenCV and a few lines of arithmetic.

What albumentations spends on checking arguments, copying parameters and converting key points is saved, and the image
is resized straight to where it is wanted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial

import albumentations as A
import cv2
import numpy as np
import numpy.typing as npt
import torch

from workbench.measure.timing.stages import run, run_into, stage
from workbench.workloads.ocr.chain.decode import Pixels
from workbench.workloads.ocr.chain.transforms import Transformed, finishing_transforms
from workbench.workloads.ocr.knobs import OcrKnobs

#: Sizes of pages of which it is kept where they go.
_KNOWN_SIZES = 1024


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

    def spot(self, into: Pixels) -> Pixels:
        """The part of the input, uint8 [S, S, 3], where the image lies; a view."""
        (width, height), (left, top) = self.size, self.corner
        return into[top : top + height, left : left + width]

    def move(self, points: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """float32 [N, 2]: points of the image where they are in the input."""
        return np.asarray(points * np.float32(self.scale) + np.array(self.corner, np.float32), np.float32)


@lru_cache(_KNOWN_SIZES)
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
        prepared = np.empty((self._side, self._side, 3), np.uint8)
        placement = self.place(image, prepared)
        with stage("keypoints"):
            return Transformed(prepared, placement.move(points))

    def spot(self, width: int, height: int, into: Pixels) -> Pixels | None:
        """Where an upright image of this size lies in the model's input, a view of it; None where it is resized."""
        placement = fit_into(width, height, self._side)
        return placement.spot(into) if placement.size == (width, height) else None

    def place(self, image: Pixels, into: Pixels) -> Placement:
        """Set an image into the model's input: `prepare`, where the result is wanted.

        Args:
            image: uint8 [H, W, 3], upright; it may lie on its spot already.
            into: Gets uint8 [S, S, 3].

        Returns:
            Where it is now.
        """
        placement = fit_into(image.shape[1], image.shape[0], self._side)
        if placement.size != (image.shape[1], image.shape[0]):
            spot = placement.spot(into)
            run_into("resize", partial(_resize, image), spot, like=(image.shape, placement.size))
            image = spot
        run_into("pad", partial(_pad, image, placement), into, like=image.shape)
        return placement

    def finish(self, prepared: Pixels) -> torch.Tensor:
        """See `Chain`."""
        for transform in self._steps:
            prepared = run(type(transform).__name__, partial(transform.apply, prepared), like=prepared.shape)
        tensor: torch.Tensor = prepared  # type: ignore[assignment]
        return tensor


def _resize(image: Pixels, into: Pixels) -> None:
    cv2.resize(image, (into.shape[1], into.shape[0]), dst=into, interpolation=cv2.INTER_LINEAR)


def _pad(image: Pixels, placement: Placement, into: Pixels) -> None:
    """Black all around an image, which is copied to its spot where it doesn't lie there."""
    spot = placement.spot(into)
    if not np.may_share_memory(image, spot):
        spot[:] = image
    (width, height), (left, top) = placement.size, placement.corner
    into[:top] = 0
    into[top + height :] = 0
    into[top : top + height, :left] = 0
    into[top : top + height, left + width :] = 0
