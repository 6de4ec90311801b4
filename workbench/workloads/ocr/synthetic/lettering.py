"""Text as ink: the one font that Pillow carries within itself, in as many hands as it can be made to write."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFont

from workbench.workloads.ocr.synthetic.resample import look_up

Mask = npt.NDArray[np.uint8]

#: Ink fainter than this isn't seen on paper: no box needs to hold it.
VISIBLE = 24


@dataclass(frozen=True)
class Hand:
    """How a text is written.

    Attributes:
        size: Size of the font in pixels.
        bold: Thickness added to every stroke, in pixels.
        width: Factor on the width of the letters: under 1 is condensed.
        pitch: Fixed advance from letter to letter, as a share of the size (till printers); 0 is proportional.
        slant: Shift to the right per pixel of height; 0 is upright.
        tracking: Space added between letters, in pixels.
    """

    size: int
    bold: int = 0
    width: float = 1.0
    pitch: float = 0.0
    slant: float = 0.0
    tracking: int = 0


@dataclass(frozen=True)
class Written:
    """A text as ink.

    Attributes:
        mask: uint8 [H, W], 255 is full ink, cropped to what is visible.
        top: Rows from the top of the line down to the mask's first row.
    """

    mask: Mask
    top: int

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.mask.shape[1])


@dataclass(frozen=True)
class _Glyph:
    mask: Mask
    left: int
    top: int
    advance: int


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    # Without FreeType Pillow falls back on a bitmap font of one size.
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


@lru_cache(maxsize=4096)
def _glyph(letter: str, size: int, bold: int) -> _Glyph:
    font = _font(size)
    core, (left, top) = font.getmask2(letter, mode="L", stroke_width=bold, stroke_filled=True)
    mask = np.frombuffer(bytes(core), np.uint8).reshape(core.size[::-1])
    return _Glyph(mask, int(left), int(top), round(font.getlength(letter)))


@lru_cache(maxsize=256)  # a layout measures a text before it writes it
def write(text: str, hand: Hand) -> Written:
    """Write a text on one line; it needs at least one visible letter."""
    glyphs = [_glyph(letter, hand.size, hand.bold) for letter in text]
    pitch = round(hand.pitch * hand.size)
    places, x = [], 0
    for glyph in glyphs:
        # A fixed pitch centres each letter in its cell.
        places.append(x + glyph.left + ((pitch - glyph.advance) // 2 if pitch else 0))
        x += (pitch or glyph.advance) + hand.tracking
    left = min(places)
    height = max(glyph.top + glyph.mask.shape[0] for glyph in glyphs)
    mask = np.zeros((height, max(p + g.mask.shape[1] for p, g in zip(places, glyphs, strict=True)) - left), np.uint8)
    for place, glyph in zip(places, glyphs, strict=True):
        _lay(mask, glyph.mask, place - left, glyph.top)
    if hand.width != 1.0 or hand.slant:
        mask = _stretch(mask, hand.width, hand.slant)
    return _crop(mask)


def write_arc(text: str, hand: Hand, radius: float, *, below: bool = False) -> tuple[Mask, npt.NDArray[np.float64]]:
    """Write a text along a circle, above its centre or below it.

    Args:
        text: One word.
        hand: How it is written; slant, width and pitch don't apply.
        radius: Radius of the baseline in pixels.
        below: Along the lower half, the letters' feet outward, so that both halves read from left to right.

    Returns:
        The ink, uint8 [S, S] with the circle's centre in the middle of the mask, and the outline that surrounds
        it, float64 [K, 2], x y relative to that centre, K in 8..14, clockwise from the text's top left.
    """
    glyphs = [_glyph(letter, hand.size, hand.bold) for letter in text]
    ascent, _ = _font(hand.size).getmetrics()
    half = math.ceil(radius) + 2 * hand.size
    mask = np.zeros((2 * half + 1, 2 * half + 1), np.uint8)
    advances = [glyph.advance + hand.tracking for glyph in glyphs]
    x = -sum(advances) / 2
    for glyph, advance in zip(glyphs, advances, strict=True):
        angle = (x + advance / 2) / radius  # clockwise from the top, or counter-clockwise from the bottom
        x += advance
        rows, columns = glyph.mask.shape
        side = 2 * max(rows, columns, ascent) + 2
        cell = np.zeros((side, side), np.uint8)
        # The cell turns about its middle, which lies on the baseline under the letter's centre.
        _lay(cell, glyph.mask, side // 2 - glyph.advance // 2 + glyph.left, side // 2 - ascent + glyph.top)
        turn = math.degrees(angle) if below else -math.degrees(angle)
        turned = np.asarray(Image.fromarray(cell).rotate(turn, Image.Resampling.BICUBIC))
        up = radius if not below else -radius
        _lay(
            mask,
            turned,
            round(half + radius * math.sin(angle)) - side // 2,
            round(half - up * math.cos(angle)) - side // 2,
        )
    return mask, _arc_outline(mask, half, below=below)


def _arc_outline(mask: Mask, half: int, *, below: bool, margin: float = 2.0) -> npt.NDArray[np.float64]:
    y, x = np.nonzero(mask >= VISIBLE)
    dx, dy = x - half, (half - y) * (-1 if below else 1)
    distance, angle = np.hypot(dx, dy), np.arctan2(dx, dy)
    inner, outer = distance.min() - margin, distance.max() + margin
    first, last = angle.min() - margin / inner, angle.max() + margin / inner
    steps = int(np.clip(math.ceil((last - first) / 0.35), 3, 6))
    angles = np.linspace(first, last, steps + 1)
    # A chord cuts into its circle: the outer points stand off by as much, so that the chords touch the circle.
    outer /= math.cos((last - first) / steps / 2)
    flip = -1.0 if below else 1.0
    near = np.stack([inner * np.sin(angles), -flip * inner * np.cos(angles)], axis=1)
    far = np.stack([outer * np.sin(angles), -flip * outer * np.cos(angles)], axis=1)
    top, bottom = (near, far) if below else (far, near)
    return np.concatenate([top, bottom[::-1]])


def _lay(canvas: Mask, ink: Mask, x: int, y: int) -> None:
    """Lay ink onto a canvas, which must hold it wherever it is visible."""
    rows, columns = canvas.shape
    y0, x0, y1, x1 = max(y, 0), max(x, 0), min(y + ink.shape[0], rows), min(x + ink.shape[1], columns)
    if y0 < y1 and x0 < x1:
        part = canvas[y0:y1, x0:x1]
        np.maximum(part, ink[y0 - y : y1 - y, x0 - x : x1 - x], out=part)


def _stretch(mask: Mask, width: float, slant: float) -> Mask:
    rows, columns = mask.shape
    wide = math.ceil(columns * width + abs(slant) * rows) + 1
    shift = slant * rows if slant > 0 else 0.0
    x, y = np.arange(wide, dtype=np.float32)[None, :], np.arange(rows, dtype=np.float32)[:, None]
    back = ((x - np.float32(shift) + np.float32(slant) * y) / np.float32(width)).astype(np.float32)
    return look_up(mask, back, np.broadcast_to(y, back.shape).copy())


def _crop(mask: Mask) -> Written:
    seen = mask >= VISIBLE
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    return Written(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], int(rows[0]))
