"""A flat sheet, of paper or of metal, and the words printed on it in the font that Pillow carries within itself."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from workbench.workloads.ocr.pages.words import Word

Pixels = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]

#: Ink fainter than this isn't seen on paper: no box needs to hold it.
VISIBLE = 24
#: An annotator's box stands off the ink by about this much, in pixels; it is also what a soft lens spreads the ink by.
MARGIN = 2.5


@dataclass(frozen=True)
class TextStyle:
    """How a text is set.

    Attributes:
        size: Size of the font in pixels.
        bold: Thickness added to every stroke, in pixels.
        width: Factor on the width of the letters: under 1 is condensed.
        pitch: Fixed advance from letter to letter, as a share of the size (till printers); 0 is proportional.
    """

    size: int
    bold: int = 0
    width: float = 1.0
    pitch: float = 0.0

    @property
    def gap(self) -> int:
        """Pixels between the ink of one word and of the next."""
        return round((self.pitch or 0.4) * self.size)


@lru_cache(maxsize=256)  # a layout measures a text before it prints it
def render(text: str, style: TextStyle) -> tuple[Pixels, int]:
    """One word's ink, uint8 [h, w] cropped to what is visible, 255 is full; and its first row in the line of text."""
    font = ImageFont.load_default(style.size)
    pitch = round(style.pitch * style.size)
    length = pitch * len(text) if pitch else math.ceil(font.getlength(text))
    canvas = Image.new("L", (length + 2 * style.size, 2 * style.size))
    draw = ImageDraw.Draw(canvas)
    # A fixed pitch centres each letter in its cell.
    cells = [((pitch - font.getlength(letter)) / 2 + n * pitch, letter) for n, letter in enumerate(text)]
    for x, part in cells if pitch else [(0.0, text)]:
        draw.text((style.size + round(x), 0), part, fill=255, font=font, stroke_width=style.bold)
    if style.width != 1.0:
        canvas = canvas.resize((round(canvas.width * style.width), canvas.height), Image.Resampling.BILINEAR)
    ink = np.asarray(canvas)
    seen = ink >= VISIBLE
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], int(rows[0])


def line_width(text: str, style: TextStyle) -> int:
    """Width in pixels of a text as `Sheet.print_line` prints it."""
    words = text.split()
    return sum(int(render(word, style)[0].shape[1]) for word in words) + style.gap * (len(words) - 1)


@dataclass(frozen=True)
class PrintedWord:
    """One word as it is printed.

    Attributes:
        ink: uint8 [h, w], 255 is full ink.
        left: The ink's first column on the sheet.
        top: Its first row.
        colour: RGB of the ink.
        word: The annotation: polygon in sheet pixels (the centre of the first pixel is at 0, 0), text, ignore.
    """

    ink: Pixels
    left: int
    top: int
    colour: Colour
    word: Word


@dataclass
class Sheet:
    """A sheet before anybody has laid it down.

    Attributes:
        paper: uint8 [H, W, 3], RGB: the sheet without its words.
        words: The words.
    """

    paper: Pixels
    words: list[PrintedWord] = field(default_factory=list)

    def print_word(
        self, text: str, left: int, line: int, style: TextStyle, colour: Colour, *, smudge: float = 0.0,
        ignore: bool = False,
    ) -> int:  # fmt: skip
        """Print one word. One that the sheet does not hold whole is left out.

        Args:
            text: The word, without blanks.
            left: Column of its first ink.
            line: Row at which its line of text begins.
            style: How it is set.
            colour: RGB of the ink.
            smudge: Standard deviation, in pixels, of the blur that makes it illegible; 0 is sharp.
            ignore: Nobody can be asked to find it (too small to read). A smudged word is ignored as well.

        Returns:
            The column where its ink ends.
        """
        ink, row = render(text, style)
        end, top = left + int(ink.shape[1]), line + row
        if smudge:
            reach = round(2 * smudge)
            ink = np.asarray(cv2.GaussianBlur(np.pad(ink, reach), (0, 0), smudge), np.uint8)
            left, top = left - reach, top - reach
        ignore = ignore or smudge > 0
        polygon = _box(left, top, ink)
        rows, columns = self.paper.shape[:2]
        if (polygon >= 0).all() and (polygon <= (columns - 1, rows - 1)).all():
            word = Word(polygon, "###" if ignore else text, ignore)
            self.words.append(PrintedWord(ink, left, top, colour, word))
        return end

    def print_line(
        self, text: str, left: int, line: int, style: TextStyle, colour: Colour, *, right: int | None = None,
        ignore: bool = False,
    ) -> None:  # fmt: skip
        """Print a text from `left` on, or centred between `left` and `right`."""
        if right is not None:
            left += (right - left - line_width(text, style)) // 2
        for word in text.split():
            left = self.print_word(word, left, line, style, colour, ignore=ignore) + style.gap

    def printed(self) -> Pixels:
        """uint8 [H, W, 3], RGB: the sheet with its words."""
        pixels = self.paper.copy()
        for word in self.words:
            part = pixels[word.top : word.top + word.ink.shape[0], word.left : word.left + word.ink.shape[1]]
            share = word.ink[:, :, None] / 255.0
            part[:] = np.round(part * (1 - share) + np.array(word.colour) * share)
        return pixels


def _box(left: int, top: int, ink: Pixels) -> npt.NDArray[np.float32]:
    rows, columns = ink.shape
    x0, y0, x1, y1 = left - MARGIN, top - MARGIN, left + columns - 1 + MARGIN, top + rows - 1 + MARGIN
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
