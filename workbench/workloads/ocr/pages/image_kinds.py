"""Which kinds of images are taken, and the bounds of what is read of them: the same in the survey and in each decoder.

To import this makes Pillow read what it would not by itself.
"""

from __future__ import annotations

import contextlib
from typing import BinaryIO

from PIL import AvifImagePlugin, Image, ImageFile, Jpeg2KImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

from workbench.units import format_bytes
from workbench.workloads.ocr.pages.not_fetched import HEAD_BYTES, not_fetched

#: Suffixes of files that are taken for images. What a file really is, its content says.
IMAGE_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".gif", ".jp2",
    ".avif", ".heic", ".heif",
)  # fmt: skip

#: What a file may be, in Pillow's words: what every decoder here makes the same pixels of. Pillow tries no other kinds.
_FORMATS = ("JPEG", "PNG", "BMP", "DIB", "TIFF", "WEBP", "GIF", "JPEG2000", "AVIF", "HEIF", "PPM")

#: The most text, or colour profile, that a PNG may hold when it is unpacked. Pillow's own bound of a text is 1 MB, and
#: it writes more than that; OpenCV has none.
MOST_PNG_TEXT_BYTES = 64_000_000

#: Kinds that a decoder lacks, by the first brand of their container, and what to do.
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"hevm", b"mif1", b"msf1")

#: JPEG's frames that decoders here lack, by the marker of their header.
_JPEG_FRAMES = {0xC3: "lossless", 0xC5: "hierarchical", 0xC6: "hierarchical", 0xC7: "hierarchical lossless"}
_JPEG_FRAMES |= {0xCB: "lossless", 0xCD: "hierarchical", 0xCE: "hierarchical", 0xCF: "hierarchical lossless"}
_NO_FRAMES = (0xC4, 0xC8, 0xCC)

#: Colour modes in Pillow's words of which decoders make different pixels, or none.
_UNLIKE_MODES = {"F": "floating-point numbers", "I": "32 bits a pixel", "LAB": "the colour space Lab"}

_AS_PNG = "Save it as PNG or JPEG of 8 bits a channel"

_PLUGINS = (AvifImagePlugin, Jpeg2KImagePlugin, TiffImagePlugin, WebPImagePlugin)  # imported: Pillow knows them

#: A page has no more, 16384 x 16384: decoded it takes 805 MB. A PNG of 300 kB can have ten times as many.
MOST_PIXELS = 1 << 28

# A page of 10000x10000 is a scan, not an attack: the bound is `MOST_PIXELS`.
Image.MAX_IMAGE_PIXELS = None
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = MOST_PNG_TEXT_BYTES

with contextlib.suppress(ImportError):
    from pillow_heif import register_heif_opener

    register_heif_opener()
Image.preinit()
FORMATS = [name for name in _FORMATS if name in Image.OPEN]

#: What is no image of pixels, or no image alone, by how it begins, and what to do.
_UNREAD = (
    (b"%PDF", "a PDF document", _AS_PNG),
    (b"%!PS", "a PostScript document", _AS_PNG),
    (b"8BPS", "a Photoshop file", _AS_PNG),
    (b"<svg", "an SVG drawing", _AS_PNG),
    (b"\x1f\x8b", "packed by gzip", "Unpack it: gunzip"),
    (b"PK\x03\x04", "a ZIP archive", "Unpack it: unzip"),
)


def why_too_large(width: int, height: int) -> str:
    """Why an image of this size is not decoded; empty where it is.

    Args:
        width: In pixels.
        height: In pixels.
    """
    if width * height <= MOST_PIXELS:
        return ""
    takes = format_bytes(3 * width * height)
    return f"has {width} x {height} pixels, which take {takes} of memory when they are decoded: a page has 2^28 at most"


def is_heif(head: bytes) -> bool:
    """Whether a file that begins so is HEIF (HEIC), which OpenCV does not read; AVIF, its kin, it does."""
    return head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS


def unreadable_kind(file: BinaryIO) -> tuple[str, str] | None:
    """What a file is that Pillow cannot open, and what to do; None for what isn't known by its first bytes."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if (found := not_fetched(head)) is not None:
        return found
    if is_heif(head):
        return "is a HEIC, for which Pillow needs a plugin", "pip install pillow-heif, or save it as JPEG"
    if head.startswith(b"\xff\xd8\xff"):
        bits, kind = _jpeg_frame(file)
        return _jpeg_problem(bits, kind)
    return next(((f"is {what}", remedy) for begin, what, remedy in _UNREAD if head.startswith(begin)), None)


def unlike_kind(image: ImageFile.ImageFile, file: BinaryIO) -> tuple[str, str] | None:
    """Why decoders would not agree on an image that Pillow opens, and what to do; None where they do."""
    if image.format in ("JPEG", "MPO"):
        return _jpeg_problem(*_jpeg_frame(file))
    if image.mode in _UNLIKE_MODES:
        return f"has {_UNLIKE_MODES[image.mode]}, of which decoders make different pixels", _AS_PNG
    return None


def num_pictures(image: ImageFile.ImageFile) -> int:
    """How many pictures a file holds, as far as that is known without decoding any; 2 may stand for more.

    A multi-page TIFF, an animation, or what a phone or a drone puts behind the picture (MPO).
    """
    if image.format == "GIF":
        return 1 + bool(getattr(image, "is_animated", False))
    return int(getattr(image, "n_frames", 1))


def _jpeg_problem(bits: int, kind: int) -> tuple[str, str] | None:
    if kind in _JPEG_FRAMES:
        return f"is a {_JPEG_FRAMES[kind]} JPEG, which decoders here don't read", _AS_PNG
    if bits not in (0, 8):
        return f"is a JPEG of {bits} bits a channel, which decoders here don't read", _AS_PNG
    return None


def _jpeg_frame(file: BinaryIO) -> tuple[int, int]:
    """Bits a channel of a JPEG, and the marker of its frame; 0, 0 where there is none."""
    position = 2
    while True:
        file.seek(position)
        head = file.read(5)
        if len(head) < 5 or head[0] != 0xFF:
            return 0, 0
        marker = head[1]
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAMES:
            return head[4], marker
        # Fill bytes may stand before a marker.
        position += 1 if marker == 0xFF else 2 + int.from_bytes(head[2:4], "big")
