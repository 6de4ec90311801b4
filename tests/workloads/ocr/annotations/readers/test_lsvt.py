"""LSVT and ArT: an entry an image."""

from __future__ import annotations

import pytest

from workbench.workloads.ocr.annotations.formats import FORMATS

QUAD = [[10, 10], [50, 10], [50, 30], [10, 30]]


def word(text="A", **more):
    return {"transcription": text, "points": QUAD, "language": "Latin", "illegibility": False, **more}


def test_words_are_read(read_page):
    curved = [[0, 0], [9, 1], [20, 0], [20, 9], [9, 10], [0, 9]]
    words = [word(), word("###"), word("B", illegibility=True), word("C", points=curved)]
    page = read_page("lsvt", "train_full_labels.json", {"gt_12": words})
    assert page.image == "gt_12"
    assert [(word.text, word.ignore) for word in page.words] == [
        ("A", False), ("###", True), ("B", True), ("C", False)
    ]  # fmt: skip
    assert page.words[3].polygon.tolist() == curved


@pytest.mark.parametrize(
    ("content", "is_known"),
    [
        ({"gt_0": [word()]}, True),
        ({"gt_0": [], "gt_1": [word()]}, True),
        ({"photo 1.JPG": [word()], "b.png": []}, True),
        ({"res_3": [word()]}, True),
        ({"gt_0": [{"text": "A"}]}, False),  # weak labels
        ({"gt_0": [word()], "info": {}}, False),
        ({"lines": [word()], "chars": [word()]}, False),  # ReCTS
        ({"gt_0": [7], "gt_1": 8}, False),
        ({}, False),
        ([word()], False),
    ],
)
def test_only_entries_named_like_images_are_it(content, is_known):
    assert FORMATS["lsvt"].is_json(content) is is_known


def test_all_that_is_wrong_is_named(write, read):
    path = write("a.json", {"gt_0": [7, word(), word(points=None)], "gt_1": {}, "gt_2": None})
    pages, problems = read("lsvt", path)
    assert [len(page.words) for page in pages] == [1, 0, 0]
    assert pages[0].dropped == {"fewer than 3 points": 1}
    assert [problem.where for problem in problems] == [f"{path}, entry 'gt_0'[0]", f"{path}, entry 'gt_1'"]
    _, (problem,) = read("lsvt", write("b.json", []))
    assert "is no object" in problem.what
