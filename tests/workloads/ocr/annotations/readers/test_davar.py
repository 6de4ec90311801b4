"""DAVAR-Lab's data lists: an entry an image."""

from __future__ import annotations

import pytest

CORNERS = [[10, 20], [30, 20], [30, 40], [10, 40]]
FLAT = [value for point in CORNERS for value in point]


def content(**words):
    entry = {"height": 100, "width": 200, "content_ann": {"bboxes": [FLAT], "texts": ["A"], "cares": [1], **words}}
    return {"###": "a data list", "PMC1.jpg": entry}


@pytest.mark.parametrize("box", [FLAT, [10, 20, 30, 40], [30, 40, 10, 20]])
def test_words_are_read(read_page, box):
    page = read_page(
        "davar", "a.json", content(bboxes=[box, FLAT, [*FLAT, 5, 30]], texts=["A", ["B", "b"], None], cares=[1, 0, 1])
    )
    assert (page.image, page.width, page.height) == ("PMC1.jpg", 200, 100)
    assert [(word.text, word.ignore) for word in page.words] == [("A", False), ("B", True), ("", False)]
    assert page.words[0].polygon.tolist() == CORNERS
    assert len(page.words[2].polygon) == 5


@pytest.mark.parametrize("missing", ["texts", "cares"])
def test_texts_and_cares_may_be_missing(read_page, missing):
    pages = content()
    del pages["PMC1.jpg"]["content_ann"][missing]
    (word,) = read_page("davar", "a.json", pages).words
    assert (word.text, word.ignore) == ("" if missing == "texts" else "A", False)
    if missing == "cares":
        pages["PMC1.jpg"]["content_ann"]["texts"] = ["###"]
        assert read_page("davar", "a.json", pages).words[0].ignore


def test_all_that_is_wrong_is_named(write, read):
    entries = {"a": 7, "b": {"url": "b.json"}, "c": content(texts=["A", "B"])["PMC1.jpg"], **content(cares=0)}
    path = write("a.json", {**entries, "d": content(cares=3)["PMC1.jpg"]})
    pages, problems = read("davar", path)
    assert len(pages) == 1  # without cares
    assert [problem.what for problem in problems] == [
        "there is no 'content_ann' with a list 'bboxes'",
        "its annotations are in another file ('url')",
        "its 'texts' are not as many as its 1 'bboxes'",
        "its 'cares' are not as many as its 1 'bboxes'",
    ]
    _, (problem,) = read("davar", write("b.json", []))
    assert "is no object" in problem.what
