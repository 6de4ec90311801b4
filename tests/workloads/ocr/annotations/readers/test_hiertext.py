"""HierText: paragraphs, lines and words, each of which may be all that there is."""

from __future__ import annotations

import gzip
import json

import pytest

from workbench.workloads.ocr.annotations.formats import FORMATS
from workbench.workloads.ocr.annotations.guess_format import guess_format
from workbench.workloads.ocr.annotations.reading import Note

QUAD = [[10, 10], [50, 10], [50, 30], [10, 30]]


def part(text="A", **more):
    return {"vertices": QUAD, "text": text, "legible": True, **more}


def content(*paragraphs, **image):
    page = {"image_id": "0a1b", "image_width": 100, "image_height": 80, "paragraphs": list(paragraphs), **image}
    return {"info": {"version": "1"}, "annotations": [page]}


def paragraph(*lines, **more):
    return {"vertices": QUAD, "legible": True, "lines": list(lines), **more}


def notes(path):
    return [item.text for item in FORMATS["hiertext"].read([path]) if isinstance(item, Note)]


def test_words_are_read(read_page):
    curved = [[0, 0], [9, 1], [20, 0], [20, 9], [9, 10], [0, 9]]
    words = [part(), part("b c", vertices=curved), part("", legible=False)]
    page = read_page("hiertext", "a.jsonl", content(paragraph(part("A b c", words=words), legible=False)))
    assert (page.image, page.width, page.height) == ("0a1b", 100, 80)
    assert [(word.text, word.ignore) for word in page.words] == [("A", False), ("b c", False), ("", True)]
    assert page.words[1].polygon.tolist() == curved


def test_regions_that_nobody_could_read_are_dont_care(write, read_page):
    words = paragraph(part(words=[part()]))
    blind = {"vertices": QUAD}  # as the official files have them: neither legible nor lines
    page = read_page("hiertext", "a.json", content(words, blind, paragraph(part(legible=False))))
    assert [word.ignore for word in page.words] == [False, True, True]
    assert notes(write("a.json", content(words, blind))) == []
    assert notes(write("a.json", content(words, paragraph(part())))) == ["legible lines without words are don't-care"]


@pytest.mark.parametrize(
    ("paragraphs", "level"),
    [([paragraph(part("A b"), part(legible=False))], "lines"), ([part("A b"), part(legible=False)], "paragraphs")],
)
def test_without_words_the_level_above_stands_in(write, read_page, paragraphs, level):
    page = read_page("hiertext", "a.json", content(*paragraphs))
    assert [(word.text, word.ignore) for word in page.words] == [("A b", False), ("A", True)]
    assert notes(write("a.json", content(*paragraphs))) == [f"a.json has no words: its {level} are taken for them"]


@pytest.mark.parametrize("name", ["gt.jsonl.gz", "gt.json.gz", "gt.jsonl", "gt.json"])
@pytest.mark.parametrize("indent", [None, 1])
def test_it_is_recognised_in_every_package(write, read, name, indent):
    text = json.dumps(content(paragraph(part(words=[part()]))), indent=indent)
    path = write(name, gzip.compress(text.encode()) if name.endswith(".gz") else text)
    assert guess_format(path).format == "hiertext"
    (page,), problems = read("hiertext", path)
    assert (len(page.words), problems) == (1, [])


def test_all_that_is_wrong_is_named(write, read):
    good = content(paragraph(part(words=[part(), 7, part(vertices=[[1, 2], [3, 4]])]), 8), 9)["annotations"][0]
    path = write("a.json", {"annotations": [good, {"paragraphs": []}, "x"]})
    (page,), problems = read("hiertext", path)
    assert (len(page.words), page.dropped) == (1, {"fewer than 3 points": 1})
    assert [problem.where for problem in problems] == [
        f"{path}, annotations[0].paragraphs[0].lines[0].words[1]",
        f"{path}, annotations[0].paragraphs[0].lines[1]",
        f"{path}, annotations[0].paragraphs[1]",
        f"{path}, annotations[1]",
        f"{path}, annotations[2]",
    ]
    _, (problem,) = read("hiertext", write("b.json", {"info": {}}))
    assert "no list 'annotations'" in problem.what
