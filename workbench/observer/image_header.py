"""What a JPEG or PNG file says of itself in its first bytes: what kind it is, its width and height.

Source: ITU T.81 (JPEG), table B.1: the marker of a frame tells how it is coded.
"""

from __future__ import annotations

import os
import struct
from typing import Any, NamedTuple

_HEAD = 1 << 16

#: Markers that begin a frame; four in their range do not (DHT, JPG, DAC, and a reserved one).
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

#: How the common ones are coded.
_CODINGS = {0xC0: "baseline JPEG", 0xC1: "baseline JPEG", 0xC2: "progressive JPEG"}


class ImageHeader(NamedTuple):
    """What an image file says of itself.

    Attributes:
        kind: In words: ``"progressive JPEG"``.
        width: In pixels.
        height: In pixels.
    """

    kind: str
    width: int
    height: int


def header_of(source: Any) -> ImageHeader | None:
    """What an image file says of itself; None for anything else than a JPEG or PNG.

    Args:
        source: A path, or the content of a file.
    """
    try:
        return _header(_head(source))
    except (OSError, struct.error, IndexError):
        return None


def _head(source: Any) -> bytes:
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as file:
            return file.read(_HEAD)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source[:_HEAD])
    return bytes(source[:_HEAD].tobytes()) if hasattr(source, "tobytes") else b""


def _header(head: bytes) -> ImageHeader | None:
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        width, height = struct.unpack(">II", head[16:24])
        return ImageHeader("PNG", width, height)
    if head[:2] != b"\xff\xd8":
        return None
    at = 2
    while at < len(head) - 9:
        marker, length = head[at + 1], struct.unpack(">H", head[at + 2 : at + 4])[0]
        if marker in _FRAMES:
            height, width = struct.unpack(">HH", head[at + 5 : at + 9])
            return ImageHeader(_CODINGS.get(marker, "JPEG"), width, height)
        at += 2 + length
    return None
