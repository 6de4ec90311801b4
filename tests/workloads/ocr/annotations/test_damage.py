"""However an annotation file is damaged, a reader gives pages and problems, and raises nothing."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest
from promise.valid_annotations import JSON as GOOD
from promise.valid_annotations import LINES

from workbench.errors import Problem
from workbench.workloads.ocr.pages.page import AnnotatedPage

JUNK = [None, True, -1, 1e308, "", "x", [], {}, [[]], [None], {"a": 1}, float("nan"), [1, [2]], [[1, 2], 3]]


def places(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(content, dict):
        return [path, *(place for key, value in content.items() for place in places(value, (*path, key)))]
    if isinstance(content, list):
        return [path, *(place for number, value in enumerate(content) for place in places(value, (*path, number)))]
    return [path]


def damaged(content: Any, place: tuple[Any, ...], junk: Any) -> Any:
    content = copy.deepcopy(content)
    if not place:
        return junk
    inner = content
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = junk
    return content


@pytest.mark.parametrize("sample", GOOD)
def test_any_value_may_be_anything(write, read, sample):
    good, format_name = GOOD[sample], sample.partition(",")[0]
    for number, (place, junk) in enumerate((place, junk) for place in places(good) for junk in JUNK):
        content = damaged(good, place, junk)
        text = f"a.jpg\t{json.dumps(content)}" if format_name == "paddleocr" else content
        pages, problems = read(format_name, write(f"{number % 7}.json", text))
        assert all(isinstance(page, AnnotatedPage) for page in pages), content
        lists = ("images", "data_list", "annotations", "imgs", "documents", "_via_img_metadata", "file")
        holds_no_entry = content == {} or (
            isinstance(content, dict) and any(content.get(key) in ({}, []) for key in lists)
        )
        assert pages or problems or holds_no_entry, content


@pytest.mark.parametrize("format_name", LINES)
def test_any_character_may_be_another(write, read, format_name):
    rng = random.Random(0)
    line = LINES[format_name]
    for _ in range(80):
        place = rng.randrange(len(line))
        bad = (
            line[:place] + rng.choice(['"', ",", "\t", "[", "]", "{", "#", "9", "-", "\n", "'", ""]) + line[place + 1 :]
        )
        pages, problems = read(format_name, write("a.txt", f"{bad}\n{line}\n"))
        assert all(isinstance(problem, Problem) and "a.txt" in problem.where for problem in problems)
        words = sum(len(page.words) for page in pages)
        dropped = sum(sum(page.dropped.values()) for page in pages)
        assert words + dropped >= 1  # the good line at the end at least
