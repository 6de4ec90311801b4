"""Projects of the VGG Image Annotator 3."""

from __future__ import annotations

import pytest

from workbench.workloads.ocr.annotations.formats import FORMATS
from workbench.workloads.ocr.annotations.reading import Note

RECTANGLE = [2, 10, 20, 30, 5]


def project(*regions: object, attribute: object = None, **more: object) -> dict[str, object]:
    return {
        "project": {"pid": "__VIA_PROJECT_ID__", "data_format_version": "3.1.1"},
        "attribute": attribute or {"1": {"aname": "TEXT", "anchor_id": "FILE1_Z0_XY1", "type": 1, "options": {}}},
        "file": {"1": {"fid": "1", "fname": "a.jpg", "type": 2, "loc": 1, "src": "a.jpg"}},
        "view": {"9": {"fid_list": ["1"]}},
        "metadata": {f"9_{number}": region for number, region in enumerate(regions)},
        **more,
    }


def region(xy: object, text: object = "EXIT", view: object = "9") -> dict[str, object]:
    return {"vid": view, "flg": 0, "z": [], "xy": xy, "av": {"1": text}}


def test_rectangles_and_polygons(read_page):
    page = read_page("via", "a.json", project(region(RECTANGLE), region([7, 1, 2, 9, 2, 9, 8], "###")))
    assert page.image == "a.jpg"
    assert [word.polygon.tolist() for word in page.words] == [
        [[10, 20], [40, 20], [40, 25], [10, 25]],
        [[1, 2], [9, 2], [9, 8]],
    ]
    assert [(word.text, word.ignore) for word in page.words] == [("EXIT", False), ("###", True)]


def test_what_is_chosen_from_a_list_is_a_class_and_stands_in_words(write, read):
    attribute = {"1": {"aname": "kind", "type": 4, "options": {"0": "printed"}}}
    path = write("a.json", project(region(RECTANGLE, "0"), attribute=attribute))
    (page,), _ = read("via", path)
    assert page.words[0].text == ""
    assert [item.text.split(":")[0] for item in FORMATS["via"].read([path]) if isinstance(item, Note)] == [
        "none of the attributes kind is called text"
    ]
    attribute["1"]["aname"] = "text"
    (page,), _ = read("via", write("b.json", project(region(RECTANGLE, "0"), attribute=attribute)))
    assert page.words[0].text == "printed"


@pytest.mark.parametrize(
    ("xy", "reason"),
    [
        ([3, 1, 2, 3], "shape of type circle"),
        ([8, 1, 2, 3, 4, 5, 6, 7, 8], "shape of type extreme rectangle"),
        ([99, 1], "shape of type unknown"),
        ({"x": 1}, "shape of type unknown"),
        ([2, 1, 2, 3], "points that are no pairs of numbers"),
        ([7, 1, 2, 3], "points that are no pairs of numbers"),
        ([7, True, 2, 3, 4, 5, 6], "points that are no pairs of numbers"),
        ([7, 1, 2, 3, 4], "fewer than 3 points"),
    ],
    ids=str,
)
def test_other_shapes_are_dropped_and_counted(read_page, xy, reason):
    page = read_page("via", "a.json", project(region(xy), region(RECTANGLE)))
    assert (len(page.words), page.dropped) == (1, {reason: 1})


def test_what_is_about_the_file_is_no_word(read_page):
    page = read_page("via", "a.json", project(region([])))
    assert (page.words, page.dropped) == ([], {})


def test_a_view_that_is_not_listed_has_the_number_of_its_file(read_page):
    assert len(read_page("via", "a.json", project(region(RECTANGLE, view="1"), view={})).words) == 1


def test_all_that_is_wrong_is_named(write, read):
    files = {"1": {"fname": "a.jpg"}, "2": {"src": 3}}
    path = write("a.json", project(region(RECTANGLE), 7, region(RECTANGLE, view="5"), file=files))
    pages, problems = read("via", path)
    assert [len(page.words) for page in pages] == [1]
    assert [str(problem) for problem in problems] == [
        f"{path}, file '2': there is no 'fname'",
        f"{path}, metadata '9_1': is no object",
        f"{path}, metadata '9_2': its 'vid' '5' names no file",
    ]
