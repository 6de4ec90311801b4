"""The smallest box around a polygon, and which changes are counted."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.workloads.ocr.layouts.layouts import LAYOUTS
from workbench.workloads.ocr.layouts.words import FittedWords, smallest_box
from workbench.workloads.ocr.pages.page import Page, Word

SQUARE = np.array([[10, 10], [30, 10], [30, 30], [10, 30]], np.float32)


def page(*words: Word) -> Page:
    return Page(path=None, name="a.jpg", words=words, width=100, height=60)  # type: ignore[arg-type]


@pytest.mark.parametrize("first", range(6))
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("angle", [0.0, 0.3, 2.0])
def test_the_smallest_box_is_clockwise_and_begins_at_the_first_point(first, backwards, angle):
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    box = np.array([[0, 0], [40, 0], [40, 10], [0, 10]]) @ turn + 50
    outline = np.array([[0, 0], [20, 1], [40, 0], [40, 10], [20, 9], [0, 10]]) @ turn + 50
    outline = np.roll(outline[::-1] if backwards else outline, -first, axis=0)
    found = smallest_box(outline)
    x, y = found.T
    assert (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() == pytest.approx(2 * 400, rel=1e-3)
    near = np.linalg.norm(found[:, None] - box[None], axis=-1).min(axis=1)
    assert near.max() < 0.05
    assert np.linalg.norm(found[0] - outline[0]) == pytest.approx(np.linalg.norm(found - outline[0], axis=1).min())


def test_nothing_is_said_where_nothing_was_changed():
    for layout in LAYOUTS.values():
        words = FittedWords(layout)
        entry = words.entry(page(Word(SQUARE, "A")))
        assert (entry["img_w"], entry["img_h"], entry["frame"]) == (100, 60, "upright")
        assert entry["words"] == {"0001": {"points": SQUARE.tolist(), "transcription": "A", "illegibility": False}}
        assert (words.notes(), words.num_words) == ([], 1)


@pytest.mark.parametrize(
    ("layout", "text", "written", "is_said"),
    [
        ("icdar2015", "###", "###", True),
        ("paddleocr", "*", "*", True),
        ("mmocr", "###", "###", False),
        ("icdar2015", "a\r\nb", "a b", True),
        ("paddleocr", "a\nb", "a\nb", False),
    ],
)
def test_texts(layout, text, written, is_said):
    words = FittedWords(LAYOUTS[layout])
    assert words.entry(page(Word(SQUARE, text)))["words"]["0001"]["transcription"] == written
    assert bool(words.notes()) is is_said
