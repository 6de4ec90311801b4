"""The VGG Image Annotator's projects and exports, of versions 1 and 2."""

from __future__ import annotations

import pytest

from workbench.workloads.ocr.annotations.formats import FORMATS
from workbench.workloads.ocr.annotations.reading import Note

RECT = {"name": "rect", "x": 10, "y": 20, "width": 30, "height": 5}
POLYGON = {"name": "polygon", "all_points_x": [1, 9, 9], "all_points_y": [2, 2, 8]}


def region(shape: object = RECT, **attributes: object) -> dict[str, object]:
    return {"shape_attributes": shape, "region_attributes": attributes}


def images(*regions: object) -> dict[str, object]:
    return {"a.jpg1234": {"filename": "a.jpg", "size": 1234, "regions": list(regions), "file_attributes": {}}}


def project(declared: dict[str, str], *regions: object) -> dict[str, object]:
    attributes = {name: {"type": kind, "description": "", "options": {}} for name, kind in declared.items()}
    return {
        "_via_settings": {"core": {"filepath": {}}},
        "_via_img_metadata": images(*regions),
        "_via_attributes": {"region": attributes, "file": {}},
        "_via_data_format_version": "2.0.10",
        "_via_image_id_list": ["a.jpg1234"],
    }


def notes(path) -> list[str]:
    return [item.text for item in FORMATS["via"].read([path]) if isinstance(item, Note)]


def test_rectangles_and_polygons_of_a_project(read_page):
    page = read_page("via", "a.json", project({"text": "text"}, region(text="EXIT"), region(POLYGON, text="###")))
    assert (page.image, page.width) == ("a.jpg", None)
    assert [word.polygon.tolist() for word in page.words] == [
        [[10, 20], [40, 20], [40, 25], [10, 25]],
        [[1, 2], [9, 2], [9, 8]],
    ]
    assert [(word.text, word.ignore) for word in page.words] == [("EXIT", False), ("###", True)]


def test_an_export_without_its_project_and_one_of_version_1(read_page):
    assert len(read_page("via", "a.json", images(region())).words) == 1
    old = {"a.jpg1": {"fileref": "", "filename": "a.jpg", "regions": {"0": region(), "1": region(POLYGON)}}}
    assert len(read_page("via", "b.json", old).words) == 2


def test_a_side_may_run_backwards(read_page):
    backwards = {"name": "rect", "x": 40, "y": 25, "width": -30, "height": -5}
    (word,) = read_page("via", "a.json", images(region(backwards))).words
    assert word.polygon.tolist() == [[10, 20], [40, 20], [40, 25], [10, 25]]


@pytest.mark.parametrize("kind", ["circle", "ellipse", "polyline", "point"])
def test_other_shapes_are_dropped_and_counted(read_page, kind):
    page = read_page("via", "a.json", images(region({**POLYGON, "name": kind}), region()))
    assert (len(page.words), page.dropped) == (1, {f"shape of type {kind}": 1})


@pytest.mark.parametrize(
    "shape",
    [{**RECT, "x": True}, {**RECT, "width": None}, {**POLYGON, "all_points_x": [1]}, {**POLYGON, "all_points_y": 3}],
)
def test_what_has_no_numbers_is_dropped(read_page, shape):
    page = read_page("via", "a.json", images(region(shape)))
    assert (page.words, page.dropped) == ([], {"points that are no pairs of numbers": 1})


@pytest.mark.parametrize(
    ("declared", "attributes", "text", "note"),
    [
        pytest.param({}, {"Text": "A", "kind": "B"}, "A", None, id="called so"),
        pytest.param({"kind": "dropdown"}, {"kind": "A", "label": "B"}, "B", "'label' is taken", id="the only text"),
        pytest.param({}, {"name": 1996}, "1996", "'name' is taken", id="the only one"),
        pytest.param({"text": "text"}, {"value": "A"}, "", "'text' is taken for the text (not value)", id="two so"),
        pytest.param({}, {"name": "A", "note": "B"}, "", "none of the attributes name, note", id="several"),
        pytest.param({"kind": "radio"}, {"kind": "A"}, "", "none of the attributes kind", id="a class"),
        pytest.param({}, {"text": {"A": True}}, "", None, id="ticks"),
        pytest.param({}, {}, "", None, id="none"),
    ],
)
def test_which_attribute_is_the_text(write, read, declared, attributes, text, note):
    path = write("a.json", project(declared, region(**attributes)))
    (page,), _ = read("via", path)
    assert page.words[0].text == text
    said = notes(path)
    assert len(said) == (note is not None)
    assert note is None or note in said[0]


def test_all_that_is_wrong_is_named(write, read):
    path = write("a.json", {**images(7, region()), "b": {"regions": []}, "c": 3, "d": {"filename": "d", "regions": 3}})
    pages, problems = read("via", path)
    assert [(page.image, len(page.words)) for page in pages] == [("a.jpg", 1), ("d", 0)]
    assert [str(problem) for problem in problems] == [
        f"{path}, entry 'a.jpg1234', regions[0]: is no object",
        f"{path}, entry 'b': there is no 'filename'",
        f"{path}, entry 'c': there is no 'filename'",
        f"{path}, entry 'd', regions: is no list",
    ]
    _, (problem,) = read("via", write("b.json", {"a": {}}))
    assert "there is no object '_via_img_metadata'" in problem.what
