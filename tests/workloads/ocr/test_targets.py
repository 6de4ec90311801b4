"""DBNet's target maps, against hand-computed values, geometry computed another way, and planted faults."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import shapely

from workbench.workloads.ocr.targets import compute_targets, offset_polygon, shrink_distance, untangle

SQUARE = np.array([[20, 20], [60, 20], [60, 60], [20, 60]], np.float32)
SLANTED = np.array([[22.5, 30], [80, 15.25], [88, 47], [30, 62.5]], np.float32)
CURVED = np.array([[10, 60], [30, 35], [60, 30], [90, 50], [78, 68], [57, 52], [36, 56], [26, 72]], np.float32)

MAPS = ("shrink_map", "shrink_mask", "threshold_map", "threshold_mask")


def targets(*polygons, size=100, ignore=None):
    return compute_targets(polygons, [False] * len(polygons) if ignore is None else ignore, size)


def assert_same(got, want):
    for name in MAPS:
        assert np.abs(getattr(got, name).astype(float) - getattr(want, name)).max() < 1e-6, name


def is_blank(got):
    return not got.shrink_map.any() and got.shrink_mask.all() and not got.threshold_mask.any()


def test_a_square_by_hand():
    # area 1600, perimeter 160: shrunk by 1600 * (1 - 0.16) / 160 = 8.4 px
    assert shrink_distance(SQUARE) == pytest.approx(8.4)
    got = targets(SQUARE)
    shrunken = np.zeros((100, 100), np.float32)
    shrunken[28:53, 28:53] = 1  # 28.4..51.6, rounded
    assert np.array_equal(got.shrink_map, shrunken)
    assert got.shrink_mask.all()
    for along in range(100):
        off = min(abs(along - 20), abs(along - 60))
        want = 0.7 - 0.4 * min(off / 8.4, 1.0)
        assert got.threshold_map[along, 40] == pytest.approx(want, abs=1e-6)
        assert got.threshold_map[40, along] == pytest.approx(want, abs=1e-6)
        assert got.threshold_mask[40, along] == (12 <= along <= 68)  # 11.6..68.4, rounded
    # Beyond a corner the distance is that to the corner: 3, 4, 5.
    assert got.threshold_map[16, 17] == pytest.approx(0.7 - 0.4 * 5 / 8.4, abs=1e-6)
    assert got.threshold_mask[12, 12] == 0, "grown corners are round"


def test_kinds_and_ranges():
    got = targets(SLANTED, CURVED + 5, SQUARE)
    assert [getattr(got, name).dtype for name in MAPS] == [np.float32, np.uint8, np.float32, np.uint8]
    assert all(getattr(got, name).shape == (100, 100) for name in MAPS)
    assert set(np.unique(got.shrink_map)) == {0.0, 1.0}
    assert got.threshold_map.min() == np.float32(0.3)
    assert got.threshold_map.max() == np.float32(0.7)


def thresholds_by_geometry(polygon, size, *, squared_ratio=True, two_sided=True):
    """The threshold map from shapely's distances; its switches plant faults."""
    shape = shapely.Polygon(polygon)
    distance = shape.area * (1 - (0.16 if squared_ratio else 0.4)) / shape.length
    xs, ys = np.meshgrid(np.arange(size), np.arange(size))
    points = shapely.points(xs, ys)
    off = shapely.distance(shape.exterior, points)
    if not two_sided:
        off[shapely.contains(shape, points)] = distance
    return 0.3 + 0.4 * np.clip(1 - off / distance, 0, 1)


@pytest.mark.parametrize("polygon", [SQUARE, SLANTED, CURVED], ids=["square", "slanted", "curved"])
def test_thresholds_are_distances_to_the_border(polygon):
    got = targets(polygon).threshold_map
    assert np.abs(got - thresholds_by_geometry(polygon, 100)).max() * 255 < 0.1
    for fault in ({"squared_ratio": False}, {"two_sided": False}):
        assert np.abs(got - thresholds_by_geometry(polygon, 100, **fault)).max() * 255 > 1, f"{fault} was not noticed"


@pytest.mark.parametrize("polygon", [SQUARE, SLANTED, CURVED], ids=["square", "slanted", "curved"])
def test_areas_are_those_of_the_offset_polygons(polygon):
    got, shape = targets(polygon), shapely.Polygon(polygon)
    distance = shape.area * 0.84 / shape.length
    xs, ys = np.meshgrid(np.arange(100), np.arange(100))
    points = shapely.points(xs, ys)
    for drawn, exact in (
        (got.shrink_map, shape.buffer(-distance, join_style="mitre")),
        (got.threshold_mask, shape.buffer(distance)),
    ):
        # Drawing rounds corners to pixels and takes the border in: up to a pixel and a half off.
        assert drawn[shapely.contains(exact.buffer(-1.5), points)].all()
        assert not drawn[~shapely.contains(exact.buffer(1.5), points)].any()


def test_an_ignored_word_is_masked_out_and_nothing_else():
    got = targets(SQUARE, ignore=[True])
    assert not got.shrink_map.any()
    assert not got.threshold_mask.any()
    assert (got.threshold_map == np.float32(0.3)).all()
    masked = np.ones((100, 100), np.uint8)
    masked[20:61, 20:61] = 0
    assert np.array_equal(got.shrink_mask, masked)


@pytest.mark.parametrize(("height", "learned"), [(7.9, False), (8.0, True)])
def test_a_word_under_eight_pixels_is_masked_out(height, learned):
    word = np.array([[10, 10], [50, 10], [50, 10 + height], [10, 10 + height]], np.float32)
    for turned in (word, word[:, ::-1].copy()):
        got = targets(turned)
        assert got.shrink_map.any() == learned
        assert got.threshold_mask.any() == learned
        assert got.shrink_mask.all() == learned


@pytest.mark.parametrize("polygon", [SQUARE, SLANTED, CURVED], ids=["square", "slanted", "curved"])
def test_winding_first_point_and_repeated_points_do_not_matter(polygon):
    want = targets(polygon)
    assert_same(targets(polygon[::-1].copy()), want)
    assert_same(targets(np.roll(polygon, 1, axis=0)), want)
    assert_same(targets(np.repeat(polygon, [2, *[1] * (len(polygon) - 1)], axis=0)), want)
    assert_same(targets(np.concatenate([polygon, polygon[:1]])), want)


def test_a_word_twice_is_a_word():
    assert_same(targets(SLANTED, SLANTED), targets(SLANTED))


def test_the_nearest_border_counts_where_words_meet():
    other = SQUARE + np.float32([30, 10])
    both = targets(SQUARE, other)
    one, two = targets(SQUARE), targets(other)
    assert np.array_equal(both.threshold_map, np.maximum(one.threshold_map, two.threshold_map))
    assert np.array_equal(both.threshold_mask, np.maximum(one.threshold_mask, two.threshold_mask))
    assert np.array_equal(both.shrink_map, np.maximum(one.shrink_map, two.shrink_map))


@pytest.mark.parametrize("shift", [(-40, 0), (0, -40), (60, 60), (-45, 58)])
@pytest.mark.parametrize("polygon", [SQUARE, SLANTED, CURVED], ids=["square", "slanted", "curved"])
def test_a_word_that_reaches_beyond_the_map_is_cut_by_it(polygon, shift):
    shifted = polygon + np.float32(shift)
    got, wide = targets(shifted), targets(shifted + np.float32(100), size=300)
    window = (slice(100, 200), slice(100, 200))
    assert np.abs(got.threshold_map - wide.threshold_map[window]).max() < 1e-4
    assert np.array_equal(got.shrink_mask, wide.shrink_mask[window])
    for name in ("shrink_map", "threshold_mask"):
        # OpenCV draws a slanted line that it has to cut a pixel off where it draws the whole one, and smears along the
        # outermost pixels.
        drawn, cut = getattr(got, name), getattr(wide, name)[window]
        around, inner = np.ones((3, 3), np.uint8), (slice(1, -1), slice(1, -1))
        assert (drawn <= cv2.dilate(cut, around))[inner].all(), name
        assert (cut <= cv2.dilate(drawn, around))[inner].all(), name


def test_a_word_outside_leaves_nothing():
    assert is_blank(targets(SQUARE + np.float32(500)))
    assert is_blank(targets(SQUARE - np.float32(500)))
    assert is_blank(targets())


def test_a_polygon_that_crosses_itself_is_two_words():
    bow_tie = np.array([[10, 10], [90, 90], [90, 10], [10, 90]], np.float32)
    lobes = untangle(bow_tie)
    assert sorted(shapely.Polygon(lobe).area for lobe in lobes) == pytest.approx([1600, 1600])
    got = targets(bow_tie)
    assert got.shrink_map[50, 20] == 1
    assert got.shrink_map[50, 80] == 1
    assert got.shrink_map[50, 50] == 0
    assert got.shrink_map[20, 50] == 0
    # Taken as it is, its lobes cancel out, and it would not be shrunk at all.
    assert shrink_distance(bow_tie) == 0
    assert got.shrink_map.sum() < 0.4 * 3200


def test_all_parts_of_a_word_that_falls_apart_are_drawn():
    above = [[5, 20], [35, 20], [35, 33], [65, 33], [65, 20], [95, 20]]
    below = [[x, 70 - y] for x, y in reversed(above)]
    dumbbell = np.array(above + below, np.float32)
    assert len(offset_polygon(dumbbell, -shrink_distance(dumbbell))) == 2
    got = targets(dumbbell)
    assert got.shrink_map[35, 20] == 1
    assert got.shrink_map[35, 80] == 1
    assert got.shrink_map[35, 50] == 0


@pytest.mark.parametrize("bulge", [0, 0.02], ids=["line", "sliver"])
def test_a_word_without_area_is_masked_out(bulge):
    got = targets(np.array([[10, 10], [45, 45 + bulge], [80, 80]], np.float32))
    assert not got.shrink_map.any()
    assert not got.threshold_mask.any()
    assert got.shrink_mask[40, 40] == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e12, -3e9])
def test_a_point_that_is_no_point_of_a_page_takes_its_word_out(bad):
    word = SQUARE.copy()
    word[2, 1] = bad
    assert is_blank(targets(word))
    assert_same(targets(word, SLANTED), targets(SLANTED))


def test_no_polygon_makes_it_raise():
    rng = np.random.default_rng(0)
    for _ in range(300):
        spread = 10.0 ** rng.uniform(0, 5)
        polygon = rng.normal(50, spread, (rng.integers(1, 12), 2)).astype(np.float32)
        if rng.random() < 0.5:
            polygon = np.round(polygon)
        got = targets(polygon, polygon[::-1], ignore=[False, bool(rng.random() < 0.2)])
        assert np.isin(got.shrink_map, (0, 1)).all()
        assert np.isfinite(got.threshold_map).all()
        assert got.threshold_map.min() >= np.float32(0.3)
        assert got.threshold_map.max() <= np.float32(0.7)


def test_the_polygons_are_left_as_they_are():
    polygon = SLANTED.copy()
    targets(polygon)
    assert np.array_equal(polygon, SLANTED)


def test_every_word_needs_its_flag():
    with pytest.raises(ValueError, match="shorter"):
        compute_targets([SQUARE, SLANTED], [False], 100)
