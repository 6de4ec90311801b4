"""A sign: a coloured board with a few large words, some of them along a curve."""

from __future__ import annotations

import numpy as np

from workbench.data.synthetic import lexicon
from workbench.data.synthetic.ink import Colour, Sheet, word_ink

_BOARDS: tuple[tuple[Colour, Colour], ...] = (
    ((18, 70, 140), (245, 245, 245)),
    ((20, 110, 60), (250, 250, 240)),
    ((170, 25, 30), (250, 245, 240)),
    ((240, 190, 30), (25, 25, 25)),
    ((235, 235, 230), (30, 40, 60)),
)
_WIDTH = 900
_HEIGHT = 560


def draw_sign(rng: np.random.Generator) -> Sheet:
    """One sign of 900x560 pixels."""
    board, ink = _BOARDS[int(rng.integers(len(_BOARDS)))]
    sheet = Sheet.blank(_WIDTH, _HEIGHT, board)
    sheet.pixels[12:18, 12:-12] = sheet.pixels[-18:-12, 12:-12] = ink
    top = 50
    if rng.random() < 0.7:
        size = int(rng.integers(56, 76))
        text = lexicon.pick(rng, lexicon.SHOPS)
        radius = max(300.0, word_ink(text, size).shape[1] / 1.8)
        sheet.write_arc(text, (_WIDTH / 2, radius + top + size / 2), radius, size, ink)
        top += int(size * 2.6)
    while top < _HEIGHT - 110:
        size = int(rng.integers(36, 84))
        left = int(rng.integers(50, 120))
        for _ in range(int(rng.integers(1, 4))):
            left = sheet.write(lexicon.pick(rng, lexicon.SIGNS), left, top, size, ink) + size // 2
        top += int(size * 1.5)
    sheet.write(f"{lexicon.number(rng, 2)} m", 60, _HEIGHT - 60, 26, ink)
    return sheet
