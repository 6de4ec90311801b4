"""How a sheet lies in front of the camera: turned, tilted, and bowed a little."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Map = npt.NDArray[np.float32]
Box = tuple[int, int, int, int]

#: A polygon's edge strays from a bowed line of text by no more than this, in pixels, before it gets a point more.
_STRAY = 0.75


@dataclass(frozen=True)
class Pose:
    """The way from a sheet's pixels to the picture's: first the bow, then the perspective.

    Attributes:
        matrix: float64 [3, 3], homography from the bowed sheet to the picture.
        bow: By how many pixels the middle of the sheet hangs lower than its sides.
        width: Width of the sheet in pixels.
    """

    matrix: npt.NDArray[np.float64]
    bow: float
    width: int

    def to_picture(self, points: npt.NDArray[np.float32] | Points) -> Points:
        """float64 [K, 2]: where points of the sheet come to lie in the picture."""
        x, y = points[:, 0].astype(np.float64), points[:, 1] + self._drop(points[:, 0].astype(np.float64))
        (a, b, c), (d, e, f), (g, h, i) = self.matrix
        w = g * x + h * y + i
        return np.stack([(a * x + b * y + c) / w, (d * x + e * y + f) / w], axis=1)

    def outline(self, polygon: npt.NDArray[np.float32]) -> Points:
        """float64 [K, 2]: a polygon of the sheet in the picture, with more points where the bow bends its edges."""
        corners = polygon.astype(np.float64)
        points = []
        for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            stray = abs(self.bow) * ((end[0] - start[0]) / self.width) ** 2
            steps = max(1, math.ceil(math.sqrt(stray / _STRAY)))
            points += [start + (end - start) * step / steps for step in range(steps)]
        return self.to_picture(np.array(points))

    def footprint(self, sheet_height: int, picture: tuple[int, int]) -> Box:
        """The part of a picture (width, height) that the sheet can touch: left, top, right, bottom; may be empty."""
        reach = abs(self.bow) + 1
        right, low = self.width, sheet_height + reach
        corners = np.array([[-1, -1 - reach], [right, -1 - reach], [right, low], [-1, low]], np.float64)
        x, y = Pose(self.matrix, 0.0, self.width).to_picture(corners).T
        left, top = max(0, math.floor(x.min())), max(0, math.floor(y.min()))
        return left, top, min(picture[0], math.ceil(x.max()) + 1), min(picture[1], math.ceil(y.max()) + 1)

    def lookup(self, box: Box) -> tuple[Map, Map]:
        """float32 [h, w] twice: for each pixel of a part of the picture, where on the sheet it looks (x, y)."""
        back = np.linalg.inv(self.matrix)
        (a, b, c), (d, e, f), (g, h, i) = (back / back[2, 2]).astype(np.float32)
        x = np.arange(box[0], box[2], dtype=np.float32)[None, :]
        y = np.arange(box[1], box[3], dtype=np.float32)[:, None]
        near = np.float32(1) / ((g * x + i) + h * y)
        u = ((a * x + c) + b * y) * near
        v = ((d * x + f) + e * y) * near
        if self.bow:
            v -= self._drop(u)
        return u, v

    def _drop(self, x: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        share = x / x.dtype.type(self.width)
        return np.asarray(x.dtype.type(4 * self.bow) * share * (1 - share))


def lay_down(
    rng: np.random.Generator, *, width: int, area: Box, slot: Box, turn: float, tilt: float, bow: float
) -> Pose:
    """Lay a sheet down so that its printed area fills a part of the picture.

    Args:
        rng: Decides turn, tilt, size and place.
        width: Width of the sheet in pixels.
        area: The printed area on the sheet.
        slot: The part of the picture: left, top, right, bottom.
        turn: Most that it is turned either way, in degrees.
        tilt: Most that one side is farther away than the other, as a share of the distance, over half the area.
        bow: Most that the sheet's middle hangs lower or higher, in pixels.
    """
    depth = rng.uniform(-bow, bow)
    left, top, right, bottom = area
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)
    middle, half = np.array([left + right, top + bottom]) / 2, np.array([right - left, bottom - top]) / 2
    angle = math.radians(rng.uniform(-turn, turn))
    spin = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    distance = 1 + (corners - middle) / half @ rng.uniform(-tilt, tilt, 2)
    placed = ((corners - middle) / distance[:, None]) @ spin.T
    low, high = placed.min(axis=0), placed.max(axis=0)
    inset = abs(depth) + 2
    room = np.array([slot[2] - slot[0], slot[3] - slot[1]]) - 2 * inset
    scale = float((room / (high - low)).min()) * rng.uniform(0.93, 1.0)
    spare = room - (high - low) * scale
    origin = np.array([slot[0], slot[1]]) + inset + spare * rng.random(2)
    target = (placed - low) * scale + origin
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), target.astype(np.float32))
    return Pose(np.asarray(matrix, np.float64), depth, width)
