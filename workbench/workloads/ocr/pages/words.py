"""Words of a page: one by one for who reads and draws them, and packed, as hundreds of thousands of pages hold them."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

import numpy as np
import numpy.typing as npt

Polygon = npt.NDArray[np.float32]

_BYTES_A_POINT = 8


@dataclass(frozen=True, slots=True)
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


class Words(Sequence[Word]):
    """The words of a page, packed: some dozen bytes a word instead of hundreds.

    Args:
        words: The words.
    """

    __slots__ = ("_ends", "_ignore", "_points", "_texts")

    def __init__(self, words: Iterable[Word] = ()) -> None:
        self._points = bytearray()
        self._ends = array("q")
        self._ignore = bytearray()
        self._texts: list[str] = []
        for word in words:
            self.append(word)

    @classmethod
    def of(cls, outlines: Outlines, texts: Sequence[str]) -> Words:
        """The words with these outlines and texts."""
        words = cls()
        words._points[:] = np.ascontiguousarray(outlines.points, np.float32).tobytes()
        words._ends.frombytes(np.ascontiguousarray(outlines.ends, np.int64).tobytes())
        words._ignore[:] = np.ascontiguousarray(outlines.ignore, np.bool_).tobytes()
        words._texts = list(map(sys.intern, texts))
        return words

    def append(self, word: Word) -> None:
        """Add a word."""
        self.append_points(np.ascontiguousarray(word.polygon, np.float32).tobytes(), word.text, word.ignore)

    def append_points(self, points: bytes | array[float], text: str, ignore: bool) -> None:
        """Add a word.

        Args:
            points: float32 x, y, x, y, ..., one after the other.
            text: See `Word`.
            ignore: See `Word`.
        """
        self._points += points
        self._ends.append(len(self._points) // _BYTES_A_POINT)
        self._ignore.append(ignore)
        self._texts.append(sys.intern(text) if type(text) is str else text)  # many come up repeatedly

    @property
    def points(self) -> Polygon:
        """float32 [P, 2], x y: all words' points, one word after the other; a copy."""
        return np.frombuffer(bytearray(self._points), np.float32).reshape(-1, 2)

    @property
    def outlines(self) -> Outlines:
        """Their outlines; a copy."""
        ignore = np.frombuffer(bytearray(self._ignore), np.bool_)
        return Outlines(self.points, np.array(self._ends, np.int64), ignore)

    @property
    def texts(self) -> Sequence[str]:
        """Their transcriptions."""
        return tuple(self._texts)

    @property
    def num_ignored(self) -> int:
        """How many of them are don't-care."""
        return self._ignore.count(1)

    def moved(self, points: Polygon) -> Words:
        """The same words with other points, [P, 2]."""
        other = Words()
        other._points[:] = np.ascontiguousarray(points, np.float32).tobytes()
        other._ends, other._ignore, other._texts = self._ends, self._ignore, self._texts
        return other

    def __len__(self) -> int:
        """How many words there are."""
        return len(self._texts)

    @overload
    def __getitem__(self, number: int) -> Word: ...

    @overload
    def __getitem__(self, number: slice) -> tuple[Word, ...]: ...

    def __getitem__(self, number: int | slice) -> Word | tuple[Word, ...]:
        """A word, or some of them."""
        if isinstance(number, slice):
            return tuple(self[at] for at in range(*number.indices(len(self))))
        at = range(len(self))[number]
        begin, end = self._ends[at - 1] if at else 0, self._ends[at]
        data = self._points[begin * _BYTES_A_POINT : end * _BYTES_A_POINT]
        return Word(np.frombuffer(data, np.float32).reshape(-1, 2), self._texts[at], bool(self._ignore[at]))

    def __eq__(self, other: object) -> bool:
        """Whether they are the same, as the words of a list are."""
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(
            isinstance(theirs, Word)
            and np.array_equal(own.polygon, theirs.polygon)
            and (own.text, own.ignore) == (theirs.text, theirs.ignore)
            for own, theirs in zip(self, other, strict=True)
        )

    __hash__ = None  # type: ignore[assignment]
