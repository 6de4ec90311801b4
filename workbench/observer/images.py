"""What kinds of image files a script decodes: written down of the first ones that each process reads."""

from __future__ import annotations

from typing import Any

from .image_header import ImageHeader, header_of
from .lane import current, report
from .rows import BATCHES_PER_ITERATOR, NONE
from .session import Session

#: How many of a process are looked at; and only in its first iterators, for workers may be new ones in each epoch.
_IMAGES = 32
_ITERATORS = 4


class Images:
    """Tells what kind of file each of the first images is.

    Args:
        session: The session of this process.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._left = _IMAGES

    def of_file(self, source: Any) -> None:
        """A file, or its content, is about to be decoded. Never raises: it is called within the script's own code."""
        if self._left:
            self._tell(header_of, source)

    def of_pillow(self, image: Any) -> None:
        """An image that Pillow has opened is about to be decoded. Likewise."""
        if self._left:
            self._tell(_pillow_header, image)

    def _tell(self, read: Any, source: Any) -> None:
        lane = current.lane
        if lane is None or lane.sample == NONE or lane.batch >= _ITERATORS * BATCHES_PER_ITERATOR:
            return
        try:
            self._left -= 1
            header = read(source)
            if header is not None:
                pixels = header.width * header.height
                self._session.tell("image", sample=lane.sample, batch=lane.batch, kind=header.kind, pixels=pixels)
        except Exception as error:
            report(error)


def _pillow_header(image: Any) -> ImageHeader | None:
    """What Pillow has read of a file."""
    if not image.format:  # it comes from no file
        return None
    kind = image.format
    if kind == "JPEG":
        kind = "progressive JPEG" if image.info.get("progressive") else "baseline JPEG"
    return ImageHeader(kind, *image.size)
