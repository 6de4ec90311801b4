"""A photograph of sheets lying on a table: perspective, light, shadow, noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from workbench.data.synthetic.ink import DrawnWord, Sheet

Pixels = npt.NDArray[np.uint8]


def photograph(
    rng: np.random.Generator, sheets: Sequence[Sheet], width: int, height: int
) -> tuple[Pixels, list[DrawnWord]]:
    """Lay sheets side by side and photograph them.

    Args:
        rng: Decides everything.
        sheets: One or more.
        width: Width of the photograph in pixels.
        height: Height likewise.

    Returns:
        uint8 [height, width, 3], RGB; and the words of all sheets, their polygons in its pixels.
    """
    scene = _table(rng, width, height)
    words: list[DrawnWord] = []
    slot = width / len(sheets)
    for number, sheet in enumerate(sheets):
        matrix = _pose(rng, sheet, slot * number, slot, height)
        _lay(scene, sheet, matrix)
        for word in sheet.words:
            polygon = cv2.perspectiveTransform(word.polygon[None], matrix)[0]
            words.append(replace(word, polygon=np.asarray(polygon, np.float32)))
    return _expose(rng, scene), words


def _table(rng: np.random.Generator, width: int, height: int) -> npt.NDArray[np.float32]:
    """float32 [H, W, 3]: a table top with broad stains and a fine grain."""
    tone = rng.uniform(50, 150, 3).astype(np.float32)
    stains = rng.normal(0, 22, (9, 16, 1)).astype(np.float32)
    grain = rng.normal(0, 14, (height // 3, width // 40, 1)).astype(np.float32)
    broad = cv2.resize(stains, (width, height), interpolation=cv2.INTER_CUBIC)
    fine = cv2.resize(grain, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(tone + (broad + fine)[:, :, None], np.float32)


def _pose(
    rng: np.random.Generator, sheet: Sheet, left: float, slot: float, height: int
) -> npt.NDArray[np.float64]:
    """float64 [3, 3]: where the sheet's pixels come to lie in the photograph: turned a little, seen from a slant."""
    sheet_height, sheet_width = sheet.pixels.shape[:2]
    scale = min(slot / sheet_width, height / sheet_height) * rng.uniform(0.82, 0.92)
    angle = np.deg2rad(rng.uniform(-6, 6))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    half = np.array([sheet_width, sheet_height]) / 2
    corners = np.array([[0, 0], [sheet_width, 0], [sheet_width, sheet_height], [0, sheet_height]], np.float32)
    slant = rng.uniform(-0.035, 0.035, (4, 2)) * scale * sheet_width
    placed = (corners - half) * scale @ turn.T + slant + [left + slot / 2, height / 2]
    return np.asarray(cv2.getPerspectiveTransform(corners, placed.astype(np.float32)), np.float64)


def _lay(scene: npt.NDArray[np.float32], sheet: Sheet, matrix: npt.NDArray[np.float64]) -> None:
    size = (scene.shape[1], scene.shape[0])
    cover = np.full(sheet.pixels.shape[:2], 255, np.uint8)
    mask = cv2.warpPerspective(cover, matrix, size, flags=cv2.INTER_LINEAR).astype(np.float32)[:, :, None] / 255.0
    shadow = cv2.boxFilter(np.roll(mask[:, :, 0], (9, 7), axis=(0, 1)), -1, (25, 25))[:, :, None]
    scene *= 1.0 - 0.45 * shadow * (1.0 - mask)
    seen = cv2.warpPerspective(sheet.pixels, matrix, size, flags=cv2.INTER_AREA)
    scene *= 1.0 - mask
    scene += seen * mask


def _expose(rng: np.random.Generator, scene: npt.NDArray[np.float32]) -> Pixels:
    """Uneven light, a soft shadow over a part, a slightly soft lens, and the sensor's noise."""
    height, width = scene.shape[:2]
    light = cv2.resize(rng.uniform(0.72, 1.08, (2, 3)).astype(np.float32), (width, height))
    shade = np.ones((height // 8, width // 8), np.float32)
    corner = rng.uniform(-0.2, 1.2, (3, 2)) * [width // 8, height // 8]
    cv2.fillConvexPoly(shade, corner.astype(np.int32), float(rng.uniform(0.7, 0.92)))
    shade = cv2.resize(cv2.GaussianBlur(shade, (0, 0), 6), (width, height))
    lit = cv2.GaussianBlur(scene * (light * shade)[:, :, None], (0, 0), float(rng.uniform(0.4, 0.75)))
    noise = rng.standard_normal((height, width, 3), dtype=np.float32)
    return np.clip(lit + noise * np.float32(rng.uniform(3.0, 7.0)), 0, 255).astype(np.uint8)
