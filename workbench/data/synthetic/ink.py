"""Words drawn on a flat sheet, with the polygons that surround their ink."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from workbench.data.page import Polygon

Colour = tuple[int, int, int]

#: Points along the upper and the lower edge of a curved word.
_CURVE_POINTS = 6


@dataclass(frozen=True)
class DrawnWord:
    """A word on a sheet: its polygon in the sheet's pixels, its text, and whether it can be read."""

    polygon: Polygon
    text: str
    ignore: bool


@dataclass
class Sheet:
    """A flat piece of paper or a board.

    Attributes:
        pixels: uint8 [H, W, 3], RGB.
        words: What has been written on it.
    """

    pixels: npt.NDArray[np.uint8]
    words: list[DrawnWord] = field(default_factory=list)

    @classmethod
    def blank(cls, width: int, height: int, colour: Colour) -> Sheet:
        """A sheet of one colour."""
        return cls(np.full((height, width, 3), colour, np.uint8))

    def write(self, text: str, left: int, top: int, size: int, colour: Colour, *, blurred: bool = False) -> int:
        """Write a word with its ink's upper left corner at a point; gives the x at which its ink ends.

        A blurred word cannot be read: it is don't-care.
        """
        ink = word_ink(text, size)
        height, width = int(ink.shape[0]), int(ink.shape[1])
        window = self.pixels[top : top + height, left : left + width]
        if window.shape[:2] != ink.shape:  # beyond the edge of the sheet: not written
            return left + width
        if blurred:
            ink = cv2.GaussianBlur(ink, (0, 0), size / 6.0)  # type: ignore[assignment]
        _blend(window, ink, colour)
        right, bottom = left + width, top + height
        box = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
        self.words.append(DrawnWord(box, "###" if blurred else text, blurred))
        return left + width

    def write_arc(self, text: str, centre: tuple[float, float], radius: float, size: int, colour: Colour) -> None:
        """Write a word along the upper part of a circle; its polygon follows the curve."""
        ink = word_ink(text, size)
        height, width = ink.shape
        y, x = np.mgrid[0 : self.pixels.shape[0], 0 : self.pixels.shape[1]].astype(np.float32)
        distance = np.hypot(x - centre[0], y - centre[1])
        angle = np.arctan2(x - centre[0], centre[1] - y)
        along = (angle * np.float32(radius) + np.float32(width / 2)).astype(np.float32)
        across = (np.float32(radius + height / 2) - distance).astype(np.float32)
        bent = cv2.remap(ink, along, across, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        _blend(self.pixels, np.asarray(bent, np.uint8), colour)
        angles = np.linspace(-width / 2, width / 2, _CURVE_POINTS) / radius
        self.words.append(DrawnWord(_arc_polygon(centre, radius, height, angles), text, False))


@functools.lru_cache(maxsize=4096)
def word_ink(text: str, size: int) -> npt.NDArray[np.uint8]:
    """uint8 [h, w]: the ink of a word, 255 where it covers, cut to its bounds. The font comes with Pillow."""
    font = _font(size)
    left, top, right, bottom = (int(value) for value in font.getbbox(text))
    image = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(image).text((-left, -top), text, fill=255, font=font)
    return np.array(image)


@functools.lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _blend(window: npt.NDArray[np.uint8], ink: npt.NDArray[np.uint8], colour: Colour) -> None:
    cover = ink[:, :, None].astype(np.float32) / 255.0
    window[:] = (window * (1.0 - cover) + np.array(colour, np.float32) * cover + 0.5).astype(np.uint8)


def _arc_polygon(
    centre: tuple[float, float], radius: float, height: int, angles: npt.NDArray[np.float64]
) -> Polygon:
    """The outer edge from left to right, then the inner one back; the chords lie outside the ink."""
    # Between its points a chord cuts into the ring: the outer edge is moved out by as much.
    sagitta = (radius + height / 2) * (1 / np.cos((angles[1] - angles[0]) / 2) - 1)
    edges = []
    for distance, along in ((radius + height / 2 + sagitta, angles), (radius - height / 2, angles[::-1])):
        edges.append(np.stack([centre[0] + distance * np.sin(along), centre[1] - distance * np.cos(along)], axis=1))
    return np.concatenate(edges).astype(np.float32)
