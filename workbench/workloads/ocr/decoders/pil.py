"""Pillow, as the study used it."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from workbench.workloads.ocr.decoders.decoder import DecodeError, Pixels

# A page of 10000x10000 is a scan, not an attack: the data set is the user's own.
Image.MAX_IMAGE_PIXELS = None


def decode(data: bytes, denominator: int = 1) -> Pixels:
    """See `Decoder`. An image that ends too early is an error."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            if denominator > 1 and image.format in ("JPEG", "MPO"):
                # Draft mode takes the largest reduction by which both sides are at least this long.
                image.draft(None, (image.width // denominator, image.height // denominator))
            if image.mode.startswith("I"):
                return _from_16_bit(np.asarray(image))
            return np.array(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise DecodeError(str(error) or type(error).__name__) from None


def _from_16_bit(levels: npt.NDArray[np.generic]) -> Pixels:
    gray = (levels.astype(np.uint32) >> 8).astype(np.uint8)
    return np.repeat(gray[:, :, None], 3, axis=2)
