"""ICDAR2013: corners and a quoted text."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("line", "corners", "text", "ignore"),
    [
        pytest.param('158 128 411 181 "Footpath"', (158, 128, 411, 181), "Footpath", False, id="train: blanks"),
        pytest.param('38, 43, 920, 215, "Tiredness"', (38, 43, 920, 215), "Tiredness", False, id="test: commas"),
        pytest.param('38,43,920,215,"###"', (38, 43, 920, 215), "###", True, id="don't care of a copy"),
        pytest.param('38, 43, 920, 215, "a, "b" 7"', (38, 43, 920, 215), 'a, "b" 7', False, id="quotes inside"),
        pytest.param('-2 0 411 181 ""', (-2, 0, 411, 181), "", False, id="negative, empty text"),
    ],
)
def test_lines(read_page, line, corners, text, ignore):
    (word,) = read_page("icdar2013", "gt_img_1.txt", line + "\r\n").words
    left, top, right, bottom = corners
    assert word.polygon.tolist() == [[left, top], [right, top], [right, bottom], [left, bottom]]
    assert (word.text, word.ignore) == (text, ignore)


def test_every_line_that_is_none_is_named(write, read):
    path = write("gt_img_1.txt", '1 2 3 "A"\n158 128 411 181 "B"\n158 128 411 181 C\n')
    pages, problems = read("icdar2013", path)
    assert [word.text for word in pages[0].words] == ["B"]
    assert [problem.where for problem in problems] == [f"{path}, line 1", f"{path}, line 3"]


def test_a_box_without_area_is_dropped(read_page):
    assert read_page("icdar2013", "a.txt", '5 5 5 9 "A"').dropped == {"fewer than 3 points": 1}
