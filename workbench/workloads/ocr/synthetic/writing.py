"""A page as it is written: its JPEG, and its entry in the competition (UFO) JSON."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from workbench.workloads.ocr.pages.page import Word

_EXIF_ORIENTATION = 0x0112
#: Quarter turns, counter-clockwise, from the upright picture to the one that is stored under an EXIF orientation.
QUARTER_TURNS = {1: 0, 3: 2, 6: 1, 8: 3}


def encode(upright: npt.NDArray[np.uint8], *, orientation: int, gray: bool, quality: int) -> bytes:
    """The JPEG of a picture.

    Args:
        upright: uint8 [H, W, 3], RGB, the right way up.
        orientation: EXIF orientation under which it is stored: a key of `QUARTER_TURNS`.
        gray: One channel in place of three.
        quality: JPEG quality, 1..95.
    """
    image = Image.fromarray(np.ascontiguousarray(np.rot90(upright, QUARTER_TURNS[orientation])))
    exif = Image.Exif()
    if orientation != 1:
        exif[_EXIF_ORIENTATION] = orientation
    buffer = io.BytesIO()
    (image.convert("L") if gray else image).save(buffer, "JPEG", quality=quality, exif=exif)
    return buffer.getvalue()


def annotate(words: Iterable[Word], width: int, height: int) -> dict[str, Any]:
    """A page's entry: points in the upright frame, whose size is `img_w` x `img_h`."""
    entries = {
        f"{number:04d}": {
            "points": [[round(float(x), 2), round(float(y), 2)] for x, y in word.polygon],
            "transcription": word.text,
            "illegibility": word.ignore,
        }
        for number, word in enumerate(words, start=1)
    }
    return {"img_w": width, "img_h": height, "words": entries}
