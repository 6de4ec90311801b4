"""A page and its words: what every annotation format is read into."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

Polygon = npt.NDArray[np.float32]

#: What points are given in: pixels, or shares of the page's width and height.
Unit = Literal["px", "share"]

#: The frame that polygons are given in. `stored`: the pixels as they lie in the file. `upright`: after the EXIF turn.
Frame = Literal["stored", "upright"]


@dataclass(frozen=True)
class Word:
    """One annotated word.

    Attributes:
        polygon: float32 [K, 2], x y in pixels of the page's frame, K >= 3, in the order of the annotation.
        text: The transcription; empty where there is none.
        ignore: A don't-care region: it counts neither as found nor as missed.
    """

    polygon: Polygon
    text: str = ""
    ignore: bool = False


@dataclass(frozen=True)
class Outlines:
    """The outlines of W words, one after the other in one array.

    Attributes:
        points: float32 [P, 2], x y in pixels.
        ends: int64 [W]: where each word's points end.
        ignore: Bool [W]: which words are don't-care.
    """

    points: npt.NDArray[np.float32]
    ends: npt.NDArray[np.int64]
    ignore: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, polygons: Sequence[Polygon], ignore: Sequence[bool]) -> Outlines:
        """Pack words.

        Raises:
            ValueError: Where there aren't as many flags as polygons.
        """
        lengths = [len(polygon) for polygon, _ in zip(polygons, ignore, strict=True)]
        points = np.concatenate(polygons, dtype=np.float32) if polygons else np.empty((0, 2), np.float32)
        return cls(points.reshape(-1, 2), np.cumsum(lengths, dtype=np.int64), np.array(ignore, np.bool_))

    @cached_property
    def starts(self) -> npt.NDArray[np.int64]:
        """int64 [W]: where each word's points begin."""
        return np.concatenate([np.zeros(1, np.int64), self.ends[:-1]])[: len(self.ends)]

    @cached_property
    def owners(self) -> npt.NDArray[np.int64]:
        """int64 [P]: the word of each point."""
        return np.repeat(np.arange(len(self.ends)), self.ends - self.starts)

    @cached_property
    def following(self) -> npt.NDArray[np.int64]:
        """int64 [P]: the next point of the same word, round and round."""
        following = np.arange(1, len(self.points) + 1)
        following[self.ends - 1] = self.starts
        return following

    @property
    def polygons(self) -> tuple[Polygon, ...]:
        """Each word's outline, float32 [K, 2]; views."""
        return tuple(self.points[begin:end] for begin, end in zip(self.starts, self.ends, strict=True))

    def some(self, which: npt.NDArray[np.bool_]) -> Outlines:
        """Some of the words, by a flag for each."""
        lengths = (self.ends - self.starts)[which]
        return Outlines(self.points[which[self.owners]], np.cumsum(lengths), self.ignore[which])


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
    words: tuple[Word, ...] = ()
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
    words: list[Word]
    where: str
    width: int | None = None
    height: int | None = None
    beside: Path | None = None
    frame: Frame | None = None
    unit: Unit = "px"
    dropped: dict[str, int] = field(default_factory=dict)
    or_image: str = ""


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
