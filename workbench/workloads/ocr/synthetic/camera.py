"""The photograph: sheets laid on what is behind them, light and shadow, a soft lens, the sensor's noise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from workbench.workloads.ocr.synthetic.pose import Pose
from workbench.workloads.ocr.synthetic.resample import Pixels, enlarge, look_up
from workbench.workloads.ocr.synthetic.sheet import Sheet

#: Light, shadow and street lamps change slowly: they are worked out on a grid of so many pixels.
_COARSE = 16
#: The level of the light field at which a pixel keeps its value.
_FULL_LIGHT = 160
#: Standard deviation of the sum of four random bytes.
_BYTES_SIGMA = 147.8


@dataclass(frozen=True)
class Light:
    """How a scene is lit and taken.

    Attributes:
        field: uint8 [h, w, 3], coarse: light per channel, `_FULL_LIGHT` changes nothing.
        softness: Standard deviation of the lens's blur, in pixels.
        noise: Standard deviation of the sensor's noise in the middle tones, in 8-bit levels.
        noise_seed: Seed of the noise.
    """

    field: Pixels
    softness: float
    noise: float
    noise_seed: int


@dataclass(frozen=True)
class Scene:
    """All that is in front of the camera.

    Attributes:
        backdrop: uint8 [H, W, 3], RGB: what is behind the sheets; it has the size of the picture.
        sheets: The sheets, each with its pose, the lowest first.
        light: The light, and the camera.
    """

    backdrop: Pixels
    sheets: list[tuple[Sheet, Pose]]
    light: Light

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture in pixels."""
        return int(self.backdrop.shape[1]), int(self.backdrop.shape[0])


def set_light(rng: np.random.Generator, width: int, height: int) -> Light:
    """Uneven light from one side, a darker rim, a warm or cold tint, and sometimes the soft shadow of somebody near."""
    columns, rows = -(-width // _COARSE), -(-height // _COARSE)
    x, y = np.linspace(-1, 1, columns)[None, :], np.linspace(-1, 1, rows)[:, None]
    slope = rng.uniform(-0.16, 0.16, 2)
    gain = (1 + slope[0] * x + slope[1] * y) * (1 - rng.uniform(0.02, 0.12) * (x * x + y * y))
    if rng.random() < 0.6:
        shade = np.zeros((rows, columns), np.uint8)
        reach = np.array([columns, rows])
        outline = (rng.uniform(-0.3, 1.3, (4, 2)) * reach).astype(np.int32)
        cv2.fillConvexPoly(shade, cv2.convexHull(outline), 255)
        soft = cv2.GaussianBlur(shade, (0, 0), float(rng.uniform(1.5, 5.0)))
        gain = gain * (1 - rng.uniform(0.12, 0.38) * (soft / 255.0))
    tint = 1 + rng.uniform(-0.06, 0.06) * np.array([1.0, 0.1, -1.0])
    level = rng.uniform(0.84, 1.06)
    field = np.clip(gain[:, :, None] * tint * level * _FULL_LIGHT, 0, 255).astype(np.uint8)
    softness, noise = float(rng.uniform(0.45, 0.8)), float(rng.uniform(4.6, 7.6))
    return Light(field, softness, noise, int(rng.integers(2**31)))


def photograph(scene: Scene) -> Pixels:
    """uint8 [H, W, 3], RGB: the picture of a scene, the right way up."""
    picture = scene.backdrop.copy()
    for sheet, pose in scene.sheets:
        _lay(picture, sheet, pose)
    width, height = scene.size
    field = enlarge(scene.light.field, width, height)
    lit = cv2.multiply(picture, field, scale=1.0 / _FULL_LIGHT)
    soft = cv2.GaussianBlur(lit, (0, 0), scene.light.softness)
    return _add_noise(np.asarray(soft, np.uint8), scene.light)


def _lay(picture: Pixels, sheet: Sheet, pose: Pose) -> None:
    """Lay a sheet into the picture, with the shadow that it throws."""
    rows, columns = picture.shape[:2]
    left, top, right, bottom = pose.footprint(sheet.cover.shape[0], (columns, rows))
    if left >= right or top >= bottom:
        return
    u, v = pose.lookup((left, top, right, bottom))
    laid = look_up(sheet.printed(), u, v)
    _shade(picture, laid[:, :, 3], left, top)
    part = picture[top:bottom, left:right]
    bare = cv2.merge([255 - laid[:, :, 3]] * 3)
    cv2.add(cv2.multiply(part, bare, scale=1.0 / 255), np.ascontiguousarray(laid[:, :, :3]), dst=part)


def _shade(picture: Pixels, cover: npt.NDArray[np.uint8], left: int, top: int) -> None:
    """Darken what lies beside a sheet, down and to the right of it."""
    step, offset, reach = 4, 3, 6
    rows, columns = picture.shape[0] // step, picture.shape[1] // step
    coarse = np.zeros((rows + reach, columns + reach), np.uint8)
    small = cover[::step, ::step]
    y, x = top // step + offset, left // step + offset
    window = coarse[y : y + small.shape[0], x : x + small.shape[1]]
    window[:] = small[: window.shape[0], : window.shape[1]]
    soft = cv2.GaussianBlur(coarse[:rows, :columns], (0, 0), 3.0)
    dark = enlarge(255 - (soft * 0.55).astype(np.uint8), picture.shape[1], picture.shape[0])
    cv2.multiply(picture, cv2.merge([dark] * 3), dst=picture, scale=1.0 / 255)


def _add_noise(pixels: Pixels, light: Light) -> Pixels:
    """Sensor noise: more in the bright tones, as light is counted, and a floor in the dark ones.

    In whole numbers throughout, so that the same seed gives the same noise on every processor.
    """
    rows, columns = pixels.shape[:2]
    draws = np.frombuffer(np.random.default_rng(light.noise_seed).bytes(6 * rows * columns), np.uint8)
    planes = draws.reshape(6, rows, columns)
    # The sum of a few random bytes is as good as normal, and many times faster.
    shared = np.add(planes[0], planes[1], dtype=np.int16)
    shared += planes[2]
    shared += planes[3]
    shared -= 510
    level = np.arange(256) / 255.0
    sigma = light.noise * np.sqrt(0.25 + 1.5 * level) * (1 - 0.6 * level**4)
    gain = np.round(sigma / _BYTES_SIGMA * 256).astype(np.int16)
    shared *= cv2.LUT(pixels[:, :, 1], gain)
    shared >>= 8
    red, blue = (shared + ((planes[4 + k] >> 4).astype(np.int16) - 8) for k in (0, 1))
    return np.asarray(cv2.add(pixels, cv2.merge([red, shared, blue]), dtype=cv2.CV_8U), np.uint8)
