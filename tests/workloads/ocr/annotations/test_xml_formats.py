"""The XML formats don't take each other's files, and however one is damaged, a reader raises nothing."""

from __future__ import annotations

import random

import pytest
from promise.valid_annotations import XML as GOOD

from workbench.errors import Problem
from workbench.workloads.ocr.annotations.formats import FORMATS
from workbench.workloads.ocr.annotations.reading import read_xml


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
    pages, problems = read(format_name, write("a.xml", "<other/>"), write("b.xml", entity))
    assert pages == []
    assert ["is not" in problems[0].what, "declares entities" in problems[1].what] == [True, True]
