"""What the device has made of a batch, and the words in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from workbench.measure.devices.device import Pending
from workbench.workloads.ocr.detector.postprocess import find_words, to_page
from workbench.workloads.ocr.predicted import readable


@dataclass(frozen=True)
class Step:
    """A batch that the device has taken on.

    Attributes:
        pending: Its shrink maps, [B, S, S]: float32 probabilities, or what stands in for them.
        matrices: float64 [B, 3, 3]: page pixels to input pixels.
        pages: Numbers of its pages.
        counted: Whether it counts, or is a warm-up.
    """

    pending: Pending
    matrices: npt.NDArray[np.float64]
    pages: list[int]
    counted: bool


def words_of(probability: torch.Tensor, step: Step) -> list[list[npt.NDArray[np.float32]]]:
    """The words of a batch, page by page, as polygons in the pages' own pixels."""
    return [
        [to_page(word.polygon, matrix) for word in find_words(readable(page_map))]
        for page_map, matrix in zip(probability, step.matrices, strict=True)
    ]
