"""From the bytes of an image file to pixels, and upright.

Every decoder gives uint8 [H, W, 3], RGB, in the frame in which the pixels are stored; `orient` turns them by EXIF.
Gray, palette, 1-bit, CMYK, 16-bit and alpha images become RGB as the libraries agree on it: alpha is dropped, 16 bits
are cut to their upper 8.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import numpy as np

from workbench.workloads.ocr.decoders.decoder import DENOMINATORS, Decoder, Pixels

#: The module of a decoder by the knob `image_decoder`; imported when it is chosen.
DECODERS: dict[str, str] = {
    "pil": "workbench.workloads.ocr.decoders.pil",
    "opencv": "workbench.workloads.ocr.decoders.opencv",
    "turbojpeg": "workbench.workloads.ocr.decoders.turbojpeg",
    "nvjpeg": "workbench.workloads.ocr.decoders.nvjpeg",
}


def choose_decoder(name: str) -> Decoder:
    """The decoder of a knob's value."""
    decoder: Decoder = import_module(DECODERS[name]).decode
    return decoder


def largest_denominator(width: int, height: int, side: int) -> int:
    """The largest of `DENOMINATORS` that leaves a page at least as large as it is going to be used.

    Both sides must be multiples of it: else the last pixels would stand for less than the others, and the words would
    be off by a part of a pixel.

    Args:
        width: Of the page, in pixels.
        height: Likewise.
        side: What its longer side is going to be, in pixels.
    """
    longer = max(width, height)
    return max(d for d in DENOMINATORS if d == 1 or (longer >= d * side and width % d == height % d == 0))


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
