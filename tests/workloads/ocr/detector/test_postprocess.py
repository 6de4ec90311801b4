"""From a shrink map back to the words it was made of, and what is dropped on the way."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import shapely

from workbench.workloads.ocr.detector.metric import DetectionMetric
from workbench.workloads.ocr.detector.postprocess import find_words, to_page
from workbench.workloads.ocr.targets import compute_targets

SIZE = 640


def rectangle(x, y, width, height, angle=0.0):
    """float32 [4, 2]: a rectangle around (x, y), turned by an angle in radians."""
    corners = np.array([[-width, -height], [width, -height], [width, height], [-width, height]]) / 2
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return (corners @ turn + [x, y]).astype(np.float32)


def arc(x, y, width, height, _=0.0):
    """float32 [14, 2]: a band bent upwards around (x, y), as curved words are annotated."""
    along = np.linspace(-1, 1, 7)
    ridge = np.stack([along * width / 2, (along**2 - 0.5) * width / 5], axis=1)
    below = ridge[::-1] + np.array([0, height])
    return (np.concatenate([ridge, below]) + np.array([x, y - height / 2])).astype(np.float32)


def draw_words(shape, angle, seed=0):
    """Words of many sizes on a grid of 160x80 px cells: 10 to 40 px high, up to eight times as long as high."""
    rng = np.random.default_rng(seed)
    words = []
    for x in range(80, SIZE, 160):
        for y in range(40, SIZE, 80):
            height = rng.uniform(10, 40) if shape is rectangle else rng.uniform(12, 24)
            width = min(height * rng.uniform(1, 8), 110)
            words.append(shape(x + rng.random(), y + rng.random(), width, height, rng.uniform(-angle, angle)))
    return words


def found_score(words, probability, **settings):
    metric = DetectionMetric()
    metric.add([word.polygon for word in find_words(probability, **settings)], words, [False] * len(words))
    return metric.result()


def shrink_map(words):
    return compute_targets(words, [False] * len(words), SIZE).shrink_map


@pytest.mark.parametrize(
    ("shape", "angle"), [(rectangle, 0.0), (rectangle, 0.45), (arc, 0.0)], ids=["upright", "turned", "curved"]
)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_words_of_a_true_map_are_found(shape, angle, seed):
    words = draw_words(shape, angle, seed)
    probability = shrink_map(words)
    assert found_score(words, probability).hmean >= 0.9
    assert found_score(words, probability, unclip_ratio=0.3).hmean < 0.5, "growing too little was not noticed"
    assert found_score(words, probability.T.copy()).hmean < 0.5, "swapped axes were not noticed"


def iou(one, two):
    one, two = shapely.Polygon(one), shapely.Polygon(two)
    return one.intersection(two).area / one.union(two).area


@pytest.mark.parametrize(("aspect", "low", "high"), [(1, 0.87, 1), (3, 0.75, 0.9), (6, 0.6, 0.72), (20, 0.4, 0.5)])
def test_how_well_growing_makes_good_what_shrinking_took(aspect, low, high):
    """The measured truth behind the docstring of `search`: the approximation gets worse with the length."""
    word = rectangle(320.5, 320.25, 30 * aspect, 30)
    (found,) = find_words(shrink_map([word]))
    assert low < iou(word, found.polygon) < high


def test_a_larger_ratio_finds_long_words():
    word = rectangle(320.5, 320.25, 600, 30)
    (found,) = find_words(shrink_map([word]), unclip_ratio=3.5)
    assert iou(word, found.polygon) > 0.75


def block(value=1.0, dtype=np.float32):
    probability = np.zeros((100, 100), dtype)
    probability[40:61, 20:71] = value
    return probability


def test_a_block_by_hand():
    (word,) = find_words(block())
    # The outline runs through the outermost pixels: 50 x 20, grown by 1.5 * 1000 / 140 = 10.71 px.
    assert word.polygon.dtype == np.float32
    assert word.polygon.min(axis=0) == pytest.approx([20 - 10.71, 40 - 10.71], abs=0.02)
    assert word.polygon.max(axis=0) == pytest.approx([70 + 10.71, 60 + 10.71], abs=0.02)
    assert word.score == 1.0


def test_the_score_is_the_mean_inside():
    probability = block(0.5)
    probability[40:61, 20:45] = 0.9
    (word,) = find_words(probability)
    assert word.score == pytest.approx((25 * 0.9 + 26 * 0.5) / 51)
    assert not find_words(probability, box_threshold=word.score + 0.001)


@pytest.mark.parametrize(("value", "found"), [(0.29, 0), (0.31, 1)])
def test_a_pixel_above_the_threshold_belongs_to_a_word(value, found):
    assert len(find_words(block(value), box_threshold=0.0)) == found


def test_levels_do_as_well_as_shares():
    rng = np.random.default_rng(0)
    levels = cv2.GaussianBlur(rng.integers(0, 256, (200, 200)).astype(np.float32), (0, 0), 4)
    levels = cv2.normalize(levels, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    of_levels = find_words(levels, threshold=0.5, box_threshold=0.55)
    of_shares = find_words(levels / np.float32(255), threshold=0.5, box_threshold=0.55)
    assert len(of_levels) > 5
    assert len(of_levels) == len(of_shares)
    for one, two in zip(of_levels, of_shares, strict=True):
        assert np.array_equal(one.polygon, two.polygon)
        assert one.score == pytest.approx(two.score, abs=1e-6)
    assert find_words(block(1.0, np.float16))[0].score == 1.0
    assert find_words(block(1.0, np.float64))[0].score == 1.0


def test_a_hole_is_no_word_but_an_island_in_it_is():
    probability = block()
    probability[48:51, 43:46] = 0.29  # with its rim around it, over 0.6 in the mean
    assert len(find_words(probability)) == 1
    ring = np.zeros((200, 200), np.float32)
    ring[10:190, 10:190] = 1
    ring[40:160, 40:160] = 0
    ring[90:110, 80:120] = 1
    words = find_words(ring, box_threshold=0.5)
    assert len(words) == 2
    assert min(word.polygon.min() for word in words) < 10
    assert max(word.polygon[:, 0].min() for word in words) > 60


def test_thin_words_are_dropped():
    probability = np.zeros((100, 100), np.float32)
    probability[50:53, 20:80] = 1  # 59 x 2, grown by 1.5 * 118 / 122 = 1.45 px on both sides: 4.9 px thick
    assert not find_words(probability)
    (word,) = find_words(probability, min_side=2.8)
    assert np.ptp(word.polygon[:, 1]) == pytest.approx(2 + 2 * 1.45, abs=0.05)


def test_specks_and_lines_are_no_words():
    probability = np.zeros((100, 100), np.float32)
    probability[10, 10] = 1
    probability[30, 10:60] = 1
    probability[50:52, 50] = 1
    assert not find_words(probability, min_side=0)


def test_only_so_many_outlines_are_looked_at():
    words = draw_words(rectangle, 0.0)
    assert len(find_words(shrink_map(words), max_candidates=5)) == 5


def test_words_stay_inside_the_map():
    probability = np.zeros((60, 100), np.float32)
    probability[0:20, 70:100] = 1
    (word,) = find_words(probability)
    assert word.polygon.min() == 0
    assert word.polygon.max(axis=0) == pytest.approx([100, 30], abs=4)
    assert word.polygon[:, 0].max() == 100


@pytest.mark.parametrize(
    "probability",
    [np.zeros((64, 64), np.float32), np.full((64, 64), np.nan, np.float32), np.zeros((1, 1), np.float32)],
    ids=["empty", "nan", "pixel"],
)
def test_nothing_is_found_in_nothing(probability):
    assert find_words(probability) == []


def test_a_word_with_a_score_that_is_no_number_is_dropped():
    probability = block()
    probability[50, 50] = np.nan
    assert find_words(probability) == []


def test_a_full_map_is_one_word():
    (word,) = find_words(np.ones((64, 64), np.float32))
    assert word.polygon.min() == 0
    assert word.polygon.max() == 64


def test_the_map_is_left_as_it_is():
    probability = block(0.8)
    find_words(probability)
    assert np.array_equal(probability, block(0.8))


WORD = np.array([[100, 50], [180, 60], [175, 90], [95, 80]], np.float32)


@pytest.mark.parametrize(
    "matrix",
    [
        [[0.5, 0, 0], [0, 0.5, 140], [0, 0, 1]],
        [[0.4, -0.3, 50], [0.3, 0.4, -20], [0, 0, 1]],
        [[0.5, 0.05, 10], [0.02, 0.6, 5], [1e-4, 2e-4, 1]],
        [[1.0, 0, 0], [0, 1.0, 280], [0, 0, 2]],
    ],
    ids=["letterbox", "turned", "perspective", "scaled by its last number"],
)
def test_to_page_undoes_what_the_chain_did(matrix):
    matrix = np.array(matrix)
    moved = np.concatenate([WORD, np.ones((4, 1))], axis=1) @ matrix.T
    in_input = (moved[:, :2] / moved[:, 2:]).astype(np.float32)
    (got,) = to_page([in_input], matrix)
    assert got.dtype == np.float32
    assert got == pytest.approx(WORD, abs=1e-3)
    (wrong,) = to_page([in_input], np.linalg.inv(matrix))
    assert np.abs(wrong - WORD).max() > 10, "the wrong direction was not noticed"
