"""Does every polygon surround the ink of its word, seen at an angle through a soft lens?"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import shapely

from workbench.workloads.ocr.synthetic.scene import Scene, compose, photograph, to_picture
from workbench.workloads.ocr.synthetic.sheet import VISIBLE, PrintedWord, Sheet

SCENES = [(seed, size) for seed in range(6) for size in ((1280, 720), (720, 1280))]


def scene_of(seed: int, size: tuple[int, int]) -> Scene:
    return compose(np.random.default_rng([seed, 1]), *size)


def ink_outside(
    scene: Scene, sheet: Sheet, matrix: npt.NDArray[np.float64], word: PrintedWord, polygon: npt.NDArray[np.float32]
) -> int:
    """Pixels of a word's visible ink, in white and alone in the scene, that a polygon leaves out."""
    dark = Sheet(np.zeros_like(sheet.paper), [replace(word, colour=(255, 255, 255))])
    ink = cv2.warpPerspective(dark.printed()[:, :, 0], matrix, scene.backdrop.shape[1::-1])
    ink = cv2.GaussianBlur(ink, (0, 0), 0.8)
    rows, columns = np.nonzero(ink > VISIBLE)
    assert len(rows) > 8, "no ink at all"
    return int((~shapely.contains_xy(shapely.Polygon(polygon), columns, rows)).sum())


@pytest.mark.parametrize(("seed", "size"), SCENES)
def test_a_polygon_surrounds_its_ink(seed: int, size: tuple[int, int]) -> None:
    scene = scene_of(seed, size)
    for sheet, matrix in scene.sheets:
        assert sheet.words
        for word in sheet.words[:12]:
            polygon = to_picture(word.word.polygon, matrix)
            assert ink_outside(scene, sheet, matrix, word, polygon) == 0, word.word.text


def test_a_polygon_that_is_off_is_found() -> None:
    scene = scene_of(0, (1280, 720))
    sheet, matrix = scene.sheets[0]
    word = sheet.words[0]
    polygon = to_picture(word.word.polygon, matrix)
    for shift in ([5.0, 0.0], [0.0, -5.0]):
        assert ink_outside(scene, sheet, matrix, word, polygon + np.array(shift, np.float32)) > 0


@pytest.mark.parametrize(("seed", "size"), SCENES)
def test_words_lie_in_the_picture_clockwise_and_apart(seed: int, size: tuple[int, int]) -> None:
    scene = scene_of(seed, size)
    words = [(to_picture(w.word.polygon, matrix), w.word) for sheet, matrix in scene.sheets for w in sheet.words]
    for polygon, _ in words:
        assert (polygon >= 0).all()
        assert (polygon <= np.array(size) - 1).all()
        x, y = polygon.T
        assert np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) > 0  # clockwise on the screen
    shapes = [shapely.Polygon(polygon) for polygon, word in words if not word.ignore]
    for number, shape in enumerate(shapes):
        for other in shapes[number + 1 :]:
            assert shape.intersection(other).area <= 0.12 * min(shape.area, other.area)


def test_a_photograph_shows_the_sheets_the_light_and_noise() -> None:
    scene = scene_of(3, (1280, 720))
    picture = photograph(scene).astype(float)
    assert picture.shape == (720, 1280, 3)
    lit = photograph(replace(scene, light=np.ones_like(scene.light), noise=0.0)).astype(float)
    sheet, matrix = scene.sheets[0]
    middle = to_picture(np.array([[sheet.paper.shape[1] / 2, 3.0]], np.float32), matrix)[0].round().astype(int)
    assert lit[middle[1] + 2, middle[0]] == pytest.approx(sheet.paper[3, sheet.paper.shape[1] // 2], abs=12)
    bare = photograph(replace(scene, sheets=[])).astype(float)
    assert np.abs(bare - picture).mean() > 10
    quiet = photograph(replace(scene, noise=0.0)).astype(float)
    assert 0.5 * scene.noise < (picture - quiet).std() < 1.5 * scene.noise
