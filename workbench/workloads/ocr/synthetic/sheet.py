"""A flat sheet, of paper or of metal, and the words printed on it."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from workbench.workloads.ocr.pages.page import Word
from workbench.workloads.ocr.synthetic.lettering import Hand, Mask, write, write_arc

Colour = tuple[int, int, int]

#: An annotator's box stands off the ink by about this much, in pixels; it is also what a soft lens spreads the ink by.
MARGIN = 2.5


@dataclass(frozen=True)
class Print:
    """One word as it is printed.

    Attributes:
        mask: uint8 [h, w], 255 is full ink.
        left: The mask's first column on the sheet.
        top: The mask's first row.
        colour: RGB of the ink.
        word: The annotation: polygon in sheet pixels (the centre of the first pixel is at 0, 0), text, ignore.
    """

    mask: Mask
    left: int
    top: int
    colour: Colour
    word: Word


@dataclass
class Sheet:
    """A sheet before anybody has laid it down.

    Attributes:
        paper: uint8 [H, W, 3], RGB: the sheet without its words.
        cover: uint8 [H, W]: 255 where the sheet is, 0 beyond its edge.
        area: The part that has to be in the picture: left, top, right, bottom in sheet pixels.
        prints: The words.
    """

    paper: npt.NDArray[np.uint8]
    cover: Mask
    area: tuple[int, int, int, int]
    prints: list[Print] = field(default_factory=list)

    def write_word(
        self, text: str, left: int, line: int, hand: Hand, colour: Colour, *, faint: float = 1.0, smudge: float = 0.0,
        ignore: bool = False,
    ) -> int:  # fmt: skip
        """Print one word.

        Args:
            text: The word, without blanks.
            left: Column of its first ink.
            line: Row at which its line of text begins.
            hand: How it is written.
            colour: RGB of the ink.
            faint: Share of the ink that reaches the paper.
            smudge: Standard deviation, in pixels, of the blur that makes it illegible; 0 is sharp.
            ignore: Nobody can be asked to find it (too small to read). A smudged word is ignored as well.

        Returns:
            The column where its ink ends.
        """
        written = write(text, hand)
        top, mask = line + written.top, written.mask
        if smudge:
            reach = round(2 * smudge)
            mask = _blur(np.pad(mask, reach), smudge)
            left, top = left - reach, top - reach
        if faint < 1.0:
            mask = (mask * faint).astype(np.uint8)
        ignore = ignore or smudge > 0
        self._add(mask, left, top, colour, Word(_box(left, top, mask), "###" if ignore else text, ignore))
        return left + int(mask.shape[1])

    def write_line(
        self, text: str, left: int, line: int, hand: Hand, colour: Colour, *, right: int | None = None,
        faint: float = 1.0, ignore: bool = False,
    ) -> int:  # fmt: skip
        """Print a text from `left` on, or centred between `left` and `right`; gives where its ink ends."""
        words = text.split()
        blank = word_gap(hand)
        if right is not None:
            left += (right - left - line_width(text, hand)) // 2
        for word in words:
            left = self.write_word(word, left, line, hand, colour, faint=faint, ignore=ignore) + blank
        return left - blank

    def write_arc(
        self, text: str, centre: tuple[int, int], radius: float, hand: Hand, colour: Colour, *, below: bool = False
    ) -> None:
        """Print a word along a circle; its polygon follows the curve with 8 to 14 points."""
        mask, outline = write_arc(text, hand, radius, below=below)
        half = mask.shape[0] // 2
        word = Word((outline + centre).astype(np.float32), text)
        self._add(mask, centre[0] - half, centre[1] - half, colour, word)

    def printed(self) -> npt.NDArray[np.uint8]:
        """uint8 [H, W, 4]: the sheet with its words, RGB premultiplied by the cover, which is the fourth channel."""
        pixels = self.paper.copy()
        for one in self.prints:
            _press(pixels, one)
        pixels[self.cover == 0] = 0
        return np.asarray(cv2.merge([*cv2.split(pixels), self.cover]), np.uint8)

    def _add(self, mask: Mask, left: int, top: int, colour: Colour, word: Word) -> None:
        rows, columns = self.cover.shape
        corner = word.polygon.min(axis=0), word.polygon.max(axis=0)
        # A word that the sheet does not hold whole is not printed: its ink would end where its polygon does not.
        if (corner[0] >= 0).all() and (corner[1] <= (columns - 1, rows - 1)).all():
            self.prints.append(Print(mask, left, top, colour, word))


def line_width(text: str, hand: Hand) -> int:
    """Width in pixels of a text as `write_line` prints it."""
    words = text.split()
    return sum(write(word, hand).width for word in words) + word_gap(hand) * (len(words) - 1)


def word_gap(hand: Hand) -> int:
    """Pixels between the ink of one word and of the next."""
    return round((hand.pitch or 0.4) * hand.size) + hand.tracking


def _press(pixels: npt.NDArray[np.uint8], one: Print) -> None:
    """Mix a word's ink into the sheet; ink beyond the sheet is dropped."""
    rows, columns = pixels.shape[:2]
    y0, x0 = max(one.top, 0), max(one.left, 0)
    y1, x1 = min(one.top + one.mask.shape[0], rows), min(one.left + one.mask.shape[1], columns)
    part = pixels[y0:y1, x0:x1]
    ink = one.mask[y0 - one.top : y1 - one.top, x0 - one.left : x1 - one.left, None].astype(np.int32)
    # Whole numbers only: the same on every processor. 255 counts as 256, so that full ink covers.
    part[:] = part + (((np.array(one.colour, np.int32) - part) * (ink + (ink >> 7))) >> 8)


def _box(left: int, top: int, mask: Mask) -> npt.NDArray[np.float32]:
    rows, columns = mask.shape
    x0, y0, x1, y1 = left - MARGIN, top - MARGIN, left + columns - 1 + MARGIN, top + rows - 1 + MARGIN
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)


def _blur(mask: Mask, sigma: float) -> Mask:
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), sigma), np.uint8)
