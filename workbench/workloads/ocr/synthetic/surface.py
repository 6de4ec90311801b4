"""What lies behind the sheets: table tops, walls, a street out of focus."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from workbench.workloads.ocr.synthetic.resample import Pixels, enlarge

Tone = tuple[int, int, int]

_WOODS: tuple[tuple[Tone, Tone], ...] = (
    ((70, 42, 24), (150, 104, 66)), ((120, 88, 58), (198, 164, 122)), ((48, 36, 30), (104, 84, 70)),
)  # fmt: skip
_CLOTHS: tuple[tuple[Tone, Tone], ...] = (
    ((36, 52, 78), (92, 112, 140)), ((110, 34, 38), (170, 84, 80)), ((92, 96, 84), (164, 166, 150)),
)  # fmt: skip
_STONES: tuple[tuple[Tone, Tone], ...] = (
    ((84, 84, 86), (158, 156, 150)), ((128, 122, 110), (204, 198, 184)), ((58, 62, 66), (116, 120, 124)),
)  # fmt: skip
_BRICKS: tuple[tuple[Tone, Tone], ...] = (
    ((96, 44, 32), (176, 104, 80)), ((120, 100, 80), (190, 170, 144)), ((60, 56, 60), (130, 122, 120)),
)  # fmt: skip


def table(rng: np.random.Generator, width: int, height: int) -> Pixels:
    """uint8 [height, width, 3], RGB: a wooden table, a cloth, or stone."""
    draw, tones = ((_wood, _WOODS), (_cloth, _CLOTHS), (_stone, _STONES))[int(rng.integers(3))]
    return _coloured(draw(rng, width, height), tones[int(rng.integers(len(tones)))])


def wall(rng: np.random.Generator, width: int, height: int) -> Pixels:
    """uint8 [height, width, 3], RGB: bricks, plaster, or a street out of focus."""
    kind = int(rng.integers(3))
    if kind == 2:
        return _street(rng, width, height)
    draw, tones = ((_bricks, _BRICKS), (_stone, _STONES))[kind]
    return _coloured(draw(rng, width, height), tones[int(rng.integers(len(tones)))])


def _noise(rng: np.random.Generator, width: int, height: int, across: int, down: int) -> npt.NDArray[np.int16]:
    """int16 [height, width], -128..127: smooth noise with grains of `across` x `down` pixels."""
    grid = rng.integers(0, 256, (height // down + 2, width // across + 2), np.uint8)
    if min(across, down) >= 16:  # coarse grains would show the creases between their cells
        cells = enlarge(grid, width // 8, height // 8)
        grid = np.asarray(cv2.GaussianBlur(cells, (0, 0), sigmaX=across / 24, sigmaY=down / 24), np.uint8)
    return enlarge(grid, width, height).astype(np.int16) - 128


def _wood(rng: np.random.Generator, width: int, height: int) -> npt.NDArray[np.int16]:
    level = _noise(rng, width, height, 120, 5) // 2 + _noise(rng, width, height, 14, 2) // 4
    board = int(rng.integers(130, 230))
    for seam in range(int(rng.integers(board)), height, board):
        level[seam : seam + 3] -= 90
        level[seam + 3 :] += int(rng.integers(-14, 15))
    return level


def _cloth(rng: np.random.Generator, width: int, height: int) -> npt.NDArray[np.int16]:
    thread = np.array([[34, -6, 20, -22], [-10, 26, -30, 12], [22, -24, 36, -8], [-26, 14, -12, 24]], np.int16)
    weave = np.tile(thread, (height // 4 + 1, width // 4 + 1))[:height, :width]
    folds = _noise(rng, width, height, 210, 150) // 3
    return weave + folds + _noise(rng, width, height, 2, 2) // 5


def _stone(rng: np.random.Generator, width: int, height: int) -> npt.NDArray[np.int16]:
    return (
        _noise(rng, width, height, 160, 160) // 3
        + _noise(rng, width, height, 22, 22) // 5
        + _noise(rng, width, height, 3, 3) // 4
    )


def _bricks(rng: np.random.Generator, width: int, height: int) -> npt.NDArray[np.int16]:
    rows, columns, mortar = 46, 128, 5
    level = _noise(rng, width, height, 4, 4) // 4 + _noise(rng, width, height, 90, 60) // 5
    for course in range(height // rows + 1):
        y0, y1 = course * rows, (course + 1) * rows
        shift = columns // 2 * (course % 2)
        for x0 in range(-shift, width, columns):
            level[y0:y1, max(x0, 0) : max(x0 + columns - mortar, 0)] += int(rng.integers(-34, 35))
            level[y0:y1, max(x0 + columns - mortar, 0) : max(x0 + columns, 0)] += 70
        level[y1 - mortar : y1] += 70
    return level


def _street(rng: np.random.Generator, width: int, height: int) -> Pixels:
    """Large soft patches of colour, darker towards the ground, with a few lights."""
    rows, columns = height // 10, width // 10
    patches = enlarge(rng.integers(50, 190, (7, 11, 3), np.uint8), columns, rows)
    gray = patches.mean(axis=2, keepdims=True)
    street = (gray + (patches - gray) * 0.35).astype(np.uint8)
    for _ in range(int(rng.integers(4, 14))):
        at = (int(rng.integers(columns)), int(rng.integers(rows)))
        light = tuple(int(value) for value in rng.integers(150, 256, 3))
        cv2.circle(street, at, int(rng.integers(2, 7)), light, -1)
    soft = cv2.GaussianBlur(enlarge(street, width // 4, height // 4), (0, 0), 4.0)
    return enlarge(np.asarray(soft, np.uint8), width, height)


def _coloured(level: npt.NDArray[np.int16], tones: tuple[Tone, Tone]) -> Pixels:
    dark, bright = (np.array(tone, np.float64) for tone in tones)
    ramp = (dark + (bright - dark) * np.linspace(0, 1, 256)[:, None]).astype(np.uint8)
    tone = np.clip(level + 128, 0, 255, out=level).astype(np.uint8)
    return np.asarray(cv2.LUT(cv2.merge([tone] * 3), ramp[None]), np.uint8)
