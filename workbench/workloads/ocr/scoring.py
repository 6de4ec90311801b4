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
from workbench.workloads.ocr.detector.postprocess import find_words, to_page
from workbench.workloads.ocr.pages.page import Page, Polygon
from workbench.workloads.ocr.targets import SHRUNKEN

Maps = npt.NDArray[Any]


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
    ) -> list[Counts]:
        """The counts of each page of a batch; none where no words are known.

        Args:
            maps: As a model or a placeholder gives them, [B, S, S]: float32 probabilities, or uint8 flags.
            matrices: float64 [B, 3, 3]: page pixels to input pixels.
            numbers: Numbers of the pages.
            timer: Times the stages.
        """
        found = run("postprocess", lambda: words_of(maps, matrices), like=len(numbers), timer=timer)
        if not self.has_words:
            return []
        with timer("metric"):
            counts = []
            for number, polygons in zip(numbers, found, strict=True):
                words = self.pages[number].words
                truths, ignore = [word.polygon for word in words], [word.ignore for word in words]
                counts.append(count_page(polygons, truths, ignore))
        return counts


def words_of(maps: Maps, matrices: npt.NDArray[np.float64]) -> list[list[Polygon]]:
    """The words of a batch, page by page, as polygons in the pages' own pixels."""
    return [
        to_page([word.polygon for word in find_words(readable(page_map))], matrix)
        for page_map, matrix in zip(maps, matrices, strict=True)
    ]


def readable(page_map: Maps) -> Maps:
    """A probability map that `find_words` takes: float32 [S, S], or of packed flags uint8 [S, S], 0 or 255."""
    return page_map if page_map.dtype != np.uint8 else (page_map & SHRUNKEN) * np.uint8(255)
