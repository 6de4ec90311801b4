"""ICDAR2015 and its kin."""

from __future__ import annotations

import pytest

BOX = "10,10,50,10,50,30,10,30"


@pytest.mark.parametrize(
    ("ending", "text", "ignore"),
    [
        pytest.param(",Genaxis Theatre", "Genaxis Theatre", False, id="text"),
        pytest.param(",###", "###", True, id="don't care"),
        pytest.param(",#DONT", "#DONT", False, id="a real word with #"),
        pytest.param(",#B2-02/03", "#B2-02/03", False, id="a number with #"),
        pytest.param(",$100,000", "$100,000", False, id="comma in the text"),
        pytest.param(",STRAPS,", "STRAPS,", False, id="comma at the end"),
        pytest.param(',"say \\"hi\\" \\\\ bye"', 'say "hi" \\ bye', False, id="quoted"),
        pytest.param(',"###"', "###", True, id="quoted don't care"),
        pytest.param(",12,34", "12,34", False, id="numbers with a comma"),
        pytest.param(",", "", False, id="empty text"),
        pytest.param("", "", False, id="no text at all"),
    ],
)
def test_text_is_all_after_the_eighth_comma(read_page, ending, text, ignore):
    (word,) = read_page("icdar2015", "gt_img_1.txt", BOX + ending).words
    assert word.polygon.tolist() == [[10, 10], [50, 10], [50, 30], [10, 30]]
    assert (word.text, word.ignore) == (text, ignore)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xef\xbb\xbf10,10,50,10,50,30,10,30,A\n10,10,50,10,50,30,10,30,###\n", id="byte order mark, LF"),
        pytest.param(b"10,10,50,10,50,30,10,30,A\r\n10,10,50,10,50,30,10,30,###\r\n", id="CRLF"),
        pytest.param(b" 10, 10 ,50, 10,50,30, 10,30,A\n10,10,50,10,50,30,10,30,###", id="blanks around commas"),
        pytest.param(b"10.0,10.,50,10,50,30,10,30.00,A\n\n10,10,50,10,50,30,10,30,###", id="floats and a blank line"),
    ],
)
def test_quirks_of_real_files(read_page, content):
    page = read_page("icdar2015", "gt_img_1.txt", content)
    assert [(word.text, word.ignore) for word in page.words] == [("A", False), ("###", True)]
    assert {tuple(word.polygon.ravel().tolist()) for word in page.words} == {(10, 10, 50, 10, 50, 30, 10, 30)}


def test_negative_and_counter_clockwise_quads_are_kept(read_page):
    (word,) = read_page("icdar2015", "gt_img_1.txt", "-3,30,50,30,50,-10,-3,-10,A").words
    assert word.polygon.tolist() == [[-3, 30], [50, 30], [50, -10], [-3, -10]]


def test_nan_is_dropped(read_page):
    assert read_page("icdar2015", "a.txt", f"nan,10,50,10,50,30,10,30,A\n{BOX},B").dropped == {
        "points that are not finite": 1
    }


def test_an_empty_file_is_a_page_without_words(read_page):
    page = read_page("icdar2015", "gt_img_9.txt", b"\xef\xbb\xbf\r\n")
    assert (page.image, page.words) == ("gt_img_9", [])


@pytest.mark.parametrize(
    ("lines", "texts"),
    [
        pytest.param(
            [f"{BOX},Latin,Caf\u00e9", f"{BOX},Korean,a, b", f"{BOX},None,###"],
            [("Caf\u00e9", False), ("a, b", False), ("###", True)],
            id="MLT",
        ),
        pytest.param(
            [f'{BOX},0,"A"', f'{BOX},1,"B"', f'{BOX},0,"###"'],
            [("A", False), ("B", True), ("###", True)],
            id="RCTW",
        ),
        pytest.param(
            [f"{BOX},####TEXT", f"{BOX},#######", f"{BOX},####a, b"],
            [("TEXT", False), ("###", True), ("a, b", False)],
            id="VinText",
        ),
        pytest.param(
            [f"{BOX},NO.53 55,57 & 59, JALAN SAGU 18,", f"{BOX},Latin,Quarter"],
            [("NO.53 55,57 & 59, JALAN SAGU 18,", False), ("Latin,Quarter", False)],
            id="SROIE",
        ),
    ],
)
def test_kin_is_known_by_the_whole_file_set(write, read, lines, texts):
    paths = [write(f"{number}.csv", line) for number, line in enumerate(lines)]
    pages, problems = read("icdar2015", *paths)
    assert problems == []
    assert [(word.text, word.ignore) for page in pages for word in page.words] == texts


def test_every_line_that_is_none_is_named(write, read):
    bad = write("gt_img_1.txt", f"{BOX},A\n10,10,50\n{BOX},B\nhello\n")
    not_text = write("gt_img_2.txt", bytes(range(128, 256)))
    pages, problems = read("icdar2015", bad, not_text)
    assert [[word.text for word in page.words] for page in pages] == [["A", "B"]]
    assert [str(problem) for problem in problems] == [
        f"{bad}, line 2: is not 'x1,y1,x2,y2,x3,y3,x4,y4,TEXT'",
        f"{bad}, line 4: is not 'x1,y1,x2,y2,x3,y3,x4,y4,TEXT'",
        f"{not_text}, line 1: is not UTF-8, nor of an encoding that is easily told. Save it as UTF-8",
    ]
