"""What a decoder is: bytes of an image file in, pixels out."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

#: Sides of a JPEG can be divided by these while it is decoded: the transform of a block gives fewer pixels.
DENOMINATORS = (1, 2, 4, 8)


class DecodeError(Exception):
    """The bytes are no image that this decoder can read; the message says why."""


class Decoder(Protocol):
    """Decodes one image file."""

    def __call__(self, data: bytes, denominator: int = 1) -> Pixels:
        """uint8 [H, W, 3], RGB, in the frame in which the pixels are stored (no EXIF turn).

        Args:
            data: The file's bytes.
            denominator: One of `DENOMINATORS`; sides of a JPEG come out as ``ceil(side / denominator)``. Other kinds of
                images are not made smaller.

        Raises:
            DecodeError: For bytes that are no image.
        """


def is_jpeg(data: bytes) -> bool:
    """Whether bytes begin like a JPEG file."""
    return data[:3] == b"\xff\xd8\xff"
