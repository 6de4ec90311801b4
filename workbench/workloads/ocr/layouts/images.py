"""The image file of a page as it is written into a layout: as it was, wherever that is possible; and its name."""

from __future__ import annotations

import io
import re
from collections import Counter
from dataclasses import dataclass

from PIL import Image

from workbench.workloads.ocr.chain.decode import decode_opencv, orient
from workbench.workloads.ocr.pages.image_kinds import FORMATS, IMAGE_SUFFIXES, num_pictures
from workbench.workloads.ocr.pages.page import Page

#: The suffixes of each kind of file, in Pillow's words; the first is taken where a file has none of them.
_SUFFIXES = {
    "JPEG": (".jpg", ".jpeg"), "MPO": (".jpg", ".jpeg"), "PNG": (".png",), "BMP": (".bmp",), "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
}  # fmt: skip
_QUALITY = 95
_PREFIX = re.compile("^(?:poly_gt_|gt_|res_)+")
_NAME = re.compile(
    rf"(?P<stem>.+?)(?P<suffix>{'|'.join(map(re.escape, IMAGE_SUFFIXES))})?(?: \((?P<again>\d+)\))?$", re.IGNORECASE
)


@dataclass(frozen=True)
class StoredImage:
    """An image file to write.

    Attributes:
        data: Its bytes.
        suffix: Its suffix, as its content has it.
        change: What was done to it; empty for nothing.
    """

    data: bytes
    suffix: str
    change: str = ""


def store(page: Page, *, upright: bool) -> StoredImage:
    """The image file of a page.

    Args:
        page: The page.
        upright: Store it the right way up, which decodes and encodes it anew where it is turned by EXIF.

    Raises:
        OSError: Where it cannot be read.
        DecodeError: Where it would have to be decoded, and cannot be.
    """
    data = page.read_bytes()
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        kind, count = image.format or "", num_pictures(image)
    suffixes = _SUFFIXES.get(kind, ())
    if not suffixes:
        return _encoded(data, page, f"{kind or 'unknown kind'}, written as PNG")
    if upright and page.exif_orientation != 1:
        how = f"JPEG of quality {_QUALITY}" if page.is_jpeg else "PNG"
        return _encoded(data, page, f"turned by EXIF, written upright as {how}")
    match = _NAME.match(page.name)
    suffix = match["suffix"] if match and match["suffix"] and match["suffix"].lower() in suffixes else suffixes[0]
    many = count > 1 and kind != "MPO"  # programs that read JPEG see the first picture of an MPO alone
    return StoredImage(data, suffix, "several pictures in one file, the words are the first's" if many else "")


def _encoded(data: bytes, page: Page, change: str) -> StoredImage:
    image = Image.fromarray(orient(decode_opencv(data), page.exif_orientation))
    if page.mode == "L":
        image = image.convert("L")
    buffer = io.BytesIO()
    if page.is_jpeg:
        image.save(buffer, "JPEG", quality=_QUALITY)
    else:
        image.save(buffer, "PNG")
    return StoredImage(buffer.getvalue(), ".jpg" if page.is_jpeg else ".png", change)


class Names:
    """Names for the images of a folder: those of the pages, made to be different in their stems."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    def stem(self, page: Page) -> str:
        """The name of a page's image without its suffix. Folders become part of it."""
        match = _NAME.match(page.name)
        stem = f"{match['stem']}_{match['again']}" if match and match["again"] else match["stem"] if match else "page"
        stem = re.sub(r"[/\\\s]", "_", stem)
        while True:
            # A label file `gt_1.txt` is that of `1.jpg`, and would be taken for that of a `gt_1.jpg` beside it.
            key = _PREFIX.sub("", stem.lower())
            self._taken[key] += 1
            if (times := self._taken[key]) == 1:
                return stem
            stem = f"{stem}_{times}"
