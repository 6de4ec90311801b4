"""CVAT for images."""

from __future__ import annotations

import pytest


def cvat(*shapes: str, name: str = "sub/a.jpg") -> str:
    inner = "".join(shapes)
    return (
        "<?xml version='1.0' encoding='utf-8'?><annotations><version>1.1</version><meta><task/></meta>"
        f'<image id="0" name="{name}" width="200" height="100">{inner}</image></annotations>'
    )


BOX = '<box label="word" source="manual" occluded="{}" xtl="20.0" ytl="30" xbr="40" ybr="40" z_order="0"{}>{}</box>'


def test_boxes_and_polygons(read_page):
    text = '<attribute name="Transcription">EXIT</attribute>'
    hidden = '<attribute name="legible">no</attribute><attribute name="text">###</attribute>'
    page = read_page(
        "cvat",
        "annotations.xml",
        cvat(BOX.format(0, "", text), BOX.format(1, "", hidden), '<polygon label="w" points="1,2;9.5,3;5,8"/>'),
    )
    assert (page.image, page.width, page.height) == ("sub/a.jpg", 200, 100)
    assert [(word.text, word.ignore) for word in page.words] == [("EXIT", False), ("###", True), ("", False)]
    assert page.words[0].polygon.tolist() == [[20, 30], [40, 30], [40, 40], [20, 40]]
    assert page.words[2].polygon.tolist() == [[1, 2], [9.5, 3], [5, 8]]


def test_a_turned_box(read_page):
    page = read_page("cvat", "a.xml", cvat(BOX.format(0, ' rotation="90.00"', "")))
    assert page.words[0].polygon.round(3).tolist() == [[35, 25], [35, 45], [25, 45], [25, 25]]


@pytest.mark.parametrize("kind", ["polyline", "points", "mask", "cuboid", "ellipse", "skeleton"])
def test_other_shapes_are_counted(read_page, kind):
    inner = '<points points="1,2"/>' if kind == "skeleton" else ""
    page = read_page("cvat", "a.xml", cvat(f'<{kind} points="1,2;3,4">{inner}</{kind}>', '<tag label="blurred"/>'))
    assert page.words == []
    assert page.dropped == {f"shape of type {kind}": 1}


def test_points_of_nonsense_are_counted(read_page):
    page = read_page("cvat", "a.xml", cvat('<polygon points="1,2;3;5,6"/>', "<polygon/>", '<box xtl="1"/>'))
    assert page.words == []
    assert sum(page.dropped.values()) == 3


def test_video_and_images_without_a_name_are_named(write, read):
    tracks = write("video.xml", '<annotations><track id="0"><box frame="0" outside="0"/></track></annotations>')
    nameless = write("b.xml", cvat(name=""))
    pages, problems = read("cvat", tracks, nameless)
    assert pages == []
    assert [problem.where for problem in problems] == [str(tracks), f"{nameless}, image[0]"]
    assert "CVAT for video" in problems[0].what
    assert "CVAT for images 1.1" in problems[0].remedy
