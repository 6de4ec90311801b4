"""CORD: receipts with words, don't-care, and lines of dots."""

from __future__ import annotations

import pytest

from workbench.errors import BadInput
from workbench.workloads.ocr.annotations.formats import FORMATS
from workbench.workloads.ocr.annotations.reading import Note
from workbench.workloads.ocr.pages.survey import survey

QUAD = {"x1": 10, "y1": 12, "x2": 50, "y2": 10, "x3": 50, "y3": 30, "x4": -2, "y4": 32}
POINTS = [[10, 12], [50, 10], [50, 30], [-2, 32]]


def word(text="REAL", **more):
    return {"quad": QUAD, "text": text, "is_key": 0, "row_id": 1, **more}


def content(*words, **more):
    meta = {"image_size": {"width": 100, "height": 80}, "image_id": 7, "split": "dev"}
    return {"meta": meta, "valid_line": [{"words": list(words), "category": "menu.nm"}], "roi": {}, **more}


def test_words_are_read(read_page):
    page = read_page("cord", "receipt_00007.json", content(word(), word("16,500", is_key=1)))
    assert (page.image, page.width, page.height) == ("receipt_00007", 100, 80)
    assert [(word.text, word.ignore) for word in page.words] == [("REAL", False), ("16,500", False)]
    assert page.words[0].polygon.tolist() == POINTS


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize(("name", "is_said"), [("dontcare", False), ("repeating_symbol", True)])
def test_dont_care(write, read_page, name, is_said, grouped):
    regions = [word("..."), word("---")]
    pages = content(word(), **{name: [regions] if grouped else regions})
    page = read_page("cord", "a.json", pages)
    assert [(word.text, word.ignore) for word in page.words] == [("REAL", False), ("...", True), ("---", True)]
    said = [item.text for item in FORMATS["cord"].read([write("a.json", pages)]) if isinstance(item, Note)]
    assert said == (["lines of dots and dashes ('repeating_symbol') are don't-care"] if is_said else [])


def test_dont_care_may_be_corners_alone(read_page):
    page = read_page("cord", "a.json", content(word(), dontcare=[[QUAD, QUAD]]))
    assert [word.ignore for word in page.words] == [False, True, True]
    assert page.words[1].polygon.tolist() == POINTS


@pytest.mark.parametrize("quad", [None, {}, {"x1": 1}, {**QUAD, "y4": None}, {**QUAD, "x1": "a"}, [1, 2], 7])
def test_quads_that_are_none_are_dropped_and_counted(read_page, quad):
    page = read_page("cord", "a.json", content(word(quad=quad), word()))
    assert len(page.words) == 1
    assert sum(page.dropped.values()) == 1


def test_all_that_is_wrong_is_named(write, read):
    path = write("a.json", {"valid_line": [7, {"words": [word(), 8]}, {"words": 9}], "dontcare": [[5]], "meta": []})
    (page,), problems = read("cord", path)
    assert len(page.words) == 1
    assert {problem.where for problem in problems} == {
        f"{path}, valid_line[0]", f"{path}, valid_line[1].words[1]", f"{path}, valid_line[2].words",
        f"{path}, dontcare[0]",
    }  # fmt: skip
    _, (problem,) = read("cord", write("b.json", {"valid_line": {}}))
    assert "no list 'valid_line'" in problem.what


def test_rows_of_a_table_are_named(tmp_path, write):
    write("a.jpg", b"")
    write("train.json", [{"ground_truth": '{"valid_line": []}'}])
    with pytest.raises(BadInput, match="like CORD as the rows of a table: write each 'ground_truth' into a JSON file"):
        survey(tmp_path)
