"""ALTO."""

from __future__ import annotations

import numpy as np
import pytest

STRING = '<String HPOS="20" VPOS="30" WIDTH="40" HEIGHT="20" CONTENT="{}"{}>{}</String>'


def alto(strings: str, unit: str = "pixel", sides: str = ' WIDTH="200" HEIGHT="100"', version: int = 4) -> str:
    space = f"http://www.loc.gov/standards/alto/ns-v{version}#"
    source = "<sourceImageInformation><fileName>scans/a.tif</fileName></sourceImageInformation>"
    return (
        f'<alto xmlns="{space}"><Description><MeasurementUnit>{unit}</MeasurementUnit>{source}</Description><Layout>'
        f"<Page{sides}><PrintSpace><TextBlock><TextLine>{strings}</TextLine></TextBlock></PrintSpace></Page>"
        "</Layout></alto>"
    )


@pytest.mark.parametrize("version", [2, 3, 4])
def test_strings_in_pixels(read_page, version):
    hyphened = STRING.format("EX", ' SUBS_TYPE="HypPart1" SUBS_CONTENT="EXIT"', "")
    beside = '<SP HPOS="1" VPOS="1" WIDTH="2" HEIGHT="3"/><HYP HPOS="1" VPOS="1" WIDTH="2" HEIGHT="3" CONTENT="-"/>'
    page = read_page("alto", "a.xml", alto(hyphened + beside, version=version))
    assert (page.image, page.or_image, page.width, page.height, page.unit) == ("scans/a.tif", "a", 200, 100, "px")
    (word,) = page.words
    assert (word.text, word.polygon.tolist()) == ("EX", [[20, 30], [60, 30], [60, 50], [20, 50]])


@pytest.mark.parametrize("unit", ["mm10", "inch1200"])
def test_other_units_are_shares_of_the_page(read_page, unit):
    page = read_page("alto", "a.xml", alto(STRING.format("A", "", ""), unit))
    assert (page.width, page.unit) == (None, "share")
    assert page.words[0].polygon == pytest.approx(np.array([[0.1, 0.3], [0.3, 0.3], [0.3, 0.5], [0.1, 0.5]]))


@pytest.mark.parametrize("points", ["1,2 9,3 5,8", "1 2 9 3 5 8"])
def test_a_polygon_goes_before_the_box(read_page, points):
    shape = f'<Shape><Polygon POINTS="{points}"/></Shape>'
    page = read_page("alto", "a.xml", alto(STRING.format("A", "", shape)))
    assert page.words[0].polygon.tolist() == [[1, 2], [9, 3], [5, 8]]


def test_what_is_unusable_is_counted(read_page):
    page = read_page("alto", "a.xml", alto('<String CONTENT="A"/></TextLine><TextLine>', sides=""))
    assert (page.words, page.width) == ([], None)
    assert page.dropped == {"a number that is missing or is none": 1, "a line without strings": 1}


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (alto("", "mm10", ""), "has no WIDTH and HEIGHT"),
        (alto("", "mm10", ' WIDTH="0" HEIGHT="9"'), "has no WIDTH and HEIGHT"),
        (alto("", "ell"), "its MeasurementUnit is 'ell'"),
        (alto("").replace("<Layout>", "<Layout><Page/>"), "there are 2 elements 'Page'"),
    ],
    ids=["no sides", "a side of nothing", "unit", "two pages"],
)
def test_files_that_cannot_be_read_are_named(write, read, content, what):
    pages, problems = read("alto", write("a.xml", content))
    assert pages == []
    assert what in problems[0].what
