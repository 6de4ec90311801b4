"""Words made of points that may be wrong, and text as people save it."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from workbench.workloads.ocr.annotations.reading import (
    Unreadable,
    add_word,
    as_number,
    as_size,
    each_object,
    read_json,
    read_lines,
)
from workbench.workloads.ocr.pages.page import AnnotatedPage

QUAD = [10, 10, 50, 10, 50, 30, 10, 30]


def page_with(points: object) -> AnnotatedPage:
    page = AnnotatedPage("a.jpg", [], "a")
    add_word(page, points, text="A")
    return page


@pytest.mark.parametrize(
    "points",
    [
        pytest.param(QUAD, id="numbers in a row"),
        pytest.param([[10, 10], [50, 10], [50, 30], [10, 30]], id="pairs"),
        pytest.param([(10.0, 10.0), (50.0, 10.0), (50.0, 30.0), (10.0, 30.0)], id="float tuples"),
        pytest.param([str(value) for value in QUAD], id="numbers as text"),
    ],
)
def test_points_come_in_several_shapes(points):
    (word,) = page_with(points).words
    assert word.polygon.dtype == np.float32
    assert word.polygon.tolist() == [[10, 10], [50, 10], [50, 30], [10, 30]]


@pytest.mark.parametrize(
    "points",
    [
        pytest.param([10, 30, 50, 30, 50, 10, 10, 10], id="counter-clockwise"),
        pytest.param([-5, -3, 50, 10, 50, 30, 10, 30], id="negative"),
        pytest.param([10, 10, 99999, 10, 99999, 30, 10, 30], id="beyond any image"),
        pytest.param([10, 10, 50, 10, 50, 30, 50, 30, 50, 30], id="repeated vertices"),
        pytest.param([0, 0, 10, 10, 10, 0, 0, 10], id="crossing itself"),
        pytest.param([10, 10, 50, 10, 50, 30], id="three points"),
    ],
)
def test_odd_polygons_of_real_data_are_kept(points):
    page = page_with(points)
    assert page.words[0].polygon.ravel().tolist() == points
    assert page.dropped == {}


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        (None, "fewer than 3 points"),
        ([], "fewer than 3 points"),
        ([[10, 10], [50, 10]], "fewer than 3 points"),
        ([[10, 10], [50, 10], [10, 10], [50, 10]], "fewer than 3 points"),
        ([10, 10, math.nan, 10, 50, 30, 10, 30], "points that are not finite"),
        ([10, 10, math.inf, 10, 50, 30, 10, 30], "points that are not finite"),
        ([10, 10, 1e300, 10, 50, 30, 10, 30], "points that are not finite"),
        ([10, 10, 10**400, 10, 50, 30, 10, 30], "points that are not finite"),
        ([10, 10, 50, 10, 50, 30, 10], "points that are no pairs of numbers"),
        ([[10, 10], [50], [50, 30], [10, 30, 5]], "points that are no pairs of numbers"),
        ([[10, 10, 1], [50, 10, 1]], "points that are no pairs of numbers"),
        ([10, 10, None, 10, 50, 30], "points that are no pairs of numbers"),
        ([{"x": 1, "y": 2}] * 3, "points that are no pairs of numbers"),
        ("10 10 50 10 50 30", "points that are no pairs of numbers"),
        (7, "points that are no pairs of numbers"),
    ],
)
def test_what_is_no_polygon_is_dropped_and_counted(points, reason):
    page = page_with(points)
    assert page.words == []
    assert page.dropped == {reason: 1}


def test_drops_are_counted_by_reason():
    page = page_with(None)
    add_word(page, [1, 2])
    add_word(page, [math.nan] * 8)
    add_word(page, QUAD)
    assert page.dropped == {"fewer than 3 points": 2, "points that are not finite": 1}
    assert len(page.words) == 1


@pytest.mark.parametrize(
    "content",
    [b"a\n\nb\n", b"\xef\xbb\xbfa\r\n\r\nb\r\n", b"a\n \nb"],
    ids=["LF", "byte order mark and CRLF", "no newline at the end"],
)
def test_lines_keep_their_numbers(write, content):
    assert read_lines(write("a.txt", content)) == [(1, "a"), (3, "b")]


def test_a_line_separator_inside_a_text_ends_no_line(write):
    assert read_lines(write("a.txt", "a\u2028b\u0085c\nd")) == [(1, "a\u2028b\u0085c"), (2, "d")]


def test_text_that_is_no_utf8_says_so(write):
    path = write("a.txt", "출입금지".encode("cp949"))
    with pytest.raises(Unreadable) as caught:
        read_lines(path)
    assert str(caught.value.problem(path)) == (
        f"{path}, line 1: is not UTF-8, looks like GBK or EUC-KR. "
        f"Convert it: iconv -f gbk -t utf-8 {path} > {path}.utf8 && mv {path}.utf8 {path}"
    )


def test_json_with_a_byte_order_mark_is_read(write):
    assert read_json(write("a.json", b'\xef\xbb\xbf{"a": 1}')) == {"a": 1}


def test_json_that_breaks_off_names_its_line(write):
    path = write("a.json", '{"a": 1,\n"b": [1,\n')
    with pytest.raises(Unreadable) as caught:
        read_json(path)
    assert caught.value.problem(path).where == f"{path}, line 3"
    assert "is not JSON" in str(caught.value)


def test_json_with_a_key_twice_would_lose_one(write):
    with pytest.raises(Unreadable, match=r"the key 'a\.jpg' stands twice"):
        read_json(write("a.json", '{"images": {"a.jpg": {"words": {}}, "a.jpg": {}}}'))


def test_json_nested_too_deep_is_refused(write):
    with pytest.raises(Unreadable, match="nested too deep"):
        read_json(write("a.json", "[" * 200_000))


def test_a_missing_file_is_unreadable(tmp_path):
    with pytest.raises(Unreadable, match="cannot be read"):
        read_json(tmp_path / "a.json")


def test_what_is_no_object_of_a_list_is_named_by_its_place():
    problems = []
    assert list(each_object([{"a": 1}, 7, {"b": 2}], "f, words", problems)) == [
        ("f, words[0]", {"a": 1}),
        ("f, words[2]", {"b": 2}),
    ]
    assert list(each_object(None, "f, words", problems)) == []
    assert list(each_object({"a": 1}, "f, shapes", problems)) == []
    assert [str(problem) for problem in problems] == ["f, words[1]: is no object", "f, shapes: is no list"]


@pytest.mark.parametrize(
    ("value", "size"),
    [(1280, 1280), (720.0, 720), (0, None), (-1, None), ("1280", None), (None, None), (math.nan, None), (1e999, None)],
)
def test_sizes_are_positive_numbers_or_nothing(value, size):
    assert as_size(value) == size
    assert as_size(json.loads(json.dumps(value))) == size


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (3, 3.0),
        (2.5, 2.5),
        ("12.5", 12.5),
        (" 7 ", 7.0),
        (True, None),
        (None, None),
        ("x", None),
        ([1], None),
        (10**400, None),
    ],
)
def test_a_number_is_no_truth_value(value, number):
    assert as_number(value) == number


def test_points_that_are_truth_values_are_dropped():
    page = AnnotatedPage("a.jpg", [], "a")
    add_word(page, [True, 0, 9, 0, 9, 9])
    assert (page.words, page.dropped) == ([], {"points that are no pairs of numbers": 1})


def test_a_number_of_thousands_of_digits_is_named(write):
    with pytest.raises(Unreadable, match="thousands of digits"):
        read_json(write("a.json", f'{{"images": {"9" * 5000}}}'))


def test_half_a_surrogate_pair_is_no_character(write):
    page = AnnotatedPage("a.jpg", [], "a")
    add_word(page, QUAD, text=read_json(write("a.json", '"\\u00fc\\ud83d\\ude00\\ud800"')))
    assert page.words[0].text == "\u00fc\U0001f600\ufffd"


@pytest.mark.parametrize("value", [1e-320, 0.5, 0, -1, math.nan])
def test_a_side_of_less_than_a_pixel_is_none(value):
    assert as_size(value) is None
