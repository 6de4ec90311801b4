"""The fast maps are the paper's within one 8-bit level, whatever the words look like."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.files import sample_pages_dir
from workbench.workloads.ocr.fast_targets import fast_targets
from workbench.workloads.ocr.pages.survey import survey
from workbench.workloads.ocr.targets import compute_targets

SIZE = 160


def held_together(polygons, ignore, size=SIZE) -> float:
    """Largest difference of the threshold maps, in levels; the binary maps are equal."""
    want, got = compute_targets(polygons, ignore, size), fast_targets(polygons, ignore, size).unpack()
    for name in ("shrink_map", "shrink_mask", "threshold_mask"):
        assert np.array_equal(getattr(got, name), getattr(want, name)), name
        assert getattr(got, name).dtype == getattr(want, name).dtype
    return float(np.abs(got.threshold_map - want.threshold_map).max() * 255)


@pytest.mark.parametrize("seed", range(25))
def test_random_words(seed):
    rng = np.random.default_rng(seed)
    polygons, ignore = [], []
    for _ in range(rng.integers(1, 12)):
        centre, corners = rng.uniform(-20, SIZE + 20, 2), rng.integers(3, 13)
        angles = np.sort(rng.uniform(0, 2 * np.pi, corners))[:: rng.choice([1, -1])]
        radii = rng.uniform(2, 60, (corners, 1)) * rng.uniform(0.1, 1.0, 2)
        polygons.append((centre + np.stack([np.cos(angles), np.sin(angles)], 1) * radii).astype(np.float32))
        ignore.append(bool(rng.random() < 0.2))
    assert held_together(polygons, ignore) <= 0.51


@pytest.mark.parametrize("seed", range(10))
def test_crowded_words_of_four_corners(seed):
    """Words that overlap and reach over the border, some of them masked: what OpenCV fills together must not touch."""
    rng = np.random.default_rng(seed)
    polygons = []
    for _ in range(30):
        box = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * rng.uniform(6, 70, 2)
        angle = rng.choice([0.0, rng.uniform(-3, 3)])
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        polygons.append((box @ turn + rng.uniform(-20, SIZE, 2)).astype(np.float32))
    assert held_together(polygons, list(rng.random(30) < 0.2)) <= 0.51


ODD = {
    "none": [],
    "crossing itself": [np.array([[20, 20], [120, 90], [120, 20], [20, 90]])],
    "wound the other way": [np.array([[20, 20], [20, 60], [120, 60], [120, 20]])],
    "a repeated point": [np.array([[20, 20], [20, 20], [120, 20], [120, 60], [20, 60]])],
    "no area": [np.array([[20, 20], [60, 20], [100, 20]])],
    "not finite": [np.array([[20, 20], [np.nan, 20], [100, 60], [20, 60]])],
    "far away": [np.array([[2e5, 20], [3e5, 20], [3e5, 60]])],
    "two points": [np.array([[20, 20], [60, 60]])],
    "concave": [np.array([[20, 20], [140, 20], [140, 100], [110, 100], [110, 50], [50, 50], [50, 100], [20, 100]])],
    "larger than the map": [np.array([[-50, -50], [300, -50], [300, 300], [-50, 300]])],
    "one over the other": [
        np.array([[20, 20], [90, 20], [90, 60], [20, 60]]),
        np.array([[60, 40], [140, 40], [140, 90], [60, 90]]),
    ],
    "tiny": [np.array([[20, 20], [24, 20], [24, 24], [20, 24]])],
}  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("is_ignored", [False, True])
def test_odd_words(odd, is_ignored):
    polygons = [polygon.astype(np.float32) for polygon in ODD[odd]]
    assert held_together(polygons, [is_ignored] * len(polygons)) <= 0.51


def test_the_sample_pages():
    for page in survey(sample_pages_dir())[0][:6]:
        scale = np.float32(640 / max(page.width, page.height))
        words = [word.polygon * scale for word in page.words]
        assert held_together(words, [word.ignore for word in page.words], 640) <= 0.51


def test_flags_must_match_the_words():
    with pytest.raises(ValueError, match="argument"):
        fast_targets([np.zeros((4, 2), np.float32)], [], SIZE)


def test_words_half_a_pixel_off_are_told_apart():
    """The planted fault that one level of tolerance must not hide."""
    word = np.array([[20, 20], [120, 24], [118, 60], [18, 56]], np.float32)
    off = compute_targets([word + np.float32(0.5)], [False], SIZE).threshold_map
    assert np.abs(off - fast_targets([word], [False], SIZE).unpack().threshold_map).max() * 255 > 1.5
