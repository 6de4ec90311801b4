"""Does every polygon surround the ink of its word, seen through perspective, bow and a soft profiler?"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import shapely

from workbench.workloads.ocr.synthetic.camera import Scene
from workbench.workloads.ocr.synthetic.lettering import VISIBLE
from workbench.workloads.ocr.synthetic.pose import Pose
from workbench.workloads.ocr.synthetic.resample import look_up
from workbench.workloads.ocr.synthetic.scene import compose
from workbench.workloads.ocr.synthetic.sheet import Print, Sheet

SCENES = [(seed, size) for seed in range(6) for size in ((1280, 720), (720, 1280))]


def ink_outside(sheet: Sheet, pose: Pose, one: Print, polygon: npt.NDArray[np.float64], softness: float = 0.8) -> int:
    """Pixels of a word's visible ink, photographed alone, that its polygon leaves out."""
    blank = np.zeros_like(sheet.paper)
    alone = Sheet(blank, np.full(sheet.cover.shape, 255, np.uint8), sheet.area, [replace(one, colour=(255, 255, 255))])
    x, y = np.floor(polygon.min(axis=0)).astype(int), np.ceil(polygon.max(axis=0)).astype(int)
    box = (x[0] - 30, x[1] - 30, y[0] + 30, y[1] + 30)
    ink = cv2.GaussianBlur(look_up(alone.printed(), *pose.lookup(box))[:, :, 0], (0, 0), softness)
    rows, columns = np.nonzero(ink > VISIBLE)
    assert len(rows) > 8, "no ink at all"
    inside = shapely.contains_xy(shapely.Polygon(polygon), columns + box[0], rows + box[1])
    return int((~inside).sum())


def scene_of(seed: int, size: tuple[int, int]) -> Scene:
    return compose(np.random.default_rng([seed, 1]), *size)


@pytest.mark.parametrize(("seed", "size"), SCENES)
def test_a_polygon_surrounds_its_ink(seed: int, size: tuple[int, int]) -> None:
    for sheet, pose in scene_of(seed, size).sheets:
        assert sheet.prints
        for one in sheet.prints:
            assert ink_outside(sheet, pose, one, pose.outline(one.word.polygon)) == 0, one.word.text


def test_a_polygon_that_is_off_is_found() -> None:
    sheet, pose = scene_of(0, (1280, 720)).sheets[0]
    one = sheet.prints[0]
    polygon = pose.outline(one.word.polygon)

    assert ink_outside(sheet, pose, one, polygon + np.array([4.0, 0.0])) > 0
    assert ink_outside(sheet, pose, one, polygon - np.array([0.0, 4.0])) > 0


@pytest.mark.parametrize(("seed", "size"), SCENES)
def test_a_polygon_fits_its_ink_closely(seed: int, size: tuple[int, int]) -> None:
    for sheet, _ in scene_of(seed, size).sheets:
        for one in sheet.prints:
            if len(one.word.polygon) == 4 and not one.word.ignore:
                width, height = np.ptp(one.word.polygon, axis=0)
                assert (width, height) == (one.mask.shape[1] + 4, one.mask.shape[0] + 4)


@pytest.mark.parametrize(("seed", "size"), SCENES)
def test_words_lie_in_the_picture_clockwise_and_apart(seed: int, size: tuple[int, int]) -> None:
    scene = scene_of(seed, size)
    polygons = [pose.outline(one.word.polygon) for sheet, pose in scene.sheets for one in sheet.prints]
    legible = [not one.word.ignore for sheet, _ in scene.sheets for one in sheet.prints]
    for polygon in polygons:
        assert (polygon >= 0).all()
        assert (polygon <= np.array(size) - 1).all()
        assert shapely.Polygon(polygon).is_valid
        x, y = polygon.T
        assert np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) > 0  # clockwise on the screen
    shapes = [shapely.Polygon(polygon) for polygon, is_legible in zip(polygons, legible, strict=True) if is_legible]
    for first, shape in enumerate(shapes):
        for other in shapes[first + 1 :]:
            assert shape.intersection(other).area <= 0.12 * min(shape.area, other.area)


def test_the_way_to_the_picture_and_the_way_back_agree() -> None:
    sheet, pose = next(
        (sheet, pose) for seed in range(9) for sheet, pose in scene_of(seed, (1280, 720)).sheets if abs(pose.bow) > 2
    )
    points = np.array([[60.0, 80.0], [400.0, 300.0], [sheet.cover.shape[1] - 50.0, 500.0]])
    for point, (x, y) in zip(points, pose.to_picture(points), strict=True):
        column, row = round(x), round(y)
        u, v = pose.lookup((column, row, column + 1, row + 1))
        step = pose.to_picture(np.array([[u[0, 0], v[0, 0]]], np.float64))[0]

        assert step == pytest.approx([column, row], abs=0.01)
        assert [u[0, 0], v[0, 0]] == pytest.approx(point, abs=1.5)


def test_a_bowed_edge_gets_more_points() -> None:
    flat = Pose(np.eye(3), 0.0, 600)
    bowed = Pose(np.eye(3), 8.0, 600)
    box = np.array([[20, 100], [580, 100], [580, 130], [20, 130]], np.float32)

    assert len(flat.outline(box)) == 4
    outline = bowed.outline(box)
    assert len(outline) == 10
    middle = outline[np.abs(outline[:, 0] - 300) < 100]
    assert (middle[:, 1].max() - 130) > 5


def test_the_pixels_do_not_depend_on_what_is_drawn_beside_a_word() -> None:
    """A sheet is mixed in whole numbers: full ink is the ink's colour, no ink is the paper's."""
    sheet, _ = scene_of(2, (1280, 720)).sheets[0]
    pixels = sheet.printed()
    bare = replace_prints(sheet).printed()
    one = max(sheet.prints, key=lambda print_: int(print_.mask.max()))
    top, left = one.top, one.left
    window = (slice(top, top + one.mask.shape[0]), slice(left, left + one.mask.shape[1]))

    assert (pixels[window][one.mask == 0] == bare[window][one.mask == 0]).all()
    if (one.mask == 255).any():
        assert (pixels[window][one.mask == 255][:, :3] == one.colour).all()


def replace_prints(sheet: Sheet) -> Sheet:
    return Sheet(sheet.paper, sheet.cover, sheet.area)
