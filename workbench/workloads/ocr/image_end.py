"""Whether the end of an image file is there, which a download that broke off lacks. Reads little of the file."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

_TAIL_BYTES = 65536
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, b"\xff\xd9"
_PNG_SIGNATURE_BYTES = 8


def has_end(file: BinaryIO, kind: str | None) -> bool:
    """Whether an image file is whole, as far as its structure says; True for kinds that are not known here.

    Args:
        file: The image, open for reading.
        kind: Its format in Pillow's words ("JPEG", "PNG", ...).
    """
    check = _CHECKS.get(kind or "")
    return check is None or check(file)


def png_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """The chunks of a PNG file that are there in full: type, offset and length in bytes of what each holds."""
    size = file.seek(0, 2)
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
    size = file.seek(0, 2)
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
    return any(kind == b"IEND" for kind, _, _ in png_chunks(file))


def _webp_has_end(file: BinaryIO) -> bool:
    file.seek(4)
    length: int = struct.unpack("<I", file.read(4))[0]
    return file.seek(0, 2) >= length + 8


_CHECKS: dict[str, Callable[[BinaryIO], bool]] = {
    "JPEG": _jpeg_has_end,
    "MPO": _jpeg_has_end,
    "PNG": _png_has_end,
    "WEBP": _webp_has_end,
}
