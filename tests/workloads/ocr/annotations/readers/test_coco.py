"""COCO as MMOCR 0.x writes it, whole and by lines."""

from __future__ import annotations

import json

import pytest

QUAD = [261, 138, 284, 140, 279, 158, 260, 158]
IMAGE = {"file_name": "test/img_10.jpg", "height": 720, "width": 1280, "segm_file": "x", "id": 0}


def word(image_id: object = 0, **more: object) -> dict[str, object]:
    plain = {"iscrowd": 0, "category_id": 1, "bbox": [260.0, 138.0, 24.0, 20.0], "segmentation": [QUAD]}
    return {**plain, "image_id": image_id, **more}


def content(images: list[object], annotations: list[object]) -> dict[str, object]:
    return {"images": images, "categories": [{"id": 1, "name": "text"}], "annotations": annotations}


def test_images_and_their_words(write, read):
    second = {**IMAGE, "id": 7, "file_name": "test/img_2.jpg"}
    (first_page, second_page), problems = read(
        "coco", write("a.json", content([IMAGE, second], [word(7), word(0, iscrowd=1), word(7)]))
    )
    assert problems == []
    assert (first_page.image, first_page.width, first_page.height) == ("test/img_10.jpg", 1280, 720)
    assert [word.ignore for word in first_page.words] == [True]
    assert [word.ignore for word in second_page.words] == [False, False]
    assert first_page.words[0].polygon.ravel().tolist() == QUAD


def test_one_image_a_line(write, read):
    lines = [json.dumps({**IMAGE, "annotations": [word(), word(iscrowd=1)]}), json.dumps({**IMAGE, "annotations": []})]
    pages, problems = read("coco", write("instances_test.txt", "\n".join(lines)))
    assert problems == []
    assert [[word.ignore for word in page.words] for page in pages] == [[False, True], []]
    assert pages[1].where.endswith("instances_test.txt, line 2 ('test/img_10.jpg')")


@pytest.mark.parametrize(
    "segmentation",
    [None, [], [[1, 1, 5, 1, 5, 5], [7, 7, 9, 7, 9, 9]], {"counts": [1, 2], "size": [3, 4]}],
    ids=["none", "empty", "two parts", "run lengths"],
)
def test_the_box_of_left_top_and_size_stands_in(read_page, segmentation):
    page = read_page("coco", "a.json", content([IMAGE], [word(segmentation=segmentation)]))
    assert page.words[0].polygon.tolist() == [[260, 138], [284, 138], [284, 158], [260, 158]]


@pytest.mark.parametrize(
    "more",
    [
        {"segmentation": None, "bbox": ["a", 1, 2, 3]},
        {"segmentation": None, "bbox": [None] * 4},
        {"segmentation": None, "bbox": [1, 2]},
        {"segmentation": [["x", 1, 2, 3, 4, 5]]},
    ],
)
def test_words_without_a_polygon_are_dropped_and_counted(read_page, more):
    page = read_page("coco", "a.json", content([IMAGE], [word(**more), word()]))
    assert len(page.words) == 1
    assert sum(page.dropped.values()) == 1


def test_all_that_is_wrong_is_named(write, read):
    images = [IMAGE, 7, {"id": 3}, {"file_name": "x.jpg", "id": [1]}, {**IMAGE, "file_name": "y.jpg"}]
    path = write("a.json", content(images, [word(), word(99), word([1]), "x"]))
    pages, problems = read("coco", path)
    assert [(page.image, len(page.words)) for page in pages] == [("test/img_10.jpg", 1)]
    assert [str(problem) for problem in problems] == [
        f"{path}, images[1]: is no object",
        f"{path}, images[2]: there is no 'file_name' or no 'id'",
        f"{path}, images[3]: there is no 'file_name' or no 'id'",
        f"{path}, images[4]: the id 0 is taken by an image before it",
        f"{path}, annotations[1]: its 'image_id' 99 names no image",
        f"{path}, annotations[2]: its 'image_id' [1] names no image",
        f"{path}, annotations[3]: is no object",
    ]


def test_all_that_is_wrong_with_lines_is_named(write, read):
    lines = [json.dumps({**IMAGE, "annotations": [7, word()]}), "{", json.dumps({"annotations": []}), "hello"]
    path = write("a.txt", "\n".join(lines))
    pages, problems = read("coco", path)
    assert [len(page.words) for page in pages] == [1]
    assert [problem.where for problem in problems] == [
        f"{path}, line 1, annotations[0]",
        f"{path}, line 2",
        f"{path}, line 3",
        f"{path}, line 4",
    ]
