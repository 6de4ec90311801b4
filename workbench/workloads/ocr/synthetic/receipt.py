"""A receipt: a shop's name, an address, goods with prices, a total, and small print that nobody can read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from workbench.workloads.ocr.synthetic import lexicon
from workbench.workloads.ocr.synthetic.lettering import Hand
from workbench.workloads.ocr.synthetic.sheet import Colour, Sheet, line_width, word_gap

_SMUDGED_SHARE = 0.02
_MARGIN = 26
#: Small print: the letters are some six pixels high, and so not asked for.
_FINE_PRINT = 9


def draw_receipt(rng: np.random.Generator, width: int, height: int) -> Sheet:
    """One receipt whose printed area is `width` x about `height` pixels; its paper may run on above and below."""
    return _Till(rng, width, height).sheet


class _Till:
    """Prints one receipt from top to bottom."""

    def __init__(self, rng: np.random.Generator, width: int, height: int) -> None:
        self.rng = rng
        self.body = self._choose_hand(width)
        tone = int(rng.integers(18, 80))
        self.ink: Colour = (tone, tone, tone + int(rng.integers(0, 30)))
        self.faint = float(rng.uniform(0.78, 1.0))
        head, foot = (int(value) for value in rng.integers(0, 90, 2))
        self.sheet = _blank(rng, width, head + height + foot, (0, head, width, head + height))
        self.left, self.right = _MARGIN, width - _MARGIN
        self.line, self.end = head + _MARGIN, head + height - _MARGIN
        self.print_all()

    def print_all(self) -> None:
        """Everything on the receipt, as far as there is room."""
        rng, size = self.rng, self.body.size
        title = Hand(round(size * rng.uniform(1.25, 1.6)), bold=1, width=float(rng.uniform(0.85, 1.0)))
        self.centred(lexicon.pick(rng, lexicon.SHOPS), title)
        self.centred(f"{rng.integers(10, 200)} {lexicon.pick(rng, lexicon.STREETS)}", self.body)
        if rng.random() < 0.6:
            self.centred(f"Tel {lexicon.digits(rng, 4)} {lexicon.digits(rng, 6)}", self.body)
        day = f"{rng.integers(1, 29):02d}/{rng.integers(1, 13):02d}/20{rng.integers(12, 25)}"
        self.pair(day, f"{rng.integers(7, 22):02d}:{rng.integers(60):02d}")
        self.rule()
        # Below the goods: the sum, how it was paid, a greeting, the small print or a bar code.
        below = round(size * 7.0)
        total = 0.0
        while self.line < self.end - below - size * 1.5:
            price = lexicon.amount(rng)
            total += price
            count = f"{rng.integers(2, 7)}x " if rng.random() < 0.5 else ""
            self.pair(count + lexicon.pick(rng, lexicon.GOODS), f"{price:.2f}")
        self.rule()
        strong = Hand(round(size * 1.15), bold=1, width=self.body.width)
        self.pair("TOTAL", f"{total:.2f}", strong)
        self.pair(lexicon.pick(rng, ("CASH", "CARD", "VISA DEBIT", "GIFT CARD")), f"{total:.2f}")
        self.centred(lexicon.pick(rng, lexicon.CLOSINGS), self.body)
        if rng.random() < 0.35:
            small = Hand(_FINE_PRINT)
            text = lexicon.pick(rng, lexicon.FINE_PRINT)
            self.sheet.write_line(text, self.left, self.line, small, self.ink, right=self.right, ignore=True)
            self.line += 2 * _FINE_PRINT
        self.bar_code()

    def centred(self, text: str, hand: Hand) -> None:
        """A line in the middle."""
        while line_width(text, hand) > self.right - self.left:
            hand = replace(hand, size=hand.size - 2)
        self.sheet.write_line(text, self.left, self.line, hand, self.ink, right=self.right, faint=self.faint)
        self.advance(hand.size)

    def pair(self, text: str, figure: str, hand: Hand | None = None) -> None:
        """A line with something at its left, and a figure at its right end."""
        hand = hand or self.body
        start = self.right - line_width(figure, hand)
        self.words(figure, start, hand)
        while line_width(text, hand) > start - self.left - hand.size and " " in text:
            text = text.rsplit(" ", 1)[0]
        self.words(text, self.left, hand)
        self.advance(hand.size)

    def words(self, text: str, left: int, hand: Hand) -> None:
        """Words from a column on; now and then one is smudged."""
        for word in text.split():
            smudge = hand.size / 7 if self.rng.random() < _SMUDGED_SHARE else 0.0
            width = line_width(word, hand)
            self.sheet.write_word(word, left, self.line, hand, self.ink, faint=self.faint, smudge=smudge)
            left += width + word_gap(hand)

    def advance(self, size: int) -> None:
        """On to the next line."""
        self.line += round(size * 1.32)

    def rule(self) -> None:
        """A dashed line across."""
        y = self.line + 5
        for x in range(self.left, self.right - 8, 14):
            self.sheet.paper[y : y + 2, x : x + 8] = self.ink
        self.line += 16

    def bar_code(self) -> None:
        """A bar code, where there is room for one."""
        height = min(self.end - self.line - 6, 60)
        if height < 24:
            return
        widths = self.rng.integers(1, 5, 80)
        edges = np.cumsum(widths) + self.left + (self.right - self.left - int(widths.sum())) // 2
        for start, end in zip(edges[::2], edges[1::2], strict=False):
            self.sheet.paper[self.line + 6 : self.line + 6 + height, start:end] = self.ink

    def _choose_hand(self, width: int) -> Hand:
        """Two tills in three set all letters at one pitch."""
        size = int(self.rng.integers(27, 35) * (0.92 if width < 500 else 1.0))
        if self.rng.random() < 0.4:
            return Hand(size, bold=int(self.rng.random() < 0.4))
        return Hand(size, width=0.92, pitch=0.56)


def _blank(rng: np.random.Generator, width: int, height: int, area: tuple[int, int, int, int]) -> Sheet:
    """Paper, a little yellow or blue, with faint creases; torn off along a toothed edge."""
    tone = int(rng.integers(226, 250))
    paper = np.empty((height, width, 3), np.uint8)
    paper[:] = (tone, tone - int(rng.integers(0, 5)), tone - int(rng.integers(0, 16)))
    for _ in range(int(rng.integers(0, 4))):
        y, depth = int(rng.integers(height)), int(rng.integers(6, 18))
        paper[y : y + 2] -= depth
        paper[y + 2 : y + 14] -= depth // 3
    cover = np.full((height, width), 255, np.uint8)
    depth_of_tooth = np.abs(np.arange(width) % 12 - 6)
    teeth = np.arange(7)[:, None] < depth_of_tooth[None, :]
    cover[:7][teeth] = 0
    cover[-7:][::-1][teeth] = 0
    return Sheet(paper, cover, area)
