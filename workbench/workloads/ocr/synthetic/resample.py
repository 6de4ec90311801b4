"""Resampling that gives the same pixels on every processor.

OpenCV picks its code by the processor, and floats then round differently: its cubic `resize` (with IPP or without) and
its `remap` and `warpAffine` on float maps (with AVX2 or without) differ by a level here and there. What is used here
works in whole numbers: linear `resize`, and `remap` on fixed-point maps.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Map = npt.NDArray[np.float32]


def enlarge(image: Pixels, width: int, height: int) -> Pixels:
    """uint8 [height, width] or [height, width, C]: an image in another size, linearly interpolated."""
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def look_up(image: Pixels, x: Map, y: Map) -> Pixels:
    """uint8 [h, w] or [h, w, C]: an image at float32 positions [h, w], bilinear; 0 beyond its edge."""
    whole, fraction = cv2.convertMaps(x, y, cv2.CV_16SC2)
    return np.asarray(cv2.remap(image, whole, fraction, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT), np.uint8)
