"""From a batch's probability maps to counts by page: the same work in the loop, in a thread, and in a process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.measure.timing.stages import run
from workbench.workload import Timed
from workbench.workloads.ocr.detector.metric import Counts, count_page
from workbench.workloads.ocr.detector.postprocess import search, to_page
from workbench.workloads.ocr.pages.page import Page
from workbench.workloads.ocr.pages.words import Polygon
from workbench.workloads.ocr.targets import SHRUNKEN

Maps = npt.NDArray[Any]


@dataclass(frozen=True)
class Scored:
    """What came of a batch.

    Attributes:
        counts: The counts of each page; none where no words are known.
        num_crowded: Pages with more outlines than are looked at (`postprocess.MOST_CANDIDATES`).
    """

    counts: list[Counts]
    num_crowded: int = 0


@dataclass(frozen=True)
class Scorer:
    """Finds and scores the words of batches.

    Attributes:
        pages: All pages.
        has_words: Whether their words are known; else none are scored.
    """

    pages: Sequence[Page]
    has_words: bool

    def __call__(
        self, maps: Maps, matrices: npt.NDArray[np.float64], numbers: Sequence[int], timer: Callable[[str], Timed]
    ) -> Scored:
        """Find and score the words of a batch.

        Args:
            maps: As a model or a placeholder gives them, [B, S, S]: float32 probabilities, or uint8 flags.
            matrices: float64 [B, 3, 3]: page pixels to input pixels.
            numbers: Numbers of the pages.
            timer: Times the stages.
        """
        found, num_crowded = run("postprocess", lambda: words_of(maps, matrices), like=len(numbers), timer=timer)
        if not self.has_words:
            return Scored([], num_crowded)
        with timer("metric"):
            counts = []
            for number, polygons in zip(numbers, found, strict=True):
                words = self.pages[number].words
                truths, ignore = [word.polygon for word in words], [word.ignore for word in words]
                counts.append(count_page(polygons, truths, ignore))
        return Scored(counts, num_crowded)


def words_of(maps: Maps, matrices: npt.NDArray[np.float64]) -> tuple[list[list[Polygon]], int]:
    """The words of a batch, page by page, as polygons in the pages' own pixels; and how many pages are crowded."""
    searched = [search(readable(page_map)) for page_map in maps]
    words = [
        to_page([word.polygon for word in found], matrix) for (found, _), matrix in zip(searched, matrices, strict=True)
    ]
    return words, sum(left_out > 0 for _, left_out in searched)


def readable(page_map: Maps) -> Maps:
    """A probability map that `search` takes: float32 [S, S], or of packed flags uint8 [S, S], 0 or 255."""
    return page_map if page_map.dtype != np.uint8 else (page_map & SHRUNKEN) * np.uint8(255)
