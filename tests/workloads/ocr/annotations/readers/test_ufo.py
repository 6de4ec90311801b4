"""The competition (UFO) JSON."""

from __future__ import annotations

import pytest

QUAD = [[10, 10], [50, 10], [50, 30], [10, 30]]


def test_an_entry_with_everything(read_page):
    word = {
        "points": [[273.31, 164.16], [585.2, 162.57], [585.2, 200.61], [271.72, 202.2]],
        "transcription": "출입금지",
        "language": ["ko"],
        "illegibility": False,
        "orientation": "Horizontal",
        "word_tags": None,
    }
    page = read_page("ufo", "val.json", {"images": {"a.jpg": {"img_h": 2448, "img_w": 1836, "words": {"0001": word}}}})
    assert (page.image, page.width, page.height, page.frame) == ("a.jpg", 1836, 2448, None)
    assert page.where.endswith("val.json, entry 'a.jpg'")
    (read,) = page.words
    assert (read.text, read.ignore) == ("출입금지", False)
    assert read.polygon.tolist()[0] == pytest.approx([273.31, 164.16])


@pytest.mark.parametrize(
    ("word", "text", "ignore"),
    [
        pytest.param({"points": QUAD}, "", False, id="only points"),
        pytest.param({"points": QUAD, "transcription": None}, "", False, id="no text"),
        pytest.param({"points": QUAD, "transcription": "", "illegibility": True}, "", True, id="illegible"),
        pytest.param({"points": QUAD, "transcription": "###", "illegibility": False}, "###", False, id="legible ###"),
        pytest.param({"points": QUAD, "language": "ko"}, "", False, id="language as text"),
    ],
)
def test_only_points_are_needed_and_only_illegibility_is_dont_care(read_page, word, text, ignore):
    (read,) = read_page("ufo", "a.json", {"images": {"a.jpg": {"words": {"0": word}}}}).words
    assert (read.text, read.ignore) == (text, ignore)


@pytest.mark.parametrize(("said", "frame"), [("upright", "upright"), ("sideways", None), (None, None)])
def test_an_entry_may_say_that_its_points_are_upright(read_page, said, frame):
    entry = {"frame": said, "words": {"0": {"points": QUAD}}}
    assert read_page("ufo", "a.json", {"images": {"a.jpg": entry}}).frame == frame


@pytest.mark.parametrize("entry", [{"words": {}}, {"words": None}, {}], ids=["empty", "null", "missing"])
def test_a_test_split_has_no_words(read_page, entry):
    assert read_page("ufo", "a.json", {"images": {"a.jpg": entry}}).words == []


@pytest.mark.parametrize("points", [None, [], [[1, 2], [3, 4]]])
def test_words_without_a_polygon_are_dropped(read_page, points):
    words = {"0": {"points": points}, "1": {"points": QUAD}}
    page = read_page("ufo", "a.json", {"images": {"a.jpg": {"words": words}}})
    assert (len(page.words), page.dropped) == (1, {"fewer than 3 points": 1})


def test_nan_is_dropped(read_page):
    text = '{"images": {"a.jpg": {"words": {"0": {"points": [[NaN, 1], [5, 1], [5, 5], [1, 5]]}}}}}'
    assert read_page("ufo", "a.json", text).dropped == {"points that are not finite": 1}


def test_all_that_is_wrong_is_named_and_the_rest_is_read(write, read):
    images = {"a.jpg": 7, "b.jpg": {"words": [1]}, "c.jpg": {"words": {"0001": "x", "0002": {"points": QUAD}}}}
    path = write("val.json", {"images": images})
    broken = write("broken.json", '{"images": {\n"a.jpg": }')
    other = write("other.json", {"images": []})
    pages, problems = read("ufo", path, broken, other)
    assert [page.image for page in pages] == ["c.jpg"]
    assert len(pages[0].words) == 1
    assert [str(problem) for problem in problems] == [
        f"{path}, entry 'a.jpg': is no object",
        f"{path}, entry 'b.jpg': its 'words' are no object",
        f"{path}, entry 'c.jpg', word '0001': is no object",
        f"{broken}, line 2: is not JSON (Expecting value, column 10)",
        f"{other}: there is no object 'images'",
    ]
