"""The photograph: receipts on a table or signs on a wall, seen at an angle, in uneven light, with a sensor's noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from workbench.workloads.ocr.synthetic.receipt import draw_receipt
from workbench.workloads.ocr.synthetic.sheet import Pixels, Sheet
from workbench.workloads.ocr.synthetic.sign import draw_sign

#: Left, top, right, bottom in pixels of the picture.
Box = tuple[int, int, int, int]
Matrix = npt.NDArray[np.float64]

_RECEIPT_SHARE = 0.6
#: The dark and the bright tone of what lies behind the sheets.
_BACKDROPS = (
    ((70, 42, 24), (150, 104, 66)), ((48, 36, 30), (104, 84, 70)), ((36, 52, 78), (92, 112, 140)),
    ((92, 96, 84), (164, 166, 150)), ((84, 84, 86), (158, 156, 150)), ((128, 122, 110), (204, 198, 184)),
    ((96, 44, 32), (176, 104, 80)),
)  # fmt: skip
#: Standard deviation of the grain of wood, cloth and stone, in 8-bit levels.
_GRAIN = 9.0


@dataclass(frozen=True)
class Scene:
    """All that is in front of the camera, and the camera.

    Attributes:
        backdrop: uint8 [H, W, 3], RGB: what is behind the sheets; it has the size of the picture.
        sheets: The sheets, each with the homography, float64 [3, 3], from its pixels to the picture's.
        light: float32 [H, W, 3]: factor on every pixel.
        softness: Standard deviation of the lens's blur, in pixels.
        noise: Standard deviation of the sensor's noise in the middle tones, in 8-bit levels.
        noise_seed: Seed of the noise.
    """

    backdrop: Pixels
    sheets: list[tuple[Sheet, Matrix]]
    light: npt.NDArray[np.float32]
    softness: float
    noise: float
    noise_seed: int


def compose(rng: np.random.Generator, width: int, height: int) -> Scene:
    """A scene for a picture of `width` x `height` pixels."""
    backdrop = _backdrop(rng, width, height)
    place = _receipts if rng.random() < _RECEIPT_SHARE else _signs
    sheets = place(rng, width, height)
    softness, noise = float(rng.uniform(0.45, 0.8)), float(rng.uniform(4.6, 7.6))
    return Scene(backdrop, sheets, _light(rng, width, height), softness, noise, int(rng.integers(2**31)))


def photograph(scene: Scene) -> Pixels:
    """uint8 [H, W, 3], RGB: the picture of a scene, the right way up."""
    picture = scene.backdrop.copy()
    size = picture.shape[1::-1]
    for sheet, matrix in scene.sheets:
        cover = cv2.warpPerspective(np.ones(sheet.paper.shape[:2], np.uint8), matrix, size)
        laid = cv2.warpPerspective(sheet.printed(), matrix, size, borderMode=cv2.BORDER_REPLICATE)
        cv2.copyTo(laid, cover, picture)
    soft = cv2.GaussianBlur(picture * scene.light, (0, 0), scene.softness)
    # More noise in bright tones, as light is counted, and a floor in dark ones; the same in all colours.
    level = np.clip(soft[:, :, 1] / 255.0, 0.0, 1.0)
    sigma = scene.noise * np.sqrt(0.25 + 1.5 * level) * (1 - 0.6 * level**4)
    noise = np.random.default_rng(scene.noise_seed).standard_normal(level.shape, np.float32)
    soft += (sigma * noise + 0.5)[:, :, None]
    return np.asarray(np.clip(soft, 0, 255, out=soft), np.uint8)


def to_picture(points: npt.NDArray[np.float32], matrix: Matrix) -> npt.NDArray[np.float32]:
    """float32 [K, 2]: where points of a sheet come to lie in the picture."""
    return np.asarray(cv2.perspectiveTransform(points[None].astype(np.float64), matrix)[0], np.float32)


def lay_down(
    rng: np.random.Generator, size: tuple[int, int], slot: Box, *, most_turn: float, most_tilt: float
) -> Matrix:
    """Lay a sheet down so that it fills a part of the picture; gives the homography float64 [3, 3].

    Args:
        rng: Decides turn, tilt, size and place.
        size: Width and height of the sheet in pixels.
        slot: The part of the picture.
        most_turn: Most that it is turned either way, in degrees.
        most_tilt: Most that one side is farther away than the other, as a share of the distance, over half the sheet.
    """
    half = np.array(size) / 2
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float64)
    angle = math.radians(rng.uniform(-most_turn, most_turn))
    spin = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    distance = 1 + corners @ rng.uniform(-most_tilt, most_tilt, 2)
    placed = (corners * half / distance[:, None]) @ spin.T
    low, high = placed.min(axis=0), placed.max(axis=0)
    room = np.array([slot[2] - slot[0], slot[3] - slot[1]])
    scale = float((room / (high - low)).min()) * rng.uniform(0.93, 1.0)
    spare = room - (high - low) * scale
    target = (placed - low) * scale + np.array(slot[:2]) + spare * rng.random(2)
    source = (corners + 1) * half
    return np.asarray(cv2.getPerspectiveTransform(source.astype(np.float32), target.astype(np.float32)), np.float64)


def _receipts(rng: np.random.Generator, width: int, height: int) -> list[tuple[Sheet, Matrix]]:
    """Receipts beside one another; one alone takes up the middle, or a side."""
    count = 1 if width < height or rng.random() < 0.35 else 2
    room = min(width // count, 800)
    shift = int(rng.integers(0, width - room + 1)) if count == 1 else 0
    placed = []
    for number in range(count):
        slot = (room * number + shift + 4, 4, room * (number + 1) + shift - 4, height - 4)
        sheet = draw_receipt(rng, min(room - 48, int(rng.integers(540, 660))), int((height - 8) * rng.uniform(0.94, 1)))
        placed.append((sheet, lay_down(rng, sheet.paper.shape[1::-1], slot, most_turn=5.0, most_tilt=0.06)))
    return placed


def _signs(rng: np.random.Generator, width: int, height: int) -> list[tuple[Sheet, Matrix]]:
    """One sign, or two to four in a grid."""
    across, down = ((1, 1), (2, 1), (1, 2), (2, 2))[int(rng.integers(4))]
    if width < height:
        across, down = 1, across + 1
    wide, high = width // across, height // down
    placed = []
    for column, row in ((column, row) for row in range(down) for column in range(across)):
        slot = (column * wide + 16, row * high + 16, (column + 1) * wide - 16, (row + 1) * high - 16)
        room = ((wide - 48) * rng.uniform(0.82, 1.0), (high - 48) * rng.uniform(0.82, 1.0))
        sheet = draw_sign(rng, int(room[0]), int(room[1]))
        placed.append((sheet, lay_down(rng, sheet.paper.shape[1::-1], slot, most_turn=6.0, most_tilt=0.12)))
    return placed


def _backdrop(rng: np.random.Generator, width: int, height: int) -> Pixels:
    """Soft patches between two tones, and a grain."""
    dark, bright = np.array(_BACKDROPS[int(rng.integers(len(_BACKDROPS)))], np.float32)
    tones = dark + (bright - dark) * rng.random((6, 10, 1), np.float32)
    patches = cv2.resize(tones, (width, height), interpolation=cv2.INTER_CUBIC)
    patches += _GRAIN * rng.standard_normal((height, width, 1), np.float32)
    return np.asarray(np.clip(patches, 0, 255, out=patches), np.uint8)


def _light(rng: np.random.Generator, width: int, height: int) -> npt.NDArray[np.float32]:
    """Uneven light from one side, a darker rim, a warm or cold tint, and sometimes the soft shadow of somebody near."""
    rows, columns = height // 16, width // 16  # light changes slowly
    x, y = np.linspace(-1, 1, columns)[None, :], np.linspace(-1, 1, rows)[:, None]
    slope = rng.uniform(-0.16, 0.16, 2)
    gain = (1 + slope[0] * x + slope[1] * y) * (1 - rng.uniform(0.02, 0.12) * (x * x + y * y))
    if rng.random() < 0.6:
        shade = np.zeros((rows, columns), np.float32)
        outline = (rng.uniform(-0.3, 1.3, (4, 2)) * (columns, rows)).astype(np.int32)
        cv2.fillConvexPoly(shade, cv2.convexHull(outline), rng.uniform(0.12, 0.38))
        gain = gain * (1 - cv2.GaussianBlur(shade, (0, 0), float(rng.uniform(1.5, 5.0))))
    tint = rng.uniform(0.84, 1.06) * (1 + rng.uniform(-0.06, 0.06) * np.array([1.0, 0.1, -1.0]))
    light = cv2.resize((gain[:, :, None] * tint).astype(np.float32), (width, height))
    return np.asarray(light, np.float32)
