"""Compiled outlines are Clipper's, to the hundredth of a pixel; groups of outlines don't touch."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.workloads.ocr import quads
from workbench.workloads.ocr.fast_targets import _offsets
from workbench.workloads.ocr.pages.words import Outlines
from workbench.workloads.ocr.targets import clipper_points, shrink_distance, to_pixels


def outlined(polygons, ignore=None):
    """What `outline_words` makes of words: kinds, and the outlines shrunk and grown of each."""
    words = Outlines.of(polygons, ignore or [False] * len(polygons))
    count = len(polygons)
    kinds, distances, sizes = np.empty(count, np.int64), np.empty(count, np.float32), np.empty((3, count), np.int64)
    inner, outer = np.empty((count, 4, 2), np.int32), np.empty((count, quads.MAX_POINTS, 2), np.int32)
    quads.outline_words(words.points, words.ends, words.ignore, kinds, distances, sizes, inner, outer)
    rows = zip(inner, outer, *sizes.tolist(), strict=True)
    return kinds, distances, [(a[: m or masked], b[:n]) for a, b, m, n, masked in rows]


def random_words(seed: int, count: int) -> list[np.ndarray]:
    """Upright, turned and crooked words, wound either way."""
    rng = np.random.default_rng(seed)
    words = []
    for number in range(count):
        width, height = rng.uniform(8, 200), rng.uniform(8, 60)
        word = np.array([[0, 0], [width, 0], [width, height], [0, height]])
        if number % 3:
            word += rng.uniform(-0.3, 0.3, (4, 2)) * min(width, height)
            angle = rng.uniform(-np.pi, np.pi)
            word = word @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        elif number % 2:
            word = np.round(word) / 2 + 4
        words.append(np.ascontiguousarray((word + rng.uniform(0, 600, 2))[:: rng.choice([1, -1])], np.float32))
    return words


def turns(outline: np.ndarray) -> list[tuple[int, ...]]:
    """An outline from its first point by x and y on, the right way round."""
    points = [tuple(point) for point in outline.tolist()]
    area = sum(a[0] * b[1] - a[1] * b[0] for a, b in zip(points, points[1:] + points[:1], strict=True))
    points = points[::-1] if area < 0 else points
    first = points.index(min(points))
    return points[first:] + points[:first]


@pytest.mark.parametrize("seed", range(8))
def test_outlines_are_those_of_clipper(seed):
    words = random_words(seed, 250)
    kinds, distances, outlines = outlined(words)
    assert (kinds == quads.DRAWN).mean() > 0.8
    for word, kind, distance, (inner, outer) in zip(words, kinds, distances, outlines, strict=True):
        if kind != quads.DRAWN:
            continue
        assert distance == np.float32(shrink_distance(word))
        shrunken, grown = _offsets(clipper_points(word), shrink_distance(word))
        assert [turns(inner)] == [turns(outline) for outline in shrunken]
        assert [turns(outer)] == [turns(outline) for outline in grown]


def test_a_word_that_is_a_pixel_off_is_noticed():
    """The planted fault: what holds the outlines together sees a corner that has moved."""
    word = np.array([[10, 10], [90, 10], [90, 40], [10, 40]], np.float32)
    moved = word.copy()
    moved[2, 0] += 1.0
    shrunken, _ = _offsets(clipper_points(word), shrink_distance(word))
    assert turns(outlined([word])[2][0][0]) == turns(shrunken[0])
    assert turns(outlined([moved])[2][0][0]) != turns(shrunken[0])


KINDS = {
    "upright": ([[10, 10], [90, 10], [90, 40], [10, 40]], quads.DRAWN),
    "low": ([[10, 10], [90, 10], [90, 17], [10, 17]], quads.MASKED),
    "three corners": ([[10, 10], [90, 10], [90, 40]], quads.OTHER),
    "crossing itself": ([[10, 10], [90, 40], [90, 10], [10, 40]], quads.OTHER),
    "concave": ([[10, 10], [90, 10], [30, 20], [10, 60]], quads.OTHER),
    "a corner in a straight side": ([[10, 10], [50, 10], [90, 10], [90, 60]], quads.OTHER),
    "a repeated corner": ([[10, 10], [10, 10], [90, 10], [90, 60]], quads.OTHER),
    "a side that shrinks away": ([[10, 10], [90, 10], [52, 60], [50, 60]], quads.OTHER),
    "not finite": ([[10, 10], [np.nan, 10], [90, 60], [10, 60]], quads.LEFT_OUT),
    "far away": ([[10, 10], [2e5, 10], [2e5, 60], [10, 60]], quads.LEFT_OUT),
    "two points": ([[10, 10], [90, 60]], quads.LEFT_OUT),
}  # fmt: skip


@pytest.mark.parametrize("what", KINDS)
def test_what_is_not_simple_is_left_to_clipper(what):
    points, kind = KINDS[what]
    kinds, *_ = outlined([np.array(points, np.float32)])
    assert kinds.tolist() == [kind]


def test_a_dont_care_word_is_masked_as_it_is():
    word = np.array([[10.4, 10.5], [90, 10], [90, 40], [10, 40]], np.float32)
    kinds, _, [(outline, _)] = outlined([word], [True])
    assert kinds.tolist() == [quads.MASKED]
    assert np.array_equal(outline, to_pixels(word))


def test_groups_do_not_touch():
    square = np.array([[0, 0], [4, 0], [4, 4], [0, 4]], np.int32)
    outlines = np.stack([square, square + 3, square + 20, square + np.array([5, 0]), square]).astype(np.int32)
    order = np.empty(5, np.int64)
    assert quads.groups_apart(outlines, np.array([4, 4, 4, 4, 0]), order).tolist() == [2, 3, 4]
    assert order[:4].tolist() == [0, 2, 1, 3]
