"""From the bytes of an image file to pixels, and upright.

Every decoder gives uint8 [H, W, 3], RGB, in the frame in which the pixels are stored; `orient` turns them by EXIF.
Gray, palette, 1-bit, CMYK, 16-bit and alpha images become RGB as the two libraries agree on it: alpha is dropped, 16
bits are cut to their upper 8.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]

# A page of 10000x10000 is a scan, not an attack: the data set is the user's own.
Image.MAX_IMAGE_PIXELS = None


class DecodeError(Exception):
    """The bytes are no image that this decoder can read; the message says why."""


def decode_pil(data: bytes) -> Pixels:
    """Decode with Pillow, as the study did.

    Raises:
        DecodeError: For bytes that are no image, or one that ends too early.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.mode.startswith("I"):
                return _from_16_bit(np.asarray(image))
            return np.array(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise DecodeError(str(error) or type(error).__name__) from None


def decode_opencv(data: bytes) -> Pixels:
    """Decode with OpenCV.

    A JPEG that ends too early comes out filled up with gray: OpenCV does not tell. The survey of the data set refuses
    such files before anything is decoded.

    Raises:
        DecodeError: For bytes that are no image.
    """
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    if image is None:
        raise DecodeError("OpenCV cannot decode it")
    return image  # type: ignore[return-value]


#: A decoder by the knob `image_decoder`.
DECODERS: dict[str, Callable[[bytes], Pixels]] = {"pil": decode_pil, "opencv": decode_opencv}

_TURNS: dict[int, Callable[[Pixels], Pixels]] = {
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.transpose(1, 0, 2),
    6: lambda image: image.transpose(1, 0, 2)[:, ::-1],
    7: lambda image: image.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda image: image.transpose(1, 0, 2)[::-1],
}


def orient(image: Pixels, exif_orientation: int) -> Pixels:
    """The image upright.

    Args:
        image: uint8 [H, W, 3] as stored.
        exif_orientation: 1..8 of the EXIF standard; 1 leaves the image as it is, without a copy.

    Returns:
        uint8 [H, W, 3] or [W, H, 3], contiguous.
    """
    turn = _TURNS.get(exif_orientation)
    return image if turn is None else np.ascontiguousarray(turn(image))


def _from_16_bit(levels: npt.NDArray[np.generic]) -> Pixels:
    gray = (levels.astype(np.uint32) >> 8).astype(np.uint8)
    return np.repeat(gray[:, :, None], 3, axis=2)
