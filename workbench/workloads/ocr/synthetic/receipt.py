"""A receipt: a shop's name, an address, goods with prices, a total, and small print that nobody can read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from workbench.workloads.ocr.synthetic import lexicon
from workbench.workloads.ocr.synthetic.sheet import Colour, Sheet, TextStyle, line_width

_SMUDGED_SHARE = 0.02
_MARGIN = 26
#: Small print: the letters are some six pixels high, and so not asked for.
_FINE_PRINT = TextStyle(9)


def draw_receipt(rng: np.random.Generator, width: int, height: int) -> Sheet:
    """One receipt of `width` x `height` pixels."""
    return _Receipt(rng, width, height).sheet


class _Receipt:
    """Prints one receipt from top to bottom."""

    def __init__(self, rng: np.random.Generator, width: int, height: int) -> None:
        tone = int(rng.integers(226, 250))
        paper = np.full((height, width, 3), (tone, tone - rng.integers(0, 5), tone - rng.integers(0, 16)), np.uint8)
        grey = int(rng.integers(18, 100))  # a till runs out of ink
        self.ink: Colour = (grey, grey, grey + int(rng.integers(0, 30)))
        self.rng = rng
        self.body = self._choose_style(width)
        self.sheet = Sheet(paper)
        self.left, self.right, self.line, self.end = _MARGIN, width - _MARGIN, _MARGIN, height - _MARGIN
        self.print_all()

    def print_all(self) -> None:
        """Everything on the receipt, as far as there is room."""
        rng, size = self.rng, self.body.size
        self.centred(
            lexicon.pick(rng, lexicon.SHOPS),
            TextStyle(round(size * rng.uniform(1.25, 1.6)), bold=1, width=float(rng.uniform(0.85, 1.0))),
        )
        self.centred(f"{rng.integers(10, 200)} {lexicon.pick(rng, lexicon.STREETS)}", self.body)
        if rng.random() < 0.6:
            self.centred(f"Tel {lexicon.digits(rng, 4)} {lexicon.digits(rng, 6)}", self.body)
        day = f"{rng.integers(1, 29):02d}/{rng.integers(1, 13):02d}/20{rng.integers(12, 25)}"
        self.pair(day, f"{rng.integers(7, 22):02d}:{rng.integers(60):02d}", self.body)
        self.rule()
        below = round(size * 7.0)  # the sum, how it was paid, a greeting, the small print
        total = 0.0
        while self.line < self.end - below - size * 1.5:
            price = lexicon.amount(rng)
            total += price
            count = f"{rng.integers(2, 7)}x " if rng.random() < 0.5 else ""
            self.pair(count + lexicon.pick(rng, lexicon.GOODS), f"{price:.2f}", self.body)
        self.rule()
        self.pair("TOTAL", f"{total:.2f}", TextStyle(round(size * 1.15), bold=1, width=self.body.width))
        self.pair(lexicon.pick(rng, ("CASH", "CARD", "VISA DEBIT", "GIFT CARD")), f"{total:.2f}", self.body)
        self.centred(lexicon.pick(rng, lexicon.CLOSINGS), self.body)
        if rng.random() < 0.35:
            text = lexicon.pick(rng, lexicon.FINE_PRINT)
            self.sheet.print_line(text, self.left, self.line, _FINE_PRINT, self.ink, right=self.right, ignore=True)

    def centred(self, text: str, style: TextStyle) -> None:
        """A line in the middle."""
        while line_width(text, style) > self.right - self.left:
            style = replace(style, size=style.size - 2)
        self.sheet.print_line(text, self.left, self.line, style, self.ink, right=self.right)
        self.advance(style.size)

    def pair(self, text: str, figure: str, style: TextStyle) -> None:
        """A line with something at its left, and a figure at its right end; now and then a word is smudged."""
        start = self.right - line_width(figure, style)
        while line_width(text, style) > start - self.left - style.size and " " in text:
            text = text.rsplit(" ", 1)[0]
        for words, left in ((figure, start), (text, self.left)):
            for word in words.split():
                smudge = style.size / 7 if self.rng.random() < _SMUDGED_SHARE else 0.0
                left = self.sheet.print_word(word, left, self.line, style, self.ink, smudge=smudge) + style.gap
        self.advance(style.size)

    def rule(self) -> None:
        """A dashed line across."""
        y = self.line + 5
        for x in range(self.left, self.right - 8, 14):
            self.sheet.paper[y : y + 2, x : x + 8] = self.ink
        self.line += 16

    def advance(self, size: int) -> None:
        """On to the next line."""
        self.line += round(size * 1.32)

    def _choose_style(self, width: int) -> TextStyle:
        """Two tills in three set all letters at one pitch."""
        size = int(self.rng.integers(27, 35) * (0.92 if width < 500 else 1.0))
        if self.rng.random() < 0.4:
            return TextStyle(size, bold=int(self.rng.random() < 0.4))
        return TextStyle(size, width=0.92, pitch=0.56)
