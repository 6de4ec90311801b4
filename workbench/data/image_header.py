"""What an image file says of itself, without decoding it: size, EXIF turn, colour mode; and whether it can be whole."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

#: Suffixes of files that are taken for images.
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")

_ORIENTATION = 0x0112
_TAIL_BYTES = 65536


class ImageProblem(Exception):
    """A file is no image that can be used; the message says why."""


@dataclass(frozen=True)
class ImageHeader:
    """What the header says.

    Attributes:
        width: Width in pixels as stored.
        height: Height in pixels as stored.
        orientation: 1..8 of the EXIF standard; 1 where the file says nothing.
        mode: Colour mode in PIL's words.
    """

    width: int
    height: int
    orientation: int
    mode: str

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height in pixels after the EXIF turn."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)


def read_header(path: Path) -> ImageHeader:
    """Read the header, and look whether the end of the file is there.

    Raises:
        ImageProblem: For an empty file, one that is no image, or one that is cut short.
    """
    # A large page is no attack, and a broken EXIF block is no reason to refuse the pixels.
    Image.MAX_IMAGE_PIXELS = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                width, height = image.size
                orientation = image.getexif().get(_ORIENTATION, 1)
                header = ImageHeader(width, height, orientation if orientation in range(1, 9) else 1, image.mode)
                kind = image.format
    except UnidentifiedImageError:
        raise ImageProblem("is empty" if path.stat().st_size == 0 else "is no image") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageProblem(f"cannot be read ({error})") from None
    if kind in _ENDS and _ENDS[kind] not in _tail(path):
        raise ImageProblem("is cut short: the end of the image is missing")
    return header


#: What a whole file has near its end; some writers put bytes of their own behind it.
_ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(file.tell() - _TAIL_BYTES, 0))
        return file.read()
