"""OpenCV."""

from __future__ import annotations

import cv2
import numpy as np

from workbench.workloads.ocr.decoders.decoder import DecodeError, Pixels, is_jpeg

_WHOLE = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
_REDUCED = {
    2: cv2.IMREAD_REDUCED_COLOR_2 | cv2.IMREAD_IGNORE_ORIENTATION,
    4: cv2.IMREAD_REDUCED_COLOR_4 | cv2.IMREAD_IGNORE_ORIENTATION,
    8: cv2.IMREAD_REDUCED_COLOR_8 | cv2.IMREAD_IGNORE_ORIENTATION,
}


def decode(data: bytes, denominator: int = 1) -> Pixels:
    """See `Decoder`.

    A JPEG that ends too early comes out filled up with gray: OpenCV does not tell. The survey of the data set refuses
    such files before anything is decoded.
    """
    reduced = denominator > 1 and is_jpeg(data)
    flags = _REDUCED[denominator] if reduced else _WHOLE
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    if image is None:
        raise DecodeError("OpenCV cannot decode it")
    if reduced:  # these flags give BGR
        cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image)
    return image  # type: ignore[return-value]
