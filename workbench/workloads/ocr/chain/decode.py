"""From the bytes of an image file to pixels, and upright.

Every decoder gives uint8 [H, W, 3], RGB, in the frame in which the pixels are stored; `orient` turns them by EXIF.
Gray, palette, 1-bit, CMYK, 16-bit and alpha images become RGB as the libraries agree on it: alpha is dropped, 16 bits
are cut to their upper 8. Libraries that not everybody has are imported when their decoder is used.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from workbench.workloads.ocr.pages.image_kinds import FORMATS, is_heif, why_too_large

Pixels = npt.NDArray[np.uint8]

#: Sides of a JPEG can be divided by these while it is decoded: the transform of a block gives fewer pixels.
DENOMINATORS = (1, 2, 4, 8)
_OPENCV_WHOLE = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
_OPENCV_REDUCED = {
    2: cv2.IMREAD_REDUCED_COLOR_2 | cv2.IMREAD_IGNORE_ORIENTATION,
    4: cv2.IMREAD_REDUCED_COLOR_4 | cv2.IMREAD_IGNORE_ORIENTATION,
    8: cv2.IMREAD_REDUCED_COLOR_8 | cv2.IMREAD_IGNORE_ORIENTATION,
}


class DecodeError(Exception):
    """The bytes are no image that this decoder can read; the message says why."""


class Decoder(Protocol):
    """Decodes one image file."""

    def __call__(self, data: bytes, denominator: int = 1, into: Pixels | None = None) -> Pixels:
        """uint8 [H, W, 3], RGB, in the frame in which the pixels are stored (no EXIF turn).

        Args:
            data: The file's bytes.
            denominator: One of `DENOMINATORS`; sides of a JPEG come out as ``ceil(side / denominator)``. Other kinds of
                images are not made smaller.
            into: Where the image may be written if it has that shape, contiguous; a decoder may leave it alone.

        Raises:
            DecodeError: For bytes that are no image, or one of too many pixels.
        """


def decode_pil(data: bytes, denominator: int = 1, into: Pixels | None = None) -> Pixels:
    """Pillow, as the study used it. See `Decoder`. An image that ends too early is an error."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if why := why_too_large(*image.size):
                raise DecodeError(why)
            if denominator > 1 and image.format in ("JPEG", "MPO"):
                # Draft mode takes the largest reduction by which both sides are at least this long.
                image.draft(None, (image.width // denominator, image.height // denominator))
            if image.mode.startswith("I"):
                return _from_16_bit(np.asarray(image))
            return np.array(image.convert("RGB"))
    except (OSError, RuntimeError, SyntaxError, ValueError) as error:  # each plugin has its own
        raise DecodeError(str(error) or type(error).__name__) from None


def decode_opencv(data: bytes, denominator: int = 1, into: Pixels | None = None) -> Pixels:
    """OpenCV. See `Decoder`. A HEIC goes to Pillow, for OpenCV reads none.

    A JPEG that ends too early comes out filled up with gray: OpenCV does not tell. The survey of the data set refuses
    such files before anything is decoded.
    """
    reduced = denominator > 1 and _is_jpeg(data)
    flags = _OPENCV_REDUCED[denominator] if reduced else _OPENCV_WHOLE
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    except cv2.error as error:  # of more than 2^30 pixels it takes none, and no memory
        raise DecodeError(f"OpenCV cannot decode it ({error.err})") from None
    if image is None and is_heif(data[:16]):
        return decode_pil(data)
    if image is None:
        raise DecodeError("OpenCV cannot decode it")
    if reduced:  # these flags give BGR
        cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image)
    return image  # type: ignore[return-value]


def decode_turbojpeg(data: bytes, denominator: int = 1, into: Pixels | None = None) -> Pixels:
    """libjpeg-turbo by way of simplejpeg. See `Decoder`.

    Anything but a JPEG goes to OpenCV, and so does a CMYK JPEG, which libjpeg-turbo does not turn into RGB.
    """
    import simplejpeg

    if not _is_jpeg(data):
        return decode_opencv(data, denominator)
    try:
        height, width, colorspace, _ = simplejpeg.decode_jpeg_header(data)
        if why := why_too_large(width, height):
            raise DecodeError(why)
        if colorspace in ("CMYK", "YCCK"):
            return decode_opencv(data, denominator)
        size = -(-height // denominator), -(-width // denominator)
        image: Pixels = simplejpeg.decode_jpeg(
            data,
            "RGB",
            min_height=size[0] if denominator > 1 else 0,
            min_width=size[1] if denominator > 1 else 0,
            buffer=into if into is not None and into.shape[:2] == size else None,
        )
    except ValueError as error:
        raise DecodeError(str(error)) from None
    return image


def decode_nvjpeg(data: bytes, denominator: int = 1, into: Pixels | None = None) -> Pixels:
    """Decode with nvJPEG, by way of torchvision: on the CUDA device, and copied back for the chain. See `Decoder`.

    Anything but a JPEG goes to OpenCV; nothing is made smaller here.
    """
    if not _is_jpeg(data):
        return decode_opencv(data)
    import torch
    from torchvision.io import ImageReadMode, decode_jpeg

    encoded = torch.frombuffer(bytearray(data), dtype=torch.uint8)
    try:
        pixels = decode_jpeg(encoded, mode=ImageReadMode.RGB, device="cuda")
    except RuntimeError as error:
        raise DecodeError(str(error).splitlines()[0]) from None
    return np.ascontiguousarray(pixels.permute(1, 2, 0).cpu().numpy())


#: A decoder by the knob `image_decoder`.
DECODERS: dict[str, Decoder] = {
    "pil": decode_pil,
    "opencv": decode_opencv,
    "turbojpeg": decode_turbojpeg,
    "nvjpeg": decode_nvjpeg,
}


def choose_decoder(name: str) -> Decoder:
    """The decoder of a knob's value."""
    if name == "turbojpeg":
        import simplejpeg  # noqa: F401  here, so that it isn't counted as the first page's decoding
    return DECODERS[name]


@lru_cache(1024)
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


#: By EXIF orientation: whether rows and columns change places, and how the result is then flipped, by OpenCV's codes.
_TURNS: dict[int, tuple[bool, int | None]] = {
    2: (False, 1),
    3: (False, -1),
    4: (False, 0),
    5: (True, None),
    6: (True, 1),
    7: (True, -1),
    8: (True, 0),
}


def orient(image: Pixels, exif_orientation: int, into: Pixels | None = None) -> Pixels:
    """The image upright.

    Args:
        image: uint8 [H, W, 3] as stored.
        exif_orientation: 1..8 of the EXIF standard; 1 leaves the image as it is, without a copy.
        into: Gets the upright image; rows may lie apart.

    Returns:
        uint8 [H, W, 3] or [W, H, 3]: `into`, or else contiguous.
    """
    turn = _TURNS.get(exif_orientation)
    if turn is None:
        return image
    is_turned, flip = turn
    if is_turned and flip is None:
        return cv2.transpose(image, dst=into)  # type: ignore[return-value]
    if is_turned:
        image = cv2.transpose(image)  # type: ignore[assignment]
    return cv2.flip(image, flip, dst=into)  # type: ignore[return-value,arg-type]


def _is_jpeg(data: bytes) -> bool:
    """Whether bytes begin like a JPEG file."""
    return data[:3] == b"\xff\xd8\xff"


def _from_16_bit(levels: npt.NDArray[np.generic]) -> Pixels:
    gray = (levels.astype(np.uint32) >> 8).astype(np.uint8)
    return np.repeat(gray[:, :, None], 3, axis=2)
