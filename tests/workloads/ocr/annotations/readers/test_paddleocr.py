"""PaddleOCR's label file."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from workbench.workloads.ocr.annotations.formats import FORMATS
from workbench.workloads.ocr.annotations.reading import Note
from workbench.workloads.ocr.pages.survey import survey

QUAD = [[10, 10], [50, 10], [50, 30], [10, 30]]


def line(path: str, *words: dict[str, object]) -> str:
    return f"{path}\t{json.dumps(words, ensure_ascii=False)}\n"


@pytest.mark.parametrize(
    ("word", "text", "ignore"),
    [
        pytest.param({"transcription": "MASA", "points": QUAD}, "MASA", False, id="text"),
        pytest.param({"transcription": "###", "points": QUAD}, "###", True, id="###"),
        pytest.param({"transcription": "*", "points": QUAD}, "*", True, id="star"),
        pytest.param({"transcription": "**", "points": QUAD}, "**", False, id="two stars"),
        pytest.param({"transcription": "A", "points": QUAD, "difficult": True}, "A", False, id="difficult is not read"),
        pytest.param({"transcription": "A", "points": QUAD, "key_cls": "total"}, "A", False, id="a class"),
        pytest.param({"points": QUAD}, "", False, id="no text"),
        pytest.param({"transcription": "a\tb\u2028c", "points": QUAD}, "a\tb\u2028c", False, id="tab in the text"),
    ],
)
def test_words(read_page, word, text, ignore):
    page = read_page("paddleocr", "Label.txt", line("img/a.jpg", word))
    assert page.image == "img/a.jpg"
    assert page.where.endswith("Label.txt, line 1 ('img/a.jpg')")
    assert [(word.text, word.ignore) for word in page.words] == [(text, ignore)]


def test_points_padded_by_their_last_and_duplicate_boxes_are_kept(read_page):
    padded = [*QUAD, QUAD[-1], QUAD[-1]]
    page = read_page("paddleocr", "a.txt", line("a.jpg", {"points": padded}, {"points": QUAD}, {"points": QUAD}))
    assert [len(word.polygon) for word in page.words] == [6, 4, 4]


def test_label_files_of_several_folders_and_unconfirmed_ones_are_said(write):
    files = [write(f"{folder}/Label.txt", line("a.jpg", {"points": QUAD})) for folder in "ab"]
    cache = write("Cache.cach", line("a.jpg", {"points": QUAD}))
    notes = [
        [item.text for item in FORMATS["paddleocr"].read(paths) if isinstance(item, Note)]
        for paths in (files, files[:1], [cache])
    ]
    assert notes == [
        [f"the label files of 2 folders are one set ({files[0]}, ...)"],
        [],
        ["words that PPOCRLabel has found and nobody has confirmed (Cache.cach)"],
    ]


def test_images_of_the_same_name_in_several_folders(tmp_path, write):
    for folder in ("day 1", "day 2"):
        write(f"{folder}/Label.txt", line(f"{folder}/a.jpg", {"points": QUAD}))
        Image.new("L", (60, 40)).save(tmp_path / folder / "a.jpg")
    pages, counts = survey(tmp_path)
    assert [page.name for page in pages] == ["day 1/a.jpg", "day 2/a.jpg"]
    assert "the label files of 2 folders are one set" in counts.notes[0]


def test_a_page_without_words_is_kept(read_page):
    assert read_page("paddleocr", "a.txt", "a.jpg\t[]").words == []


@pytest.mark.parametrize(
    "path", ["/home/me/train_data/wire_48.jpg", "D:\\paddle\\data\\1717500390_4_75.png", "Screenshot - Copy (2).png"]
)
def test_paths_are_kept_as_they_are(read_page, path):
    assert read_page("paddleocr", "a.txt", line(path, {"points": QUAD})).image == path


def test_every_line_that_is_none_is_named(write, read):
    lines = [
        line("a.jpg", {"points": QUAD}),
        'b.jpg [{"points": []}]\n',
        'c.jpg\t[{"points": \n',
        'd.jpg\t{"points": []}\n',
        'e.jpg\t[7, {"points": [[1, 1], [5, 1], [5, 5]]}]',
    ]
    path = write("Label.txt", "".join(lines))
    pages, problems = read("paddleocr", path)
    assert [(page.image, len(page.words)) for page in pages] == [("a.jpg", 1), ("d.jpg", 0), ("e.jpg", 1)]
    assert [str(problem) for problem in problems] == [
        f"{path}, line 2: there is no tab between the image and its words. "
        "Write the path of the image, a tab, and the words as JSON",
        f"{path}, line 3: its words are not JSON (it breaks off: expecting value, column 19). Write it again, in full",
        f"{path}, line 4, words: is no list",
        f"{path}, line 5, words[0]: is no object",
    ]
