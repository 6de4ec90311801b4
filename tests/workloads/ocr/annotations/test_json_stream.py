"""A large JSON text is read entry by entry, as if it had been parsed at once."""

from __future__ import annotations

import json

import pytest

from workbench.workloads.ocr.annotations.json_stream import LargeList, LargeObject, parse

CONTENT = {
    "info": {"a": [1, {"b": None}]},
    "images": {
        f"p{number}.jpg": {"words": {"1": {"points": [[1.5, -2], [3, 4]], "t": 'é"\\}'}}} for number in range(9)
    },
    "empty": {},
    "list": [{"id": number} for number in range(40)],
}


def hook(pairs):
    if len(dict(pairs)) != len(pairs):
        raise KeyError("twice")
    return dict(pairs)


def whole(value):
    if isinstance(value, dict):
        return {key: whole(member) for key, member in value.items()}
    return [whole(element) for element in value] if isinstance(value, list) else value


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("content", [CONTENT, [CONTENT, 1, []], CONTENT["images"], {"a": "b" * 99}])
def test_it_is_the_same(content, indent):
    text = f" {json.dumps(content, indent=indent)}\n"
    streamed = parse(text, hook, at_once=50)
    assert whole(streamed) == content
    assert type(streamed) is (LargeList if isinstance(content, list) else LargeObject)
    assert len(streamed) == len(content)
    if isinstance(content, dict):
        assert list(streamed) == list(streamed.keys()) == list(content)
        assert streamed.get("nothing", 7) == 7
        assert "nothing" not in streamed
        assert all(whole(streamed[key]) == content[key] for key in content)


def test_large_members_are_streamed_and_small_ones_are_not():
    streamed = parse(json.dumps(CONTENT), hook, at_once=100)
    assert [type(value) for value in streamed.values()] == [dict, LargeObject, dict, LargeList]
    assert streamed["list"][-1] == {"id": 39}
    assert streamed["list"][:2] == [{"id": 0}, {"id": 1}]


def test_small_texts_are_parsed_at_once():
    assert type(parse(json.dumps(CONTENT), hook)) is dict


BROKEN = ["[1, 2", "[1 2]", '{"a" 1}', '{"a": }', '{"a": 1} x', "{1: 2}", '{"a": 1,}', '["a]', "["]


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_no_json_is_found_before_anything_is_read(text):
    with pytest.raises(json.JSONDecodeError) as streamed:
        parse(text, hook, at_once=0)
    with pytest.raises(json.JSONDecodeError) as at_once:
        json.loads(text)
    assert (streamed.value.msg, streamed.value.pos) == (at_once.value.msg, at_once.value.pos)


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', '{"b": {"a": 1, "a": 2}}'])
def test_a_key_that_stands_twice_is_refused(text):
    with pytest.raises(KeyError):
        whole(parse(text, hook, at_once=0))


def test_what_is_nested_too_deep_says_so():
    with pytest.raises(RecursionError):
        parse("[" * 100_000, hook, at_once=0)
