from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely

from workbench.workloads.ocr.synthetic.lettering import VISIBLE, Hand, write, write_arc
from workbench.workloads.ocr.synthetic.sheet import Sheet, line_width


def test_ink_is_cut_to_what_is_visible() -> None:
    mask = write("Total", Hand(40)).mask

    for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]):
        assert edge.max() >= VISIBLE


def test_a_bold_letter_is_filled() -> None:
    thin, bold = write("I", Hand(80)).mask, write("I", Hand(80, bold=3)).mask

    assert bold.shape[1] == thin.shape[1] + 6
    assert (bold[bold.shape[0] // 2, 2:-2] == 255).all()


def test_words_of_one_line_stand_on_one_base() -> None:
    hand = Hand(40)
    high, low = write("TH", hand), write("xz", hand)

    assert low.top > high.top
    assert low.top + low.mask.shape[0] == pytest.approx(high.top + high.mask.shape[0], abs=1)


def test_width_pitch_tracking_and_slant_change_the_width() -> None:
    hand = Hand(40)
    plain = write("WIDTH", hand).width

    assert write("WIDTH", replace(hand, width=0.5)).width == pytest.approx(plain / 2, abs=2)
    assert write("WIDTH", replace(hand, tracking=10)).width == plain + 40
    assert write("HIH", replace(hand, slant=0.25)).width == pytest.approx(write("HIH", hand).width + 7, abs=1)
    till = replace(hand, pitch=0.6)
    assert write("MMMM", till).width - write("MMM", till).width == write("iiii", till).width - write("iii", till).width


@pytest.mark.parametrize("below", [False, True])
@pytest.mark.parametrize(("text", "radius"), [("OLD", 90.0), ("BREWERY", 110.0), ("HANDMADE", 160.0)])
def test_an_arc_outline_surrounds_the_ink(text: str, radius: float, *, below: bool) -> None:
    mask, outline = write_arc(text, Hand(34, bold=1, tracking=3), radius, below=below)
    half = mask.shape[0] // 2
    rows, columns = np.nonzero(mask >= VISIBLE)

    assert 8 <= len(outline) <= 14
    assert shapely.contains_xy(shapely.Polygon(outline), columns - half, rows - half).all()
    assert not shapely.contains_xy(shapely.Polygon(outline + np.array([9, 0])), columns - half, rows - half).all()
    assert (rows.mean() > half) == below
    x, y = outline.T
    assert np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) > 0  # clockwise on the screen
    assert outline[0, 0] < 0 < outline[len(outline) // 2 - 1, 0]  # it begins at the text's left


def blank_sheet(width: int, height: int) -> Sheet:
    paper = np.full((height, width, 3), 200, np.uint8)
    return Sheet(paper, np.full((height, width), 255, np.uint8), (0, 0, width, height))


def test_a_centred_line_is_in_the_middle() -> None:
    sheet = blank_sheet(600, 80)
    hand = Hand(30)
    end = sheet.write_line("Mill Lane", 0, 10, hand, (0, 0, 0), right=600)

    start = sheet.prints[0].left
    assert end - start == line_width("Mill Lane", hand)
    assert start == pytest.approx(600 - end, abs=1)
    assert [one.word.text for one in sheet.prints] == ["Mill", "Lane"]


def test_what_the_sheet_cannot_hold_is_not_printed() -> None:
    sheet = blank_sheet(60, 40)
    sheet.write_word("Platform", 5, 2, Hand(30), (0, 0, 0))

    assert sheet.prints == []
    assert (sheet.printed()[:, :, :3] == 200).all()


def test_a_smudged_word_is_ignored_and_soft() -> None:
    sheet = blank_sheet(300, 90)
    sheet.write_word("Honey", 30, 20, Hand(30), (0, 0, 0), smudge=5.0)

    one = sheet.prints[0]
    assert (one.word.ignore, one.word.text) == (True, "###")
    assert one.mask.max() < 200
    assert max(one.mask[0].max(), one.mask[:, 0].max()) < 2 * VISIBLE
