"""COCO-Text in both versions, and TextOCR."""

from __future__ import annotations

import pytest

from workbench.workloads.ocr.annotations.formats import FORMATS
from workbench.workloads.ocr.annotations.reading import Note

FLAT = [10, 10, 50, 10, 50, 30, 10, 30]
TEXTOCR = {"id": "a1_1", "image_id": "a1", "bbox": [10, 10, 40, 20], "points": FLAT, "utf8_string": "EXIT"}
SECOND = {"id": 7, "image_id": 5, "bbox": [10, 10, 40, 20], "mask": FLAT, "utf8_string": "the", "legibility": "legible"}
FIRST = {**SECOND, "polygon": FLAT}
del FIRST["mask"]


def content(*words, image=None, key="5"):
    image = {"id": 5, "file_name": "COCO_train2014_05.jpg", "width": 640, "height": 480} if image is None else image
    return {"imgs": {key: image}, "anns": {str(n): word for n, word in enumerate(words)}, "imgToAnns": {key: [0, 99]}}


@pytest.mark.parametrize("word", [SECOND, FIRST], ids=["version 2", "version 1"])
def test_coco_text(read_page, word):
    unread = {**word, "legibility": "illegible"}
    del unread["utf8_string"]
    page = read_page("coco_text", "cocotext.json", content(word, unread, {**word, "utf8_string": "."}))
    assert (page.image, page.width, page.height) == ("COCO_train2014_05.jpg", 640, 480)
    assert [(word.text, word.ignore) for word in page.words] == [("the", False), ("", True), (".", False)]
    assert page.words[0].polygon.ravel().tolist() == FLAT


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ({"file_name": "train/a1.jpg", "width": 9, "height": 9, "set": "train"}, "train/a1.jpg"),
        ({"filename": "test/a1.jpg"}, "test/a1.jpg"),
        ({}, "a1"),
    ],
)
def test_textocr(read_page, image, name):
    page = read_page("coco_text", "a.json", content(TEXTOCR, {**TEXTOCR, "utf8_string": "."}, image=image, key="a1"))
    assert page.image == name
    assert [(word.text, word.ignore) for word in page.words] == [("EXIT", False), (".", True)]


@pytest.mark.parametrize("box", [[10, 10, 40, 20], [50, 30, -40, -20]])
def test_the_box_stands_in_for_a_missing_outline(read_page, box):
    page = read_page("coco_text", "a.json", content({**SECOND, "mask": [], "bbox": box}))
    assert page.words[0].polygon.ravel().tolist() == FLAT


def test_words_without_an_outline_are_dropped_and_counted(read_page):
    bad = [{**SECOND, "mask": None, "bbox": box} for box in (None, [1, 2, 3], [True, 1, 2, 3], ["a", 1, 2, 3])]
    page = read_page("coco_text", "a.json", content(SECOND, *bad))
    assert len(page.words) == 1
    assert sum(page.dropped.values()) == 4


def test_several_sets_in_one_file_are_said(write):
    images = {str(n): {"file_name": f"{n}.jpg", "set": "val" if n == 2 else "train"} for n in range(3)}
    items = list(FORMATS["coco_text"].read([write("a.json", {"imgs": images, "anns": {}})]))
    assert [item.text for item in items if isinstance(item, Note)] == [
        "a.json has several sets (2 of train, 1 of val): all of them are read"
    ]
    assert len(items) == 4


def test_all_that_is_wrong_is_named(write, read):
    words = content(SECOND, 7, {**SECOND, "image_id": 99})
    path = write("a.json", {**words, "imgs": {**words["imgs"], "6": 8}})
    (page,), problems = read("coco_text", path)
    assert len(page.words) == 1
    assert [str(problem) for problem in problems] == [
        f"{path}, imgs['6']: is no object",
        f"{path}, anns['1']: is no object",
        f"{path}, anns['2']: its 'image_id' 99 names no image",
    ]
    _, (problem,) = read("coco_text", write("b.json", {"imgs": []}))
    assert "no object 'imgs'" in problem.what
