"""nvJPEG by way of torchvision: JPEG files are decoded on the CUDA device and copied back for the chain."""

from __future__ import annotations

import numpy as np

from workbench.workloads.ocr.decoders import opencv
from workbench.workloads.ocr.decoders.decoder import DecodeError, Pixels, is_jpeg


def decode(data: bytes, denominator: int = 1) -> Pixels:
    """See `Decoder`. Anything but a JPEG goes to OpenCV; nothing is made smaller here."""
    if not is_jpeg(data):
        return opencv.decode(data)
    import torch
    from torchvision.io import ImageReadMode, decode_jpeg

    encoded = torch.frombuffer(bytearray(data), dtype=torch.uint8)
    try:
        pixels = decode_jpeg(encoded, mode=ImageReadMode.RGB, device="cuda")
    except RuntimeError as error:
        raise DecodeError(str(error).splitlines()[0]) from None
    return np.ascontiguousarray(pixels.permute(1, 2, 0).cpu().numpy())
