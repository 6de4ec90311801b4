"""LabelMe's file for each image."""

from __future__ import annotations

import pytest
from PIL import Image

from workbench.workloads.ocr.annotations.formats import FORMATS
from workbench.workloads.ocr.annotations.reading import Note
from workbench.workloads.ocr.pages.survey import survey

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


@pytest.mark.parametrize("kind", ["rectangle", "rotation", "quadrilateral"])
def test_boxes_of_four_corners(read_page, kind):
    (word,) = read_page("labelme", "a.json", content(shape(QUAD, kind))).words
    assert word.polygon.tolist() == QUAD


def test_a_mask_has_its_box(read_page):
    mask = {**shape([[1, 2], [30, 9]], "mask"), "mask": "iVBORw0KGgo="}
    (word,) = read_page("labelme", "a.json", content(mask)).words
    assert word.polygon.tolist() == [[1, 2], [30, 2], [30, 9], [1, 9]]


def described(label: str, description: object, **more: object) -> dict[str, object]:
    """A shape as X-AnyLabeling and LabelMe 5 write it."""
    plain = {"score": 0.9, "kie_linking": [], "difficult": False, "attributes": {}}
    return {**shape(QUAD, "rotation", label), "description": description, **plain, **more}


@pytest.mark.parametrize(
    ("shapes", "texts", "note"),
    [
        pytest.param([("text", "EXIT"), ("text", "")], ["EXIT", ""], "description of a shape is taken", id="class"),
        pytest.param([("text", "EXIT"), ("###", "")], ["EXIT", ""], "description of a shape is taken", id="ignored"),
        pytest.param(
            [("key", "Total"), ("value", "5.00"), ("value", "Tax"), ("value", "###")],
            ["Total", "5.00", "Tax", "###"],
            "(2 labels, 4 of 4 shapes have a description)",
            id="classes",
        ),
        pytest.param([("EXIT", "blurred"), ("I2R", "")], ["EXIT", "I2R"], "label of a shape is taken", id="remarks"),
        pytest.param([("EXIT", ""), ("I2R", None)], ["EXIT", "I2R"], None, id="nothing described"),
        pytest.param([("text", ""), ("text", None)], ["text", "text"], None, id="classes alone"),
    ],
)
def test_all_files_decide_where_the_text_stands(write, read, shapes, texts, note):
    files = [write(f"{number}.json", content(described(*pair))) for number, pair in enumerate(shapes)]
    pages, _ = read("labelme", *files)
    words = [word for page in pages for word in page.words]
    assert [word.text for word in words] == texts
    assert [word.ignore for word in words] == ["###" in pair for pair in shapes]
    said = [item.text for item in FORMATS["labelme"].read(files) if isinstance(item, Note)]
    assert len(said) == (note is not None)
    assert note is None or note in said[0]


def test_difficult_shapes_are_words(write, read):
    path = write("a.json", content(described("EXIT", "", difficult=True), described("I2R", "", difficult="false")))
    (page,), _ = read("labelme", path)
    assert [word.ignore for word in page.words] == [False, False]
    said = [item.text for item in FORMATS["labelme"].read([path]) if isinstance(item, Note)]
    assert said == ["shapes marked difficult are words like the others"]


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


@pytest.mark.parametrize("name", ["..\\\\scans\\\\img_2.jpg", "img_2.xml"])
def test_images_named_as_on_another_system_or_by_an_annotation(tmp_path, write, name):
    Image.new("L", (1280, 720)).save(tmp_path / "img_2.jpg")
    write("img_2.json", content(shape(QUAD), imagePath=name))
    assert [page.name for page in survey(tmp_path)[0]] == ["img_2.jpg"]


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
