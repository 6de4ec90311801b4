"""A sign: a board with a few large words."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from workbench.workloads.ocr.synthetic import lexicon
from workbench.workloads.ocr.synthetic.sheet import Colour, Sheet, TextStyle, line_width

#: Board and ink, as streets and shops have them.
_COLOURS: tuple[tuple[Colour, Colour], ...] = (
    ((20, 74, 150), (244, 246, 248)), ((14, 104, 66), (246, 248, 240)), ((176, 28, 34), (250, 246, 240)),
    ((244, 196, 28), (26, 26, 28)), ((238, 238, 232), (28, 32, 44)), ((36, 38, 44), (240, 226, 186)),
    ((232, 224, 206), (120, 40, 30)), ((92, 58, 36), (246, 226, 184)),
)  # fmt: skip
_SMALLEST, _LARGEST = 26, 150
_TINY = TextStyle(9)
#: Height of a line of text, as a multiple of its size.
_LINE = 1.3


def draw_sign(rng: np.random.Generator, width: int, height: int) -> Sheet:
    """One sign, `width` pixels wide and at most `height` high."""
    board, ink = _COLOURS[int(rng.integers(len(_COLOURS)))]
    texts = lexicon.SIGNS[int(rng.integers(len(lexicon.SIGNS)))]
    margin = max(24, width // 14)
    style = TextStyle(100, bold=int(rng.integers(0, 4)), width=float(rng.uniform(0.8, 1.1)))
    styles = [_fit(text, style, width - 2 * margin, rng) for text in texts]
    while sum(_line_height(style) for style in styles) > height - 48:
        styles = [replace(style, size=max(_SMALLEST, round(style.size * 0.9))) for style in styles]
    text_height = sum(_line_height(style) for style in styles)
    height = min(height, text_height + int(rng.integers(48, 130)))
    paper = np.full((height, width, 3), board, np.uint8)
    cv2.rectangle(paper, (8, 8), (width - 9, height - 9), ink, int(rng.integers(1, 6)))
    sheet = Sheet(paper)
    top, is_centred = (height - text_height) // 2, rng.random() < 0.6
    for text, style in zip(texts, styles, strict=True):
        sheet.print_line(text, margin, top, style, ink, right=width - margin if is_centred else None)
        top += _line_height(style)
    if rng.random() < 0.15:  # who made the board, too small to read
        sheet.print_line("Ref. 20481 municipal signs dept.", margin, height - 24, _TINY, ink, ignore=True)
    return sheet


def _fit(text: str, style: TextStyle, width: int, rng: np.random.Generator) -> TextStyle:
    """The style in a size at which the text takes up most of a width."""
    size = int(style.size * width * rng.uniform(0.72, 1.0) / line_width(text, style))
    fitted = replace(style, size=min(max(size, _SMALLEST), _LARGEST))
    while line_width(text, fitted) > width:
        fitted = replace(fitted, size=fitted.size - 1)
    # A stroke is made bolder by a share of the letter's size, not by a number of pixels.
    return replace(fitted, bold=min(fitted.bold, fitted.size // 26))


def _line_height(style: TextStyle) -> int:
    return round(style.size * _LINE)
