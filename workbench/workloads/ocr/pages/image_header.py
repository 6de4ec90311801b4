"""What an image file says of itself, without decoding it: size, EXIF turn, colour mode; and whether it is all there."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageFile, UnidentifiedImageError

from workbench.units import format_bytes
from workbench.workloads.ocr.pages.image_kinds import (
    FORMATS,
    MOST_PNG_TEXT_BYTES,
    num_pictures,
    unlike_kind,
    unreadable_kind,
    why_too_large,
)

_ORIENTATION = 0x0112
_TAIL_BYTES = 65536
#: Most files are in the buffer with the first read: each further one makes threads take turns.
_BUFFER_BYTES = 65536
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, b"\xff\xd9"
_PNG_SIGNATURE_BYTES = 8


class ImageProblem(Exception):
    """A file is no image that can be used; the message says why.

    Attributes:
        remedy: What to do; empty for what is said of every image.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.remedy = remedy


@dataclass(frozen=True)
class ImageHeader:
    """What the header says.

    Attributes:
        width: Width in pixels as stored, which is what a decoder gives.
        height: Height in pixels likewise.
        orientation: 1..8 of the EXIF standard: the turn that is left to be made after decoding; 1 where there is none.
        mode: Colour mode in Pillow's words; with ";16" where the file has 16 bits a channel and Pillow gives 8.
        num_bytes: Size of the file.
        is_jpeg: Whether it is a JPEG.
        remarks: What Pillow warned of, and what else is odd.
        num_pictures: Pictures in the file, of which the first is taken; 2 may stand for more.
        written_ns: When the file was written last, in ns since 1970.
    """

    width: int
    height: int
    orientation: int
    mode: str
    num_bytes: int = 0
    is_jpeg: bool = False
    remarks: tuple[str, ...] = ()
    num_pictures: int = 1
    written_ns: int = field(default=0, compare=False)

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height in pixels after the EXIF turn."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)


def read_header(path: Path, remarks: list[str] | None = None) -> ImageHeader:
    """Read the header of a file, and look whether its end is there.

    Args:
        path: The image.
        remarks: The list that warnings are gathered in while this runs, if they are.

    Raises:
        ImageProblem: For an empty file, one that is no image, one that is cut short, or has more than `MOST_PIXELS`.
    """
    remarks = [] if remarks is None else remarks
    try:
        with path.open("rb", buffering=_BUFFER_BYTES) as file:
            if (num_bytes := _num_bytes(file)) == 0:
                raise ImageProblem("is empty (0 bytes)")
            return _read(file, num_bytes, remarks)
    except ImageProblem:
        raise
    except Exception as error:  # damaged files make Pillow raise nearly anything
        if "MAX_TEXT" in str(error):
            bound = format_bytes(MOST_PNG_TEXT_BYTES)
            remedy = "Save it again without it: exiftool -all= FILE"
            raise ImageProblem(f"has more than {bound} of text beside its pixels", remedy) from None
        raise ImageProblem(f"cannot be read as an image ({str(error) or type(error).__name__})") from None


def _read(file: BinaryIO, num_bytes: int, remarks: list[str]) -> ImageHeader:
    try:
        image = Image.open(file, formats=FORMATS)
    except UnidentifiedImageError:
        unreadable = unreadable_kind(file) or ("is no image, or one of a kind that cannot be read", "")
        raise ImageProblem(*unreadable) from None
    with image:
        if why := why_too_large(*image.size):
            raise ImageProblem(why)
        if not _has_end(file, image.format):
            raise ImageProblem("is cut short: the end of the image is missing")
        if unlike := unlike_kind(image, file):
            raise ImageProblem(*unlike)
        try:
            orientation = _orientation(image, file)
        except Exception as error:  # likewise; the pixels may be whole
            orientation = 1
            remarks.append(f"its EXIF cannot be read ({str(error) or type(error).__name__}): taken as upright")
        is_jpeg, pictures = image.format in ("JPEG", "MPO"), num_pictures(image)
        header = *image.size, orientation, _mode(image), num_bytes, is_jpeg
        return ImageHeader(*header, tuple(remarks), pictures, os.fstat(file.fileno()).st_mtime_ns)


def _orientation(image: ImageFile.ImageFile, file: BinaryIO) -> int:
    if image.format == "TIFF":
        return 1  # Pillow and OpenCV turn a TIFF upright when they decode it, and Pillow gives its upright size
    exif = _png_exif(image, file) if image.format == "PNG" else image.getexif()
    value = exif.get(_ORIENTATION, 1)
    return int(value) if value in range(1, 9) else 1


def _png_exif(image: ImageFile.ImageFile, file: BinaryIO) -> Image.Exif:
    if "exif" not in image.info:
        # It may stand behind the pixels. Pillow's own way to find it there is to decode them.
        for kind, offset, length in _png_chunks(file):
            if kind == b"eXIf":
                file.seek(offset)
                image.info["exif"] = b"Exif\0\0" + file.read(length)
    return Image.Image.getexif(image)


def _mode(image: ImageFile.ImageFile) -> str:
    layout = image.tile[0].args if image.tile else None
    raw = layout[0] if isinstance(layout, tuple) and layout else layout
    return f"{image.mode};16" if ";16" in str(raw) and "16" not in image.mode else image.mode


def _num_bytes(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size  # where a seek to the end would empty the buffer


def _has_end(file: BinaryIO, kind: str | None) -> bool:
    """Whether an image file is whole, as far as its structure says; True for kinds that are not known here.

    Args:
        file: The image, open for reading.
        kind: Its format in Pillow's words ("JPEG", "PNG", ...).
    """
    check = _CHECKS.get(kind or "")
    return check is None or check(file)


def _png_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """The chunks of a PNG file that are there in full: type, offset and length in bytes of what each holds."""
    size = _num_bytes(file)
    position = _PNG_SIGNATURE_BYTES
    while position + 12 <= size:
        file.seek(position)
        length, kind = struct.unpack(">I4s", file.read(8))
        if position + 12 + length > size:
            return
        yield kind, position + 8, length
        position += 12 + length


def _jpeg_has_end(file: BinaryIO) -> bool:
    # Behind the start of the scan only: the thumbnail in the header has an end of its own.
    begin = _start_of_scan(file)
    size = _num_bytes(file)
    # Phones put whole films behind the end, so if it isn't near the end of the file, look through all of it.
    for start in (max(begin, size - _TAIL_BYTES), begin):
        file.seek(start)
        if _END_OF_IMAGE in file.read():
            return True
    return False


def _start_of_scan(file: BinaryIO) -> int:
    """Offset in bytes of the first scan; of the first thing that is no segment where there is none."""
    position = 2
    while True:
        file.seek(position)
        head = file.read(4)
        if len(head) < 4 or head[0] != 0xFF or head[1] == _START_OF_SCAN:
            return position
        if head[1] == 0xFF:  # fill bytes may stand before a marker
            position += 1
        else:
            position += 2 + int.from_bytes(head[2:], "big")


def _png_has_end(file: BinaryIO) -> bool:
    return any(kind == b"IEND" for kind, _, _ in _png_chunks(file))


def _webp_has_end(file: BinaryIO) -> bool:
    file.seek(4)
    length: int = struct.unpack("<I", file.read(4))[0]
    return _num_bytes(file) >= length + 8


_CHECKS: dict[str, Callable[[BinaryIO], bool]] = {
    "JPEG": _jpeg_has_end,
    "MPO": _jpeg_has_end,
    "PNG": _png_has_end,
    "WEBP": _webp_has_end,
}
