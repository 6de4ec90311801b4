"""FUNSD, an image a file, and XFUND, many."""

from __future__ import annotations

import pytest

from workbench.workloads.ocr.annotations.formats import FORMATS
from workbench.workloads.ocr.annotations.reading import Note

BOX = [10, 20, 30, 40]
CORNERS = [[10, 20], [30, 20], [30, 40], [10, 40]]


def entry(*texts, text="all of it", box=(0, 0, 99, 99)):
    words = [{"box": BOX, "text": text} for text in texts]
    return {"id": 0, "label": "question", "linking": [[0, 1]], "box": list(box), "text": text, "words": words}


def document(*entries, name="zh_val_0.jpg"):
    return {"id": "zh_val_0", "img": {"fname": name, "width": 200, "height": 100}, "document": list(entries)}


def test_words_are_read_and_empty_ones_are_dont_care(read_page):
    page = read_page("funsd", "0001118259.json", {"form": [entry("TO:", "", " "), entry("R&D")]})
    assert page.image == "0001118259"
    assert [(word.text, word.ignore) for word in page.words] == [
        ("TO:", False), ("", True), (" ", True), ("R&D", False)
    ]  # fmt: skip
    assert all(word.polygon.tolist() == CORNERS for word in page.words)


def test_an_entry_without_words_is_one(read_page):
    page = read_page("funsd", "a.json", {"form": [entry(box=BOX), {"box": BOX, "text": ""}]})
    assert [(word.text, word.ignore, word.polygon.tolist()) for word in page.words] == [
        ("all of it", False, CORNERS),
        ("", True, CORNERS),
    ]


@pytest.mark.parametrize("box", [[30, 40, 10, 20], [30, 20, 10, 40], [10.0, 40, 30, 20]])
def test_a_reversed_box_is_set_right(read_page, box):
    page = read_page("funsd", "a.json", {"form": [entry(box=box)]})
    assert page.words[0].polygon.tolist() == CORNERS


@pytest.mark.parametrize("box", [None, [], [1, 2, 3], [True, 2, 3, 4], ["a", "b", "c", "d"], {"x": 1}, "1 2 3 4"])
def test_boxes_that_are_none_are_dropped_and_counted(read_page, box):
    page = read_page("funsd", "a.json", {"form": [{"box": box, "text": "A"}, entry("B")]})
    assert [word.text for word in page.words] == ["B"]
    assert sum(page.dropped.values()) == 1


def test_xfund_names_its_images(read_page):
    page = read_page("xfund", "de.train.json", {"lang": "de", "documents": [document(entry("Name", "x"))]})
    assert (page.image, page.width, page.height) == ("zh_val_0.jpg", 200, 100)
    assert [word.text for word in page.words] == ["Name", "x"]


def test_where_words_are_characters_the_entries_are_taken(write, read_page):
    pages = {"documents": [document(entry("夏", "艳", "辰", "1996", text="夏艳辰1996", box=BOX))]}
    page = read_page("xfund", "zh.val.json", pages)
    assert [(word.text, word.polygon.tolist()) for word in page.words] == [("夏艳辰1996", CORNERS)]
    items = list(FORMATS["xfund"].read([write("zh.val.json", pages)]))
    assert [item.text for item in items if isinstance(item, Note)] == [
        "most words of zh.val.json are single characters: its entries are taken for words"
    ]


def test_all_that_is_wrong_is_named(write, read):
    path = write("a.json", {"form": [7, {**entry(), "words": [entry("A")["words"][0], 8]}]})
    (page,), problems = read("funsd", path)
    assert len(page.words) == 1
    assert [problem.where for problem in problems] == [f"{path}, form[0]", f"{path}, form[1].words[1]"]
    path = write("b.json", {"documents": [5, {"document": []}, document(6, entry("Name"))]})
    (page,), problems = read("xfund", path)
    assert len(page.words) == 1
    assert {problem.where for problem in problems} == {
        f"{path}, documents[0]", f"{path}, documents[1]", f"{path}, documents[2].document[0]"
    }  # fmt: skip
    for name, content in (("funsd", {"form": {}}), ("xfund", {"documents": {}})):
        _, (problem,) = read(name, write("c.json", content))
        assert "there is no list" in problem.what
