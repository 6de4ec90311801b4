"""LabelMe's file for each image."""

from __future__ import annotations

import pytest

QUAD = [[602, 173], [635, 175], [634, 197], [602, 196]]


def content(*shapes: object, **more: object) -> dict[str, object]:
    return {"version": "5.0", "flags": {}, "shapes": list(shapes), "imagePath": "img_2.jpg", "imageData": "", **more}


def shape(points: object, kind: str | None = "polygon", label: object = "EXIT") -> dict[str, object]:
    return {"label": label, "points": points, "group_id": None, "shape_type": kind, "flags": {}}


def test_a_page(read_page):
    file = content(shape(QUAD), shape(QUAD, label="###"), imageHeight=720, imageWidth=1280, imageData=None)
    page = read_page("labelme", "img_2.json", file)
    assert (page.image, page.width, page.height, page.frame) == ("img_2.jpg", 1280, 720, "upright")
    assert [(word.text, word.ignore) for word in page.words] == [("EXIT", False), ("###", True)]
    assert page.words[0].polygon.tolist() == QUAD


@pytest.mark.parametrize("points", [[[1, 2], [30, 9]], [[30, 9], [1, 2]], [[1, 9], [30, 2]], [[30, 2], [1, 9]]])
def test_a_rectangle_has_any_two_opposite_corners(read_page, points):
    (word,) = read_page("labelme", "a.json", content(shape(points, "rectangle"))).words
    assert word.polygon.tolist() == [[1, 2], [30, 2], [30, 9], [1, 9]]


@pytest.mark.parametrize("kind", ["circle", "line", "point", "linestrip"])
def test_other_shapes_are_dropped_and_counted(read_page, kind):
    page = read_page("labelme", "a.json", content(shape([[1, 2], [3, 4]], kind), shape(QUAD, None)))
    assert (len(page.words), page.dropped) == (1, {f"shape of type {kind}": 1})


@pytest.mark.parametrize("points", [[1, 2], [[1, 2], ["a", 4]], [[1], [2]], [None, None]])
def test_a_rectangle_of_nonsense_is_dropped(read_page, points):
    page = read_page("labelme", "a.json", content(shape(points, "rectangle")))
    assert page.words == []
    assert sum(page.dropped.values()) == 1


def test_a_file_without_the_name_of_its_image_is_named_like_it(read_page):
    assert read_page("labelme", "img_7.json", content(imagePath=None)).image == "img_7"


def test_all_that_is_wrong_is_named(write, read):
    files = [
        write("a.json", content("x", shape(QUAD))),
        write("b.json", {"imagePath": "b.jpg"}),
        write("c.json", "{"),
    ]
    pages, problems = read("labelme", *files)
    assert [len(page.words) for page in pages] == [1]
    assert [str(problem).split(" (")[0] for problem in problems] == [
        f"{files[0]}, shapes[0]: is no object",
        f"{files[1]}: there is no list 'shapes' or no 'imagePath'",
        f"{files[2]}, line 1: is not JSON",
    ]
