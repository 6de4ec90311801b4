"""A sign: a board with a few large words, or a round badge with words along its rim."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from workbench.workloads.ocr.synthetic import lexicon
from workbench.workloads.ocr.synthetic.lettering import Hand
from workbench.workloads.ocr.synthetic.sheet import Colour, Sheet, line_width

#: Board and ink, as streets and shops have them.
_COLOURS: tuple[tuple[Colour, Colour], ...] = (
    ((20, 74, 150), (244, 246, 248)), ((14, 104, 66), (246, 248, 240)), ((176, 28, 34), (250, 246, 240)),
    ((244, 196, 28), (26, 26, 28)), ((238, 238, 232), (28, 32, 44)), ((36, 38, 44), (240, 226, 186)),
    ((232, 224, 206), (120, 40, 30)), ((92, 58, 36), (246, 226, 184)),
)  # fmt: skip
_SMALLEST = 26
_LARGEST = 150
_TINY = 9


def draw_sign(rng: np.random.Generator, width: int, height: int) -> Sheet:
    """One sign of at most `width` x `height` pixels."""
    if min(width, height) >= 320 and rng.random() < 0.4:
        return _draw_badge(rng, min(width, height))
    return _draw_board(rng, width, height)


def _draw_board(rng: np.random.Generator, width: int, height: int) -> Sheet:
    board, ink = _COLOURS[int(rng.integers(len(_COLOURS)))]
    texts = lexicon.SIGNS[int(rng.integers(len(lexicon.SIGNS)))]
    hand = Hand(100, bold=int(rng.integers(0, 4)), width=float(rng.uniform(0.8, 1.1)))
    slanted = replace(hand, slant=0.2) if rng.random() < 0.2 else hand
    inner = width - 2 * max(24, width // 14)
    hands = [_fit(text, slanted if number else hand, inner, rng) for number, text in enumerate(texts)]
    lines = [round(one.size * 1.3) for one in hands]
    while sum(lines) > height - 48:
        hands = [replace(one, size=max(_SMALLEST, round(one.size * 0.9))) for one in hands]
        lines = [round(one.size * 1.3) for one in hands]
    height = min(height, sum(lines) + int(rng.integers(48, 130)))
    sheet = _board(width, height, board, ink, corner=int(rng.integers(4, 36)), rim=int(rng.integers(0, 7)))
    margin = (width - inner) // 2
    top, centred = (height - sum(lines)) // 2, rng.random() < 0.6
    for text, one, line in zip(texts, hands, lines, strict=True):
        sheet.write_line(text, margin, top, one, ink, right=width - margin if centred else None)
        top += line
    if rng.random() < 0.15:  # who made the board, too small to read
        sheet.write_line("Ref. 20481 municipal signs dept.", margin, height - 24, Hand(_TINY), ink, ignore=True)
    return sheet


def _fit(text: str, hand: Hand, width: int, rng: np.random.Generator) -> Hand:
    """The hand in a size at which the text takes up most of a width."""
    share = rng.uniform(0.72, 1.0)
    size = int(hand.size * width * share / line_width(text, hand))
    fitted = replace(hand, size=min(max(size, _SMALLEST), _LARGEST))
    while line_width(text, fitted) > width:
        fitted = replace(fitted, size=fitted.size - 1)
    # A stroke is made bolder by a share of the letter's size, not by a number of pixels.
    return replace(fitted, bold=min(fitted.bold, fitted.size // 26))


def _draw_badge(rng: np.random.Generator, side: int) -> Sheet:
    board, ink = _COLOURS[int(rng.integers(len(_COLOURS)))]
    sheet = _board(side, side, board, ink, corner=side // 2, rim=int(rng.integers(3, 8)))
    middle = side // 2
    size = max(_SMALLEST, round(side * rng.uniform(0.1, 0.13)))
    rim = Hand(size, bold=1, tracking=round(size * 0.12))
    words = lexicon.pick(rng, lexicon.BADGE_RIMS).split()
    # Two words take the upper and the lower half of the rim.
    sheet.write_arc(words[0], (middle, middle), side / 2 - 1.55 * size, rim, ink)
    if len(words) > 1:
        sheet.write_arc(words[-1], (middle, middle), side / 2 - 0.8 * size, rim, ink, below=True)
    radius = round(side / 2 - 2.1 * size)
    cv2.circle(sheet.paper, (middle, middle), radius, ink, 3, cv2.LINE_AA)
    text = lexicon.pick(rng, lexicon.BADGE_HEARTS)
    heart = _fit(text, Hand(100, bold=2), round(radius * 1.5), rng)
    line = middle - round(heart.size * 0.62)
    sheet.write_line(text, middle - radius, line, heart, ink, right=middle + radius)
    return sheet


def _board(width: int, height: int, colour: Colour, ink: Colour, *, corner: int, rim: int) -> Sheet:
    """A board with rounded corners and, where `rim` isn't 0, a line along its edge."""
    paper = np.empty((height, width, 3), np.uint8)
    paper[:] = colour
    if rim:
        edge = _rounded(width, height, corner, inset=8) - _rounded(width, height, corner - 4, inset=8 + rim)
        paper[edge > 127] = ink
    return Sheet(paper, _rounded(width, height, corner, inset=0), (0, 0, width, height))


def _rounded(width: int, height: int, corner: int, *, inset: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """uint8 [height, width]: 255 within a rectangle with rounded corners."""
    mask = np.zeros((height, width), np.uint8)
    corner = min(max(corner - inset // 2, 0), (width - 1) // 2 - inset, (height - 1) // 2 - inset)
    left, top, right, bottom = inset, inset, width - 1 - inset, height - 1 - inset
    mask[top : bottom + 1, left + corner : right + 1 - corner] = 255
    mask[top + corner : bottom + 1 - corner, left : right + 1] = 255
    for x in (left + corner, right - corner):
        for y in (top + corner, bottom - corner):
            cv2.circle(mask, (x, y), corner, 255, -1)
    return mask
