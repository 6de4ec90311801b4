"""Total-Text in its three forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.io import savemat

PAUL = "x: [[259 313 389 427 354 302]], y: [[542 462 417 459 507 582]], ornt: [u'c'], transcriptions: [u'PAUL']"


@pytest.mark.parametrize(
    ("record", "text", "ignore"),
    [
        pytest.param(PAUL, "PAUL", False, id="word"),
        pytest.param(PAUL.replace("u'c'", "u'#'").replace("PAUL", "#"), "#", True, id="don't care"),
        pytest.param(PAUL.replace("PAUL", "#"), "#", True, id="don't care by text"),
        pytest.param(PAUL.replace("u'c'", "u'#'"), "PAUL", True, id="don't care by orientation"),
        pytest.param(PAUL.replace("u'c'", "u','"), "PAUL", True, id="orientation is a comma"),
        pytest.param(PAUL.replace("u'PAUL'", ""), "#", True, id="no text"),
        pytest.param(PAUL.replace("PAUL", "na"), "na", False, id="na is a word"),
        pytest.param(PAUL.replace("u'PAUL'", "u'a', u'b'"), "a,b", False, id="several strings"),
        pytest.param(PAUL.replace("u'PAUL'", '"Paul\'s"'), "Paul's", False, id="quote in the text"),
        pytest.param(PAUL.replace("u'", "'"), "PAUL", False, id="without u"),
        pytest.param(PAUL.replace("389 427", "389\n 427").replace(", y", ",\n y"), "PAUL", False, id="over lines"),
    ],
)
def test_txt(read_page, record, text, ignore):
    (word,) = read_page("totaltext", "poly_gt_img1.txt", record + "\n").words
    assert word.polygon.tolist() == [[259, 542], [313, 462], [389, 417], [427, 459], [354, 507], [302, 582]]
    assert (word.text, word.ignore) == (text, ignore)


def test_txt_names_records_that_are_none(write, read):
    path = write("poly_gt_img1.txt", f"hello\n{PAUL}\nx: [[1 2 3]], y: 4\n{PAUL}")
    pages, problems = read("totaltext", path)
    assert len(pages[0].words) == 2
    assert [problem.where for problem in problems] == [f"{path}, line 1", f"{path}, line 3"]


def test_as_many_x_as_y_are_wanted(read_page):
    page = read_page("totaltext", "a.txt", PAUL.replace("259 313", "313") + "\n" + PAUL)
    assert (len(page.words), page.dropped) == (1, {"as many x as y are wanted": 1})


def table(*rows: tuple[object, ...]) -> np.ndarray:
    cells = np.empty((len(rows), 6), object)
    for number, (x, y, text, orientation) in enumerate(rows):
        cells[number] = ["x:", np.array(x, np.int16), "y:", np.array(y, np.int16), text, orientation]
    return cells


@pytest.mark.parametrize("name", ["polygt", "gt"])
@pytest.mark.parametrize("column", [False, True], ids=["rows", "columns of the T3 tool"])
def test_mat(tmp_path, read, name, column):
    x, y = np.array([[1, 9, 9, 1]]), np.array([[2, 2, 8, 8]])
    rows = [(x, y, "A", "c"), (x, y, "#", "#"), (x, y, "B", "#"), (x, y, "", "h")]
    rows = [(a.T, b.T, c, d) if column else (a, b, c, d) for a, b, c, d in rows]
    savemat(tmp_path / "poly_gt_img1.mat", {name: table(*rows)})
    (page,), problems = read("totaltext", tmp_path / "poly_gt_img1.mat")
    assert problems == []
    assert page.words[0].polygon.tolist() == [[1, 2], [9, 2], [9, 8], [1, 8]]
    assert [(word.text, word.ignore) for word in page.words] == [("A", False), ("#", True), ("B", True), ("#", True)]


def test_mat_files_that_are_none_are_named(tmp_path, write, read):
    savemat(tmp_path / "other.mat", {"wordBB": np.zeros((2, 4))})
    savemat(tmp_path / "flat.mat", {"gt": np.zeros((2, 4))})
    savemat(tmp_path / "narrow.mat", {"gt": np.array([["x:", [[1]], "y:", [[1]]]] * 2, dtype=object)})
    files = [
        tmp_path / "other.mat",
        tmp_path / "flat.mat",
        tmp_path / "narrow.mat",
        write("broken.mat", b"MATLAB 5.0" * 30),
        write("e.mat", b""),
    ]
    pages, problems = read("totaltext", *files)
    assert pages == []
    assert [problem.where for problem in problems] == [str(path) for path in files]
    assert "there is no table of cells polygt or gt" in problems[0].what == problems[1].what
    assert "shape (2, 4)" in problems[2].what


@pytest.mark.parametrize(
    ("line", "points", "text", "ignore"),
    [
        pytest.param("140,629,189,845,358,989,550,1009,206,633,PETROSAINS", 5, "PETROSAINS", False, id="five points"),
        pytest.param("599,419,638,422,637,441,596,437,1996", 4, "1996", False, id="the text is a number"),
        pytest.param("599,419,638,422,637,441,596,437,Breakfast,Lunch", 4, "Breakfast,Lunch", False, id="a comma"),
        pytest.param("599,419,638,422,637,441,596,437,12,Lunch", 4, "12,Lunch", False, id="a number and a comma"),
        pytest.param("599,-4,638,422,637,441,###", 3, "###", True, id="three points, don't care, negative"),
        pytest.param("599,419,638,422,637,441,596,437,#", 4, "#", False, id="# is no mark here"),
    ],
)
def test_flat(read_page, line, points, text, ignore):
    (word,) = read_page("totaltext", "gt_img1.txt", f"{line}\n").words
    assert len(word.polygon) == points
    assert (word.text, word.ignore) == (text, ignore)


def test_flat_drops_a_point_and_names_what_is_none(write, read):
    path = write("gt_img1.txt", "39,292,###\nhello,1,2,3\n1,1,5,1,5,5,A")
    (page,), problems = read("totaltext", path)
    assert (len(page.words), page.dropped) == (1, {"fewer than 3 points": 1})
    assert [str(problem) for problem in problems] == [f"{path}, line 2: is not 'x1,y1,...,xn,yn,TEXT'"]


def test_flat_without_any_text_keeps_its_last_point(write, read):
    paths = [write("a.txt", "1,1,5,1,5,5,3,7,1,5\n1,1,5,1,5,5"), write("b.txt", "1,1,5,1,5,5,1,5")]
    pages, _ = read("totaltext", *paths)
    assert [len(word.polygon) for page in pages for word in page.words] == [5, 3, 4]


def test_flat_with_the_mark_of_ctw1500(write, read):
    points = ",".join(str(number) for number in range(28))
    pages, _ = read("totaltext", write("a.txt", f"{points},####Latin 9"), write("b.txt", f"{points},#######"))
    assert [(len(page.words[0].polygon), page.words[0].text, page.words[0].ignore) for page in pages] == [
        (14, "Latin 9", False),
        (14, "###", True),
    ]


def test_flat_never_takes_the_last_field_for_a_coordinate(read_page):
    page = read_page("totaltext", "a.txt", "599,419,638,422,637,441,596,437,19,96\n1,1,5,1,5,5,A")
    assert [(len(word.polygon), word.text) for word in page.words] == [(4, "19,96"), (3, "A")]
