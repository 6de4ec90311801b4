"""Pascal VOC, and what other tools write into its files."""

from __future__ import annotations

import math

import pytest
from PIL import Image

from workbench.workloads.ocr.pages.survey import survey

BOX = "<bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox>"


def voc(*objects: str, name: str = "a.jpg") -> str:
    inner = "".join(f"<object>{each}</object>" for each in objects)
    size = "<size><width>200</width><height>100</height><depth>3</depth></size>"
    return f'<annotation verified="yes"><folder>x</folder><filename>{name}</filename>{size}{inner}</annotation>'


def test_boxes(read_page):
    first = f"<name>EXIT</name>{BOX.format('20', '30.5', '60', '50')}"
    hard = f"<name>A</name><difficult>1</difficult><truncated>1</truncated>{BOX.format(1, 2, 3, 4)}"
    easy = f"<name>B</name><difficult>0</difficult><occluded>1</occluded>{BOX.format(1, 2, 3, 4)}"
    page = read_page("voc", "a.xml", voc(first, hard, easy, f"<name>###</name>{BOX.format(1, 2, 3, 4)}"))
    assert (page.image, page.or_image, page.width, page.height) == ("a.jpg", "a", 200, 100)
    assert page.words[0].polygon.tolist() == [[20, 30.5], [60, 30.5], [60, 50], [20, 50]]
    assert [(word.text, word.ignore) for word in page.words] == [
        ("EXIT", False),
        ("A", True),
        ("B", False),
        ("###", True),
    ]


def test_a_reversed_box_is_set_right(read_page):
    page = read_page("voc", "a.xml", voc(BOX.format(60, 50, 20, 30)))
    assert page.words[0].polygon.tolist() == [[20, 30], [60, 30], [60, 50], [20, 50]]


def test_a_turned_box(read_page):
    shape = f"<cx>50</cx><cy>40</cy><w>20</w><h>10</h><angle>{math.pi / 2}</angle>"
    page = read_page("voc", "a.xml", voc(f"<type>robndbox</type><robndbox>{shape}</robndbox>"))
    # A quarter clockwise: the top left corner comes to the top right.
    assert page.words[0].polygon.round(3).tolist() == [[55, 30], [55, 50], [45, 50], [45, 30]]


@pytest.mark.parametrize(
    "polygon",
    [
        "<x1>1</x1><y1>2</y1><x2>9</x2><y2>3</y2><x3>5</x3><y3>8</y3>",
        "<x3>5</x3><x1>1</x1><x2>9</x2><y1>2</y1><y2>3</y2><y3>8</y3>",
        "<username>u</username><pt><x>1</x><y>2</y></pt><pt><x>9</x><y>3</y></pt><pt><x>5</x><y>8</y></pt>",
    ],
    ids=["numbered", "in any order", "LabelMe"],
)
def test_a_polygon_goes_before_the_box(read_page, polygon):
    page = read_page("voc", "a.xml", voc(f"<polygon>{polygon}</polygon>{BOX.format(1, 2, 9, 8)}"))
    assert page.words[0].polygon.tolist() == [[1, 2], [9, 3], [5, 8]]


def test_what_is_unusable_is_counted(read_page):
    part = f"<part><name>head</name>{BOX.format(1, 2, 3, 4)}</part>"
    gap = "<polygon><x1>1</x1><y1>2</y1><x2>9</x2><x3>5</x3><y3>8</y3></polygon>"
    page = read_page(
        "voc",
        "a.xml",
        voc(part, BOX.format("left", 1, 2, 3), gap, BOX.format(5, 5, 5, 5), f"<deleted>1</deleted>{BOX}"),
    )
    assert page.words == []
    assert page.dropped == {
        "no box": 1,
        "a number that is missing or is none": 2,
        "fewer than 3 points": 1,
        "a mark that it is deleted": 1,
    }


def test_a_page_without_words_and_without_a_name(read_page):
    page = read_page("voc", "img_7.xml", "<annotation><filename/><size><width>0</width></size></annotation>")
    assert (page.image, page.words, page.width) == ("img_7", [], None)


def test_an_image_of_another_name_is_the_one_like_the_file(write, tmp_path):
    for name in ("a.png", "b.png"):
        Image.new("L", (200, 100)).save(tmp_path / name)
    write("a.xml", voc(BOX.format(1, 2, 30, 40), name="a.jpg"))
    write("b.xml", voc(name="before it was renamed.jpg"))
    pages, counts = survey(tmp_path)
    assert [(page.name, len(page.words)) for page in pages] == [("a.png", 1), ("b.png", 0)]
    assert any("2 images spelled otherwise" in note for note in counts.notes)
