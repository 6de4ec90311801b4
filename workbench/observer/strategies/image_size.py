"""Width and height of a JPEG or PNG file, from its first bytes."""

from __future__ import annotations

import os
import struct
from typing import Any

_HEAD = 1 << 16


def size_of_image(source: Any) -> tuple[int, int] | None:
    """Width and height in pixels; None for anything else than a JPEG or PNG.

    Args:
        source: A path, or the content of a file.
    """
    try:
        return _size(_head(source))
    except (OSError, struct.error, IndexError):
        return None


def _head(source: Any) -> bytes:
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as file:
            return file.read(_HEAD)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source[:_HEAD])
    return bytes(source[:_HEAD].tobytes()) if hasattr(source, "tobytes") else b""


def _size(head: bytes) -> tuple[int, int] | None:
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        width, height = struct.unpack(">II", head[16:24])
        return width, height
    if head[:2] != b"\xff\xd8":
        return None
    at = 2
    while at < len(head) - 9:
        marker, length = head[at + 1], struct.unpack(">H", head[at + 2 : at + 4])[0]
        # A frame header holds the size; four of the markers in its range are none (DHT, JPG, DAC, and reserved).
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", head[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return None
