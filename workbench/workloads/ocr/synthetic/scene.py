"""What is in the picture: which page is a receipt and which a sign, and where the sheets lie."""

from __future__ import annotations

import numpy as np

from workbench.workloads.ocr.synthetic.camera import Scene, set_light
from workbench.workloads.ocr.synthetic.pose import Box, lay_down
from workbench.workloads.ocr.synthetic.receipt import draw_receipt
from workbench.workloads.ocr.synthetic.sheet import Sheet
from workbench.workloads.ocr.synthetic.sign import draw_sign
from workbench.workloads.ocr.synthetic.surface import table, wall

_RECEIPT_SHARE = 0.6


def compose(rng: np.random.Generator, width: int, height: int) -> Scene:
    """A scene for a picture of `width` x `height` pixels."""
    draw = _receipts if rng.random() < _RECEIPT_SHARE else _signs
    return draw(rng, width, height)


def _receipts(rng: np.random.Generator, width: int, height: int) -> Scene:
    backdrop = table(rng, width, height)
    placed = []
    count = 1 if width < height or rng.random() < 0.35 else 2
    for slot in _columns(rng, width, height, count):
        room = slot[2] - slot[0]
        wide = min(room - 40, int(rng.integers(540, 660)))
        sheet = draw_receipt(rng, wide, int((slot[3] - slot[1]) * rng.uniform(0.94, 1.0)))
        pose = lay_down(rng, width=wide, area=sheet.area, slot=slot, turn=5.0, tilt=0.06, bow=7.0)
        placed.append((sheet, pose))
    return Scene(backdrop, placed, set_light(rng, width, height))


def _signs(rng: np.random.Generator, width: int, height: int) -> Scene:
    backdrop = wall(rng, width, height)
    placed = []
    for slot in _grid(rng, width, height):
        sheet = _sign_for(rng, slot)
        pose = lay_down(rng, width=sheet.paper.shape[1], area=sheet.area, slot=slot, turn=6.0, tilt=0.12, bow=0.0)
        placed.append((sheet, pose))
    return Scene(backdrop, placed, set_light(rng, width, height))


def _sign_for(rng: np.random.Generator, slot: Box) -> Sheet:
    room = np.array([slot[2] - slot[0], slot[3] - slot[1]]) - 16
    wide, high = (room * rng.uniform(0.82, 1.0, 2)).astype(int)
    return draw_sign(rng, int(wide), int(high))


def _columns(rng: np.random.Generator, width: int, height: int, count: int) -> list[Box]:
    """The picture in columns; one alone takes up the middle, or a side."""
    if count == 1 and width > height:
        wide = int(rng.integers(660, 800))
        left = int(rng.integers(0, width - wide))
        return [(left, 4, left + wide, height - 4)]
    wide = width // count
    return [(wide * number + 4, 4, wide * (number + 1) - 4, height - 4) for number in range(count)]


def _grid(rng: np.random.Generator, width: int, height: int) -> list[Box]:
    """The picture in one, two, three or four parts, a sign in each."""
    across, down = ((1, 1), (2, 1), (1, 2), (2, 2))[int(rng.integers(4))]
    if width < height:
        across, down = down, across + 1
        across = 1
    cut_x = [8, *(int(width * k / across + rng.integers(-60, 61)) for k in range(1, across)), width - 8]
    cut_y = [8, *(int(height * k / down + rng.integers(-40, 41)) for k in range(1, down)), height - 8]
    return [
        (cut_x[column] + 8, cut_y[row] + 8, cut_x[column + 1] - 8, cut_y[row + 1] - 8)
        for row in range(down)
        for column in range(across)
    ]
