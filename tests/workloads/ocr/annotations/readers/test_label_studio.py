"""Label Studio's JSON: tasks, their annotations, and what is joined by the id of a region."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from workbench.workloads.ocr.annotations.formats import FORMATS
from workbench.workloads.ocr.annotations.reading import Note
from workbench.workloads.ocr.pages.survey import survey

SIZE = {"original_width": 1000, "original_height": 500, "image_rotation": 0}
BOX = {"x": 10, "y": 20, "width": 30, "height": 10, "rotation": 0}


def result(value: dict[str, object], kind: str = "rectangle", name: object = "r1", **more: object) -> dict[str, object]:
    return {"id": name, "type": kind, "from_name": "bbox", "to_name": "image", "value": value, **SIZE, **more}


def region(name: str, text: object, place: dict[str, object]) -> list[dict[str, object]]:
    return [
        result(place, "rectangle", name),
        result({**place, "labels": ["Text"]}, "labels", name),
        result({**place, "text": text}, "textarea", name),
    ]


def task(*results: object, image: object = "/data/upload/1/9a8b7c6d-page%201.jpg", **more: object) -> dict[str, object]:
    annotation = {"id": 7, "was_cancelled": False, "ground_truth": False, "result": list(results)}
    return {"id": 1, "data": {"ocr": image}, "annotations": [annotation], "predictions": [], **more}


def notes(path) -> list[str]:
    return [item.text for item in FORMATS["label_studio"].read([path]) if isinstance(item, Note)]


def points(page) -> list[list[float]]:
    (word,) = page.words
    return word.polygon.astype(float).round(4).tolist()


def test_the_results_of_a_region_are_one_word(read_page):
    page = read_page("label_studio", "a.json", [task(*region("a", ["EXIT"], BOX), *region("b", "###", BOX))])
    assert (page.image, page.unit, page.width, page.height) == (
        "/data/upload/1/9a8b7c6d-page%201.jpg",
        "share",
        1000,
        500,
    )
    assert [(word.text, word.ignore) for word in page.words] == [("EXIT", False), ("###", True)]
    np.testing.assert_allclose(page.words[0].polygon, [[0.1, 0.2], [0.4, 0.2], [0.4, 0.3], [0.1, 0.3]], rtol=1e-6)


def test_shares_are_those_of_the_image_that_is_there(write, tmp_path):
    Image.new("L", (200, 100)).save(tmp_path / "9a8b7c6d-page 1.jpg")
    write("export.json", [task(*region("a", ["EXIT"], BOX))])
    (page,), counts = survey(tmp_path)
    (word,) = page.words
    assert (word.text, word.polygon.astype(float).round(3).tolist()) == (
        "EXIT",
        [[20, 20], [80, 20], [80, 30], [20, 30]],
    )
    # That the page was larger when it was annotated changes nothing.
    assert not any("annotated for another image size" in note for note in counts.notes)


def test_a_turned_box_needs_the_size_of_its_page(read_page):
    unsized = result({**BOX, "rotation": 5}, original_width=None)
    page = read_page("label_studio", "a.json", [task(unsized, result(BOX, name="r2", original_height="x"))])
    assert (len(page.words), page.width) == (1, None)
    assert page.dropped == {"a box that is turned, on a page whose size isn't given": 1}


def test_polygons_are_words_and_ellipses_brushes_and_points_are_dropped(read_page):
    polygon = {"points": [[1, 2], [3, 2], [3, 4]], "closed": True, "polygonlabels": ["Text"]}
    ellipse = {"x": 1, "y": 2, "radiusX": 3, "radiusY": 4, "rotation": 0, "ellipselabels": ["Text"]}
    brush = {"format": "rle", "rle": [0, 1], "brushlabels": ["Text"]}
    point = {"x": 1, "y": 2, "width": 0.5, "keypointlabels": ["Text"]}
    values = (polygon, ellipse, brush, point)
    page = read_page("label_studio", "a.json", [task(*(result(value, name=str(n)) for n, value in enumerate(values)))])
    assert points(page) == [[0.01, 0.02], [0.03, 0.02], [0.03, 0.04]]
    assert page.dropped == {"shape of type ellipse": 1, "shape of type brush": 1, "shape of type point": 1}


@pytest.mark.parametrize(
    "value",
    [{**BOX, "x": True}, {**BOX, "width": None}, {**BOX, "rotation": "x"}, {"points": [[1, 2], 3]}, {"points": {}}],
)
def test_what_has_no_numbers_is_dropped(read_page, value):
    page = read_page("label_studio", "a.json", [task(result(value))])
    assert (page.words, page.dropped) == ([], {"points that are no pairs of numbers": 1})


def test_what_is_about_the_whole_page_is_no_word(read_page):
    choice = result({"choices": ["receipt"]}, "choices", "c")
    relation = {"from_id": "a", "to_id": "b", "type": "relation", "direction": "right"}
    page = read_page("label_studio", "a.json", [task(choice, relation, *region("a", ["one", "two"], BOX))])
    assert [word.text for word in page.words] == ["one two"]
    assert page.dropped == {}


def test_of_several_annotations_the_first_counts_or_the_one_marked_as_truth(write, read):
    def by(text: str, **more: object) -> dict[str, object]:
        return {"result": region("a", [text], BOX), **more}

    skipped = by("skipped", was_cancelled=True)
    tasks = [
        task(annotations=[skipped, by("first"), by("second")]),
        task(annotations=[by("first"), by("truth", ground_truth=True)]),
        task(annotations=[skipped, by("only")]),
        task(annotations=[skipped]),
        task(annotations=[], predictions=[by("guessed")]),
    ]
    path = write("a.json", tasks)
    pages, problems = read("label_studio", path)
    assert [page.words[0].text for page in pages] == ["first", "truth", "only"]
    assert problems == []
    assert notes(path) == [
        "2 tasks without an annotation: not used (predictions are none)",
        "2 tasks with several annotations: the one marked as ground truth counts, else the first",
    ]


def test_predictions_alone_are_no_annotations(write, read):
    path = write("a.json", [task(annotations=[], predictions=[{"result": region("a", ["A"], BOX)}])])
    pages, (problem,) = read("label_studio", path)
    assert pages == []
    assert str(problem).startswith(f"{path}: none of its 1 task has an annotation. Submit annotations")


def test_a_turned_view_leaves_the_points_where_they_are(write, read):
    path = write("a.json", [task(result(BOX, image_rotation=90))])
    (page,), _ = read("label_studio", path)
    assert points(page)[0] == [0.1, 0.2]
    assert notes(path) == [
        "1 region drawn in a turned view (image_rotation): points are taken as those of the unturned page"
    ]


@pytest.mark.parametrize(
    ("data", "image"),
    [
        ({"ocr": "s3://bucket/dir/page.jpg"}, "s3://bucket/dir/page.jpg"),
        ({"id": "x", "scan": "/data/local-files/?d=dir/page.PNG"}, "/data/local-files/?d=dir/page.PNG"),
        ({"text": "x", "image": "https://host/p.jpg?token=1"}, "https://host/p.jpg?token=1"),
        ({"caption": "x", "image": "page_1"}, "page_1"),
    ],
)
def test_the_image_of_a_task(read_page, data, image):
    assert read_page("label_studio", "a.json", [task(data=data)]).image == image


def test_a_picture_inside_the_export_is_no_name(write, read):
    _, (problem,) = read("label_studio", write("a.json", [task(image="data:image/png;base64,iVBORw0KGgo=")]))
    assert problem.what == "no image is named in its 'data' (ocr)"


def test_predictions_without_a_list_of_annotations(write, read):
    _, (problem,) = read("label_studio", write("a.json", [{"data": {"ocr": "a.jpg"}, "predictions": [{}]}]))
    assert "none of its 1 task has an annotation" in problem.what


def test_images_that_are_annotated_together_are_a_page_each(write, read):
    second = result(BOX, name="r2", item_index=1)
    path = write("a.json", [task(result(BOX), second, result(BOX, name="r3", item_index=9), image=["a.jpg", "b.jpg"])])
    pages, (problem,) = read("label_studio", path)
    assert [(page.image, len(page.words)) for page in pages] == [("a.jpg", 1), ("b.jpg", 1)]
    assert "'item_index' 9 names no image" in problem.what


def test_older_exports_and_single_tasks(read_page):
    old = {"data": {"image": "a.jpg"}, "completions": [{"result": [result(BOX)]}]}
    assert len(read_page("label_studio", "a.json", [old]).words) == 1
    assert len(read_page("label_studio", "b.json", task(result(BOX))).words) == 1


def test_all_that_is_wrong_is_named(write, read):
    tasks = [task(7, {"id": "a"}), task(data={"page": 3}), 5, task(annotations=[{"id": 1}]), task(annotations=3)]
    path = write("a.json", tasks)
    pages, problems = read("label_studio", path)
    assert [len(page.words) for page in pages] == [0]
    assert [str(problem) for problem in problems] == [
        f"{path}, tasks[0].annotations[0].result[0]: is no object",
        f"{path}, tasks[0].annotations[0].result[1]: there is no object 'value'",
        f"{path}, tasks[1]: no image is named in its 'data' (page)",
        f"{path}, tasks[2]: is no object",
        f"{path}, tasks[3].annotations[0]: there is no list 'result'",
        f"{path}, tasks[4].annotations: is no list",
    ]
    _, (problem,) = read("label_studio", write("b.json", [{"data": {}}]))
    assert "there is no task with 'data' and 'annotations'" in problem.what
