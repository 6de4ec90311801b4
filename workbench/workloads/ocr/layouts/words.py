"""A page's words as a layout can have them, and what had to be changed for that."""

from __future__ import annotations

from collections import Counter
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from workbench.units import counted
from workbench.workloads.ocr.layouts.layouts import Layout
from workbench.workloads.ocr.pages.page import Page, Word

#: Decimals of a pixel that are written.
_DECIMALS = 2

#: What can happen to words, in the order in which it is said.
_CHANGES = {
    "quads": "had other than four points: their smallest turned box stands in",
    "clockwise": "ran counter-clockwise, which this layout must not: turned round, with the same first corner",
    "inside": "reached outside the page: cut off at its edge",
    "left out": "had no area inside the page: left out",
    "dont_care": "of don't-care, which this layout doesn't know: written like any other",
    "marks": "had a text by which this layout knows don't-care: taken for that there",
    "lines": "had line breaks in their texts: blanks stand in",
}


class FittedWords:
    """Fits the words of one page after another into a layout.

    Args:
        layout: The layout.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._changes: Counter[str] = Counter()
        self.num_words = 0

    def entry(self, page: Page) -> dict[str, Any]:
        """A page's entry in UFO JSON: points in the upright frame, and it says so; its size is `img_w` x `img_h`."""
        words: dict[str, Any] = {}
        for word in page.words:
            points = self._points(word.polygon.astype(np.float64), page)
            if points is not None:
                words[f"{len(words) + 1:04d}"] = {
                    "points": points.round(_DECIMALS).tolist(),
                    "transcription": self._text(word),
                    "illegibility": word.ignore,
                }
        self.num_words += len(words)
        return {"img_w": page.width, "img_h": page.height, "frame": "upright", "words": words}

    def notes(self) -> list[str]:
        """What was changed, and of how many words."""
        return [f"{counted(self._changes[change], 'word')} {said}" for change, said in _CHANGES.items()
                if self._changes[change]]  # fmt: skip

    def _points(self, points: npt.NDArray[np.float64], page: Page) -> npt.NDArray[np.float64] | None:
        """The points of a word, float64 [N, 2]; None where nothing is left of it."""
        if self._layout.has_quads and len(points) != 4:
            self._changes["quads"] += 1
            points = smallest_box(points)
        if self._layout.is_clockwise and _signed_area(points) < 0:
            self._changes["clockwise"] += 1
            points = np.roll(points[::-1], 1, axis=0)
        if not self._layout.is_inside:
            return points
        cut = points.clip(0, [page.width, page.height])
        if np.ptp(cut, axis=0).min() < 10.0**-_DECIMALS:
            self._changes["left out"] += 1
            return None
        self._changes["inside"] += bool((cut != points).any())
        return cut

    def _text(self, word: Word) -> str:
        layout = self._layout
        if word.ignore:
            self._changes["dont_care"] += not layout.has_dont_care
            return layout.marks[0] if layout.marks else word.text
        text = word.text
        if layout.is_by_lines and len(text.splitlines()) > 1:
            self._changes["lines"] += 1
            text = " ".join(text.splitlines())
        self._changes["marks"] += text in layout.marks
        return text


def smallest_box(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The turned box of least area around points: float64 [4, 2], clockwise, from the corner nearest the first point.

    Args:
        points: float64 [N, 2], x y in pixels.
    """
    corners = np.asarray(cv2.boxPoints(cv2.minAreaRect(points.astype(np.float32))), np.float64)
    if _signed_area(corners) < 0:
        corners = corners[::-1]
    first = int(np.argmin(((corners - points[0]) ** 2).sum(axis=1)))
    return np.roll(corners, -first, axis=0)


def _signed_area(points: npt.NDArray[np.float64]) -> float:
    """The area in square pixels; positive where points run clockwise, for y points down."""
    x, y = points.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum()) / 2
