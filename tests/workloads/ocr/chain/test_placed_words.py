"""Words where the chain has put them: those that are left, and how many are gone."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workbench.workloads.ocr.chain.page_maker import PageMaker, scaled_points
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages.page import Page
from workbench.workloads.ocr.pages.words import Word, Words

SIDE = 64
WORD = np.array([[10, 10], [50, 10], [50, 30], [10, 30]], np.float32)


def test_a_word_beyond_the_largest_number_is_dropped_without_a_warning() -> None:
    far = np.array([[3e38, 0], [3e38, 3e38], [0, 3e38]], np.float32)
    page = Page(Path("a.jpg"), "a.jpg", Words([Word(far), Word(WORD)]), SIDE, SIDE)
    points = scaled_points(page, (SIDE, SIDE))
    with np.errstate(over="ignore"):
        points[4:7] *= np.float32(2.0)
    placed = PageMaker(OcrKnobs(image_size=SIDE)).placed(page, points)
    assert placed.dropped_words == 1
    assert [polygon.tolist() for polygon in placed.polygons] == [WORD.tolist()]


def test_a_word_beside_the_input_or_without_area_is_dropped() -> None:
    beside, line = WORD + np.float32(SIDE), np.array([[10, 10], [20, 20], [30, 30]], np.float32)
    page = Page(Path("a.jpg"), "a.jpg", Words([Word(beside), Word(WORD, "A", True), Word(line)]), SIDE, SIDE)
    placed = PageMaker(OcrKnobs(image_size=SIDE)).placed(page, scaled_points(page, (SIDE, SIDE)))
    assert (placed.dropped_words, placed.ignore) == (2, (True,))
