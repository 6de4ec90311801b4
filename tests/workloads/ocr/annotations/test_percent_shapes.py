"""Shapes in per cent of a page: boxes that are turned, and what has no place that can be used."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.workloads.ocr.annotations.percent_shapes import add_shape, is_shape, size_of
from workbench.workloads.ocr.pages.page import AnnotatedPage

#: 300 by 50 pixels on a page of 1000 by 500; the first corner is at (100, 100), before the turn and after.
SIZE = (1000, 500)
BOX = {"x": 10, "y": 20, "width": 30, "height": 10}


def added(shape: dict[str, object], size: tuple[int, int] | None = SIZE, text: str = "") -> AnnotatedPage:
    page = AnnotatedPage("a.jpg", [], "a", unit="share")
    add_shape(page, shape, size, text)
    return page


@pytest.mark.parametrize(
    ("turn", "corners"),
    [
        (None, [[100, 100], [400, 100], [400, 150], [100, 150]]),
        (0, [[100, 100], [400, 100], [400, 150], [100, 150]]),
        (90, [[100, 100], [100, 400], [50, 400], [50, 100]]),
        ("180", [[100, 100], [-200, 100], [-200, 50], [100, 50]]),
        (-90, [[100, 100], [100, -200], [150, -200], [150, 100]]),
        (30, [[100, 100], [359.8076, 250], [334.8076, 293.3013], [75, 143.3013]]),
    ],
)
def test_a_box_turns_clockwise_about_its_first_corner_in_pixels(turn, corners):
    (word,) = added({**BOX, "rotation": turn}).words
    np.testing.assert_allclose(word.polygon * np.array(SIZE), corners, atol=0.01)


@pytest.mark.parametrize("text", ["###", " ###\n"])
def test_dont_care(text):
    assert added(BOX, text=text).words[0].ignore
    assert not added(BOX, text="#22").words[0].ignore


@pytest.mark.parametrize("turn", ["x", True, float("nan"), float("inf"), []])
def test_a_turn_that_is_no_number(turn):
    page = added({**BOX, "rotation": turn})
    assert (page.words, page.dropped) == ([], {"points that are no pairs of numbers": 1})


def test_a_vector_is_no_word():
    assert added({"vertices": [], "closed": True}).dropped == {"shape of type vector": 1}


@pytest.mark.parametrize(
    ("region", "size"),
    [
        ({"original_width": 10, "original_height": 5}, (10, 5)),
        ({"original_width": 10}, None),
        ({"original_width": 0, "original_height": 5}, None),
        ({"original_width": "10", "original_height": 5}, None),
    ],
)
def test_the_size_of_the_page(region, size):
    assert size_of(region) == size


def test_what_says_where_a_region_lies():
    assert all(map(is_shape, ({"x": 1}, {"points": []}, {"rle": []}, {"vertices": []})))
    assert not any(map(is_shape, ({"text": ["A"]}, {"choices": []}, None, "x", 3)))
