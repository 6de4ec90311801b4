"""A receipt: a shop's name, an address, rows of goods with prices, a total."""

from __future__ import annotations

import numpy as np

from workbench.data.synthetic import lexicon
from workbench.data.synthetic.ink import Sheet

_WIDTH = 520
_HEIGHT = 680
_MARGIN = 34
_BLURRED_SHARE = 0.04


def draw_receipt(rng: np.random.Generator) -> Sheet:
    """One receipt of 520x680 pixels."""
    shade = int(rng.integers(225, 252))
    sheet = Sheet.blank(_WIDTH, _HEIGHT, (shade, shade, shade - int(rng.integers(0, 12))))
    tone = int(rng.integers(15, 70))
    ink = (tone, tone, tone + 8)
    body = int(rng.integers(27, 34))
    top = _MARGIN

    def row(words: list[str], left: int, size: int) -> None:
        for word in words:
            blurred = rng.random() < _BLURRED_SHARE
            left = sheet.write(word, left, top, size, ink, blurred=blurred) + size // 2

    row([lexicon.pick(rng, lexicon.SHOPS), lexicon.pick(rng, lexicon.SHOPS)], _MARGIN, int(body * 1.4))
    top += int(body * 2.0)
    row([lexicon.number(rng, 2), lexicon.pick(rng, lexicon.STREETS), "Street"], _MARGIN + 40, body)
    top += int(body * 1.5)
    row(["Tel", lexicon.number(rng, 3), lexicon.number(rng, 6)], _MARGIN + 40, body - 3)
    top += int(body * 1.9)
    while top < _HEIGHT - body * 6:
        goods = [lexicon.pick(rng, lexicon.GOODS) for _ in range(int(rng.integers(1, 3)))]
        row(goods, _MARGIN, body)
        row([lexicon.price(rng)], _WIDTH - _MARGIN - body * 3, body)
        top += int(body * rng.uniform(1.35, 1.6))
    top += body // 2
    for closing in rng.permutation(np.array(lexicon.CLOSING))[:2]:
        row([str(closing)], _MARGIN, int(body * 1.2))
        row([lexicon.price(rng)], _WIDTH - _MARGIN - body * 4, int(body * 1.2))
        top += int(body * 1.7)
    row(["Thank", "you"], _MARGIN + 120, body)
    return sheet
