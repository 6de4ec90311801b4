"""Text as ink on a sheet, and the box around each word."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from workbench.workloads.ocr.synthetic.sheet import MARGIN, VISIBLE, Sheet, TextStyle, line_width, render


def blank_sheet(width: int, height: int) -> Sheet:
    return Sheet(np.full((height, width, 3), 200, np.uint8))


def width_of(text: str, style: TextStyle) -> int:
    return render(text, style)[0].shape[1]


def test_ink_is_cut_to_what_is_visible() -> None:
    ink, _ = render("Total", TextStyle(40))
    for edge in (ink[0], ink[-1], ink[:, 0], ink[:, -1]):
        assert edge.max() >= VISIBLE


def test_a_bold_letter_is_filled() -> None:
    thin, bold = (render("I", TextStyle(80, bold=bold))[0] for bold in (0, 3))
    assert bold.shape[1] == pytest.approx(thin.shape[1] + 6, abs=1)
    assert (bold[bold.shape[0] // 2, 3:-3] == 255).all()


def test_words_of_one_line_stand_on_one_base() -> None:
    (high, high_top), (low, low_top) = (render(text, TextStyle(40)) for text in ("TH", "xz"))
    assert low_top > high_top
    assert low_top + low.shape[0] == pytest.approx(high_top + high.shape[0], abs=1)


def test_width_and_pitch_change_the_width() -> None:
    style = TextStyle(40)
    assert width_of("WIDTH", replace(style, width=0.5)) == pytest.approx(width_of("WIDTH", style) / 2, abs=2)
    till = replace(style, pitch=0.6)
    assert width_of("MMMM", till) - width_of("MMM", till) == width_of("iiii", till) - width_of("iii", till) == 24


def test_a_box_surrounds_its_ink_closely() -> None:
    sheet = blank_sheet(300, 90)
    sheet.print_word("Honey", 30, 20, TextStyle(30), (0, 0, 0))
    (printed,) = sheet.words
    rows, columns = np.nonzero((sheet.paper != sheet.printed()).any(axis=2) & (sheet.printed()[:, :, 0] < 200 - 20))
    (left, top), (right, bottom) = printed.word.polygon.min(axis=0), printed.word.polygon.max(axis=0)
    assert columns.min() - left == pytest.approx(MARGIN, abs=1)
    assert right - columns.max() == pytest.approx(MARGIN, abs=1)
    assert rows.min() - top == pytest.approx(MARGIN, abs=1)
    assert bottom - rows.max() == pytest.approx(MARGIN, abs=1)


def test_a_centred_line_is_in_the_middle() -> None:
    sheet = blank_sheet(600, 80)
    sheet.print_line("Mill Lane", 0, 10, TextStyle(30), (0, 0, 0), right=600)
    start, end = sheet.words[0].left, sheet.words[1].left + sheet.words[1].ink.shape[1]
    assert end - start == line_width("Mill Lane", TextStyle(30))
    assert start == pytest.approx(600 - end, abs=1)
    assert [printed.word.text for printed in sheet.words] == ["Mill", "Lane"]


def test_what_the_sheet_cannot_hold_is_not_printed() -> None:
    sheet = blank_sheet(60, 40)
    sheet.print_word("Platform", 5, 2, TextStyle(30), (0, 0, 0))
    assert sheet.words == []
    assert (sheet.printed() == 200).all()


def test_full_ink_is_the_colour_and_no_ink_is_the_paper() -> None:
    sheet = blank_sheet(300, 120)
    sheet.print_word("I", 30, 10, TextStyle(80, bold=4), (10, 20, 30))
    (printed,) = sheet.words
    window = sheet.printed()[printed.top : printed.top + printed.ink.shape[0], printed.left :][
        :, : printed.ink.shape[1]
    ]
    assert (window[printed.ink == 255] == (10, 20, 30)).all()
    assert (window[printed.ink == 0] == 200).all()
    assert (sheet.paper == 200).all()


def test_a_smudged_word_is_ignored_and_soft() -> None:
    sheet = blank_sheet(300, 90)
    sheet.print_word("Honey", 30, 20, TextStyle(30), (0, 0, 0), smudge=5.0)
    (printed,) = sheet.words
    assert (printed.word.ignore, printed.word.text) == (True, "###")
    assert printed.ink.max() < 200
    assert max(printed.ink[0].max(), printed.ink[:, 0].max()) < 2 * VISIBLE
