"""MMOCR 1.x."""

from __future__ import annotations

QUAD = [261, 138, 284, 140, 279, 158, 260, 158]
META = {"dataset_type": "TextDetDataset", "task_name": "textdet"}


def content(*entries: object) -> dict[str, object]:
    return {"metainfo": META, "data_list": list(entries)}


def test_an_entry(read_page):
    word = {"polygon": QUAD, "bbox": [260.0, 138.0, 284.0, 158.0], "bbox_label": 0, "ignore": True}
    entry = {"img_path": "imgs/test/img_10.jpg", "height": 720, "width": 1280, "instances": [word]}
    page = read_page("mmocr", "textdet_test.json", content(entry))
    assert (page.image, page.width, page.height) == ("imgs/test/img_10.jpg", 1280, 720)
    assert page.words[0].polygon.ravel().tolist() == QUAD
    assert page.words[0].ignore


def test_a_box_alone_has_two_corners_not_a_size(read_page):
    (word,) = read_page("mmocr", "a.json", content({"img_path": "a.jpg", "instances": [{"bbox": [5, 6, 9, 8]}]})).words
    assert word.polygon.tolist() == [[5, 6], [9, 6], [9, 8], [5, 8]]
    assert not word.ignore


def test_a_page_without_words(read_page):
    assert read_page("mmocr", "a.json", content({"img_path": "a.jpg", "instances": []})).words == []


def test_all_that_is_wrong_is_named(write, read):
    path = write("a.json", content(7, {"instances": []}, {"img_path": "c.jpg", "instances": ["x", {"polygon": QUAD}]}))
    other = write("b.json", {"data_list": []})
    pages, problems = read("mmocr", path, other)
    assert [(page.image, len(page.words)) for page in pages] == [("c.jpg", 1)]
    assert [str(problem) for problem in problems] == [
        f"{path}, data_list[0]: there is no 'img_path'",
        f"{path}, data_list[1]: there is no 'img_path'",
        f"{path}, data_list[2].instances[0]: is no object",
        f"{other}: there is no 'metainfo' or no list 'data_list'",
    ]
