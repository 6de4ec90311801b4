"""The XML formats don't take each other's files, and however one is damaged, a reader raises nothing."""

from __future__ import annotations

import random

import pytest

from workbench.errors import Problem
from workbench.workloads.ocr.annotations.formats import FORMATS
from workbench.workloads.ocr.annotations.reading import read_xml

GOOD = {
    "voc": "<annotation><filename>a.jpg</filename><size><width>9</width></size><object><name>A</name><bndbox>"
    "<xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox></object></annotation>",
    "cvat": '<annotations><image name="a.jpg" width="9"><box label="w" xtl="1" ytl="2" xbr="3" ybr="4" rotation="9"/>'
    '<polygon points="1,2;3,4;5,9"/></image></annotations>',
    "page_xml": '<PcGts><Page imageFilename="a.jpg"><TextLine><Word><Coords points="1,2 3,4 5,9"/><TextEquiv index="0">'
    "<Unicode>A</Unicode></TextEquiv></Word></TextLine></Page></PcGts>",
    "alto": "<alto><Description><MeasurementUnit>mm10</MeasurementUnit></Description><Layout>"
    '<Page WIDTH="100" HEIGHT="200"><String HPOS="1" VPOS="2" WIDTH="3" HEIGHT="4"/></Page></Layout></alto>',
    "svt": '<tagset><image><imageName>a.jpg</imageName><Resolution x="9" y="9"/><taggedRectangles><taggedRectangle '
    'x="1" y="2" width="3" height="4"><tag>A</tag></taggedRectangle></taggedRectangles></image></tagset>',
}


@pytest.mark.parametrize("format_name", GOOD)
def test_a_file_is_of_one_format_alone(write, format_name):
    root = read_xml(write("a.xml", GOOD[format_name]))
    assert [name for name, known in FORMATS.items() if known.is_xml(root)] == [format_name]


@pytest.mark.parametrize("format_name", GOOD)
def test_any_character_may_be_another(write, read, format_name):
    rng = random.Random(0)
    good = GOOD[format_name]
    pages, problems = read(format_name, write("a.xml", good))
    assert len(pages) == 1
    assert pages[0].words
    assert not problems
    for _ in range(200):
        place = rng.randrange(len(good))
        bad = good[:place] + rng.choice(["<", ">", "/", '"', "&", "x", "9", "-", ".", ",", " ", ""]) + good[place + 1 :]
        pages, problems = read(format_name, write("a.xml", bad))
        assert all(isinstance(problem, Problem) and "a.xml" in problem.where for problem in problems)
        assert pages or problems


@pytest.mark.parametrize("format_name", GOOD)
@pytest.mark.parametrize("junk", ["", "x", "nan", "1e999", "1_0", "12,5"])
def test_any_number_may_be_none(write, read, format_name, junk):
    for old in ('"1"', '"2"', ">1<", ">2<", ">30<", '"9"', "1,2", "5,9", '"100"'):
        bad = GOOD[format_name].replace(old, f"{old[0]}{junk}{old[-1]}")
        pages, problems = read(format_name, write("a.xml", bad))
        assert pages or problems


@pytest.mark.parametrize("format_name", GOOD)
def test_another_format_and_entities_are_refused(write, read, format_name):
    entity = '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'
    pages, problems = read(format_name, write("a.xml", "<html/>"), write("b.xml", entity))
    assert pages == []
    assert ["is not" in problems[0].what, "declares entities" in problems[1].what] == [True, True]
