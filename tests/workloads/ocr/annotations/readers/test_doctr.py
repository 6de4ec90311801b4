"""docTR's labels.json."""

from __future__ import annotations

import pytest
from PIL import Image

from workbench.workloads.ocr.annotations.formats import FORMATS
from workbench.workloads.ocr.annotations.reading import Note
from workbench.workloads.ocr.pages.survey import survey

QUAD = [[10, 10], [50, 10], [50, 30], [10, 30]]
SHARES = [[0.1, 0.1], [0.5, 0.1], [0.5, 0.3], [0, 1]]


def entry(polygons: object, **more: object) -> dict[str, object]:
    return {"img_dimensions": [900, 600], "img_hash": "5d0f", "polygons": polygons, **more}


def notes(path) -> list[str]:
    return [item.text for item in FORMATS["doctr"].read([path]) if isinstance(item, Note)]


def test_a_page(write, read):
    write("images/a.png", b"")
    path = write("labels.json", {"a.png": entry([QUAD, [*QUAD, [1, 1]]]), "b.png": {"polygons": []}})
    pages, problems = read("doctr", path)
    assert problems == []
    assert [(page.image, page.beside, page.unit) for page in pages] == [
        ("a.png", path.parent / "images", "px"),
        ("b.png", path.parent / "images", "px"),
    ]
    assert [word.polygon.tolist() for word in pages[0].words] == [QUAD, [*QUAD, [1, 1]]]
    # Tools write either side first, so it says nothing about the frame.
    assert (pages[0].width, pages[0].height, notes(path)) == (None, None, [])


def test_all_classes_are_words(write, read):
    path = write("labels.json", {"a.png": entry({"words": [QUAD], "stamps": [QUAD, QUAD]})})
    (page,), _ = read("doctr", path)
    assert len(page.words) == 3
    assert notes(path) == ["the classes words, stamps are all taken for words"]
    assert notes(write("one.json", {"a.png": entry({"words": [QUAD]})})) == []


def test_points_between_nought_and_one_are_shares(write, read):
    path = write("labels.json", {"a.png": entry([SHARES]), "b.png": entry([])})
    pages, _ = read("doctr", path)
    assert [page.unit for page in pages] == ["share", "share"]
    assert notes(path) == ["all points lie between 0 and 1: they are taken for shares of the page, not for pixels"]
    pages, _ = read("doctr", write("mixed.json", {"a.png": entry([SHARES]), "b.png": entry([QUAD])}))
    assert [page.unit for page in pages] == ["px", "px"]


@pytest.mark.parametrize(
    ("labels", "texts"), [(["EXIT", "###"], ["EXIT", "###"]), (["EXIT"], ["", ""]), (None, ["", ""])]
)
def test_texts_stand_beside_the_polygons(read_page, labels, texts):
    page = read_page("doctr", "labels.json", {"a.png": entry([QUAD, QUAD], labels=labels)})
    assert [word.text for word in page.words] == texts
    assert [word.ignore for word in page.words] == [text == "###" for text in texts]


def test_images_of_the_same_name_in_two_splits(tmp_path, write):
    for split in ("train", "val"):
        (tmp_path / split / "images").mkdir(parents=True)
        Image.new("L", (60, 40)).save(tmp_path / split / "images" / "a.png")
        write(f"{split}/labels.json", {"a.png": entry([QUAD])})
    (page,), _ = survey(tmp_path, annotations=tmp_path / "val" / "labels.json")
    assert page.path == tmp_path / "val" / "images" / "a.png"


def test_boxes_are_no_polygons(read_page):
    page = read_page("doctr", "labels.json", {"a.png": entry([[10, 10, 50, 30], QUAD])})
    assert (len(page.words), page.dropped) == (1, {"fewer than 3 points": 1})


def test_all_that_is_wrong_is_named(write, read):
    path = write("labels.json", {"a": entry([]), "b": {"img_hash": "x"}, "c": 3, "d": entry({"words": 3})})
    pages, problems = read("doctr", path)
    assert [page.image for page in pages] == ["a"]
    assert [str(problem) for problem in problems] == [
        f"{path}, entry '{name}': there is no list 'polygons'" for name in "bcd"
    ]
    _, (problem,) = read("doctr", write("b.json", {"a": "EXIT"}))
    assert "there is no entry with 'polygons'" in problem.what
