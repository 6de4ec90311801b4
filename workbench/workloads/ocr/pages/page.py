"""A page and its words: what every annotation format is read into."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from workbench.workloads.ocr.pages.words import Outlines, Word, Words

#: What points are given in: pixels, or shares of the page's width and height.
Unit = Literal["px", "share"]

#: The frame that polygons are given in. `stored`: the pixels as they lie in the file. `upright`: after the EXIF turn.
Frame = Literal["stored", "upright"]


@dataclass(frozen=True)
class Page:
    """One image with its words.

    Attributes:
        path: The image file.
        name: The page's name in its data set, unique there.
        words: Its words, in the order of the annotation. Their polygons are in the `upright` frame.
        width: Width in pixels of the upright image.
        height: Height in pixels of the upright image.
        exif_orientation: 1..8; 1 where the file says nothing.
        mode: Colour mode of the file, in PIL's words ("RGB", "L", "CMYK", "I;16", "P", "RGBA", "1", ...).
        num_bytes: Size of the image file; 0: all that is there.
        is_jpeg: Whether it is a JPEG.
        offset: Where the image begins in the file; not 0 inside a shard.
        written_ns: When the file was written last, as the survey found it, in ns since 1970; 0: not known.
    """

    path: Path
    name: str
    words: Sequence[Word] = ()
    width: int = 0
    height: int = 0
    exif_orientation: int = 1
    mode: str = "RGB"
    num_bytes: int = 0
    is_jpeg: bool = False
    offset: int = 0
    written_ns: int = 0

    @cached_property
    def outlines(self) -> Outlines:
        """The outlines of its words, packed once."""
        if isinstance(self.words, Words):
            return self.words.outlines
        return Outlines.of([word.polygon for word in self.words], [word.ignore for word in self.words])

    def read_bytes(self) -> bytes:
        """The bytes of the image file, `num_bytes` of them from `offset`.

        Raises:
            FileChanged: Where it is another file than the survey found.
            OSError: Where it cannot be read.
        """
        with self.path.open("rb", buffering=0) as file:
            if self.offset:
                file.seek(self.offset)
            data = file.read(self.num_bytes or -1)
            self.check_unchanged(os.fstat(file.fileno()), len(data))  # after reading: nobody has written meanwhile
        return data

    def check_unchanged(self, now: os.stat_result, num_bytes: int) -> None:
        """See whether the file is the one that the survey found.

        Args:
            now: What the system says of it.
            num_bytes: Bytes that were read of the image.

        Raises:
            FileChanged: Where it isn't.
        """
        there = num_bytes if self.offset else max(num_bytes, now.st_size)
        if self.num_bytes and there != self.num_bytes:
            raise FileChanged(f"has {there} bytes where there were {self.num_bytes}")
        if self.written_ns and now.st_mtime_ns != self.written_ns:
            raise FileChanged("was written anew")


class FileChanged(OSError):
    """The file of a page is another one than the survey found; the message says in what."""


@dataclass
class AnnotatedPage:
    """What a reader makes of one entry of an annotation file, before anybody has looked at the image.

    Attributes:
        image: How the annotation names its image: a path or a bare name, relative or of another machine.
        words: The words as annotated, in the annotator's frame.
        where: Where the entry stands, for messages: ``"val.json, entry 'a.jpg'"``, ``"gt_img_1.txt"``.
        width: Width in pixels of the image as the annotator saw it, where the annotation says so.
        height: Height likewise.
        beside: The folder of the annotation, from which relative image paths start.
        frame: The frame of the polygons where the format fixes it, else None: decided per page. Shares are of the
            upright frame where neither it nor a size says otherwise: who writes them has looked at the page.
        unit: What the points are given in.
        dropped: Words that could not be used, by reason ("fewer than 3 points", "not finite").
        or_image: What else the image may be called, where there is none of the name `image`: as the annotation's own
            file, in formats of which tools rename both and leave the name inside as it was.
    """

    image: str
    words: Sequence[Word]
    where: str
    width: int | None = None
    height: int | None = None
    beside: Path | None = None
    frame: Frame | None = None
    unit: Unit = "px"
    dropped: dict[str, int] = field(default_factory=dict)
    or_image: str = ""

    def __post_init__(self) -> None:
        """Pack the words: there may be millions."""
        self.words = self._packed = Words(self.words)

    @property
    def packed(self) -> Words:
        """The words, packed."""
        return self._packed


class PageCounts(BaseModel):
    """What the pages are like, so that nothing odd is handled in silence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    num_pages: int
    num_words: int
    num_ignored_words: int
    turned_by_exif: int = 0
    not_rgb: dict[str, int] = Field(default_factory=dict, description="pages by colour mode, where it isn't plain RGB")
    without_words: int = 0
    dropped_words: dict[str, int] = Field(
        default_factory=dict, description="unusable words by reason (annotations: once; transforms: per page seen)"
    )
    notes: list[str] = Field(default_factory=list)
    has_annotations: bool = Field(True, description="false: images alone, of which nobody knows the words")
