"""Label Studio's JSON-MIN: a list for each control, texts told to regions by their order."""

from __future__ import annotations

import pytest

from workbench.workloads.ocr.annotations.formats import FORMATS
from workbench.workloads.ocr.annotations.reading import Note

SIZE = {"original_width": 1000, "original_height": 500}


def box(left: int, **more: object) -> dict[str, object]:
    return {"x": left, "y": 20, "width": 5, "height": 10, "rotation": 0, **SIZE, **more}


def task(*boxes: dict[str, object], **more: object) -> dict[str, object]:
    labels = [{**box, "labels": ["Text"]} for box in boxes]
    plain = {"ocr": "/data/upload/1/page.jpg", "id": 1, "annotator": 1, "annotation_id": 7, "lead_time": 4.2}
    return {**plain, "bbox": list(boxes), "label": labels, **more}


def notes(path) -> list[str]:
    return [item.text for item in FORMATS["label_studio"].read([path]) if isinstance(item, Note)]


def words(page) -> list[tuple[float, str]]:
    return [(round(float(word.polygon[0, 0]), 4), word.text) for word in page.words]


@pytest.mark.parametrize(
    ("boxes", "transcription", "texts"),
    [
        pytest.param([10, 30], ["EXIT", "###"], ["EXIT", "###"], id="a list"),
        pytest.param([10], "EXIT", ["EXIT"], id="a single text"),
        pytest.param([10], ["two", "lines"], ["two lines"], id="lines of one region"),
        pytest.param([10, 30], ["EXIT", {**box(30), "text": ["a", "b"]}], ["EXIT", "a b"], id="lines"),
        pytest.param([10, 30], ["EXIT", box(30)], ["EXIT", ""], id="a box in place of a text"),
        pytest.param([10, 30], [{**box(30), "text": ["a", "b"]}], ["", "a b"], id="a text with its place"),
        pytest.param([10, 10], ["one", "two"], ["one", "two"], id="the same box twice"),
    ],
)
def test_texts(read_page, boxes, transcription, texts):
    page = read_page("label_studio", "a.json", [task(*map(box, boxes), transcription=transcription)])
    assert words(page) == [(left / 100, text) for left, text in zip(boxes, texts, strict=True)]
    assert [word.ignore for word in page.words] == [text == "###" for text in texts]
    assert (page.image, page.unit, page.width, page.height) == ("/data/upload/1/page.jpg", "share", 1000, 500)


def test_boxes_and_polygons_are_in_the_order_of_their_labels(read_page):
    outline = {"points": [[50, 1], [60, 1], [60, 5]], "closed": True, **SIZE}
    labels = [{**outline, "labels": ["Text"]}, {**box(10), "labels": ["Text"]}]
    more = {"label": labels, "poly": [outline], "transcription": ["curved", "plain"]}
    assert words(read_page("label_studio", "a.json", [task(box(10), **more)])) == [(0.5, "curved"), (0.1, "plain")]


def test_texts_that_are_not_as_many_as_the_regions_are_left_out(write, read):
    path = write("a.json", [task(box(10), box(30), transcription=["EXIT"]), task(box(10), id=2)])
    pages, problems = read("label_studio", path)
    assert [words(page) for page in pages] == [[(0.1, ""), (0.3, "")], [(0.1, "")]]
    assert problems == []
    assert notes(path) == ["the texts of 1 task can't be told to their regions: left out"]


def test_of_several_annotations_of_a_task_the_first_counts(write, read):
    path = write("a.json", [task(box(10), transcription="one"), task(box(30), transcription="two", annotator=2)])
    (page,), _ = read("label_studio", path)
    assert words(page) == [(0.1, "one")]
    assert notes(path) == ["1 annotation of tasks that had one before: not used"]


def test_a_page_without_regions(read_page):
    empty = {key: value for key, value in task().items() if key not in ("bbox", "label")}
    assert read_page("label_studio", "a.json", [empty]).words == []


def test_all_that_is_wrong_is_named(write, read):
    path = write("a.json", [task(box(10)), 3, task(id=2, ocr=None)])
    pages, problems = read("label_studio", path)
    assert len(pages) == 1
    assert [str(problem) for problem in problems] == [
        f"{path}, tasks[1]: is no object",
        f"{path}, tasks[2]: no image is named, or several are",
    ]
