"""libjpeg-turbo by way of simplejpeg, for JPEG files; anything else goes to OpenCV."""

from __future__ import annotations

import simplejpeg

from workbench.workloads.ocr.decoders import opencv
from workbench.workloads.ocr.decoders.decoder import DecodeError, Pixels, is_jpeg


def decode(data: bytes, denominator: int = 1) -> Pixels:
    """See `Decoder`. A CMYK JPEG, which libjpeg-turbo does not turn into RGB, goes to OpenCV, too."""
    if not is_jpeg(data):
        return opencv.decode(data, denominator)
    try:
        height, width, colorspace, _ = simplejpeg.decode_jpeg_header(data)
        if colorspace in ("CMYK", "YCCK"):
            return opencv.decode(data, denominator)
        image: Pixels = simplejpeg.decode_jpeg(
            data,
            "RGB",
            min_height=-(-height // denominator) if denominator > 1 else 0,
            min_width=-(-width // denominator) if denominator > 1 else 0,
        )
    except ValueError as error:
        raise DecodeError(str(error)) from None
    return image
