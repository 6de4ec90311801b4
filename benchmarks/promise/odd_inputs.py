"""Draws odd inputs: any bytes, JSON and XML of plausible names, and valid files with something in them replaced."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from defusedxml.ElementTree import fromstring
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

#: What Python writes into no JSON, but others do, and what takes a parser to its limits.
_RAW = (
    "9" * 5000, "1e999", "-1e999", "1" + "0" * 400, "-0", "NaN", "Infinity", "[" * 3000 + "]" * 3000, '"\\ud800"',
    '"\\u0000"', "1E+2", '{"a": 1, "a": 2}', "01", "'a'", "", "1,", "\ufeff",
)  # fmt: skip
_PLACE = "\0raw"

#: Numbers and texts at which readers of text have stumbled, in files of anybody.
TEXTS = (
    "", " ", "x", "nan", "inf", "-inf", "1e400", "1e308", "-1e308", "3.5e38", "1e-320", "-1", "0", "1_0", "1,5", "0x1",
    "9" * 400, "\u0663", "\uff11", "\u00b2", "1 2", "1,2", "1,2 3,4 5,6", "1,2;3,4;5,6", "###", "true", "None",
    "\u2028", "..", "/", "a" * 300, "a.jpg", "b.png", "\t", "\n", '"', "'", "[", "{", "0.5", "1e5", "100001", "+1",
    ".5", "5.",
)  # fmt: skip

_numbers = st.one_of(
    st.integers(-300, 300),
    st.floats(-1000, 1000, width=16),
    st.sampled_from((1e308, -1e308, 3.5e38, 1e5, 10**400, 2**63, 1e-320, float("nan"), float("inf"), -1)),
)
_scalars = st.one_of(
    st.none(),
    st.booleans(),
    _numbers,
    st.sampled_from(TEXTS),
    st.sampled_from(range(len(_RAW))).map(lambda number: f"{_PLACE}{number}"),
    st.text(max_size=8),
)
#: Anything that may stand at one place of a JSON file.
junk = st.one_of(
    _scalars,
    st.lists(_scalars, max_size=5),
    st.lists(st.lists(_numbers, max_size=3), max_size=5),
    st.dictionaries(st.sampled_from(("a", "x", "points", "text")), _scalars, max_size=2),
)

any_bytes = st.binary(max_size=200)


def as_json(content: Any) -> bytes:
    """Content as JSON, with what is no JSON where it was drawn."""
    text = json.dumps(content)
    for number, raw in enumerate(_RAW):
        text = text.replace(json.dumps(f"{_PLACE}{number}"), raw)
    return text.encode("utf-8", "surrogatepass")


def keys_of(content: Any) -> set[str]:
    """All keys in nested lists and dictionaries."""
    if isinstance(content, Mapping):
        return set(content) | {key for value in content.values() for key in keys_of(value)}
    if isinstance(content, list | tuple):
        return {key for value in content for key in keys_of(value)}
    return set()


def plausible_json(keys: Sequence[str]) -> SearchStrategy[bytes]:
    """JSON whose objects have these keys."""
    names = st.sampled_from(sorted(keys)) | st.sampled_from(TEXTS)
    content = st.recursive(
        _scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5), max_leaves=12
    )
    return content.map(as_json)


@st.composite
def replaced(draw: DrawFn, content: Any) -> Any:
    """Content with something else at one to three places of it."""
    content = copy.deepcopy(content)
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(content))
        owner, key = places[draw(st.integers(0, len(places) - 1))] if places else (None, None)
        how = draw(st.sampled_from(("other", "other", "other", "gone", "twice")))
        if owner is None:
            content = draw(junk)
        elif how == "other":
            owner[key] = draw(junk)
        elif how == "gone":
            del owner[key]
        elif isinstance(owner, list):
            owner.append(copy.deepcopy(owner[key]))
        else:
            owner[draw(st.sampled_from(TEXTS))] = copy.deepcopy(owner[key])
    return content


def replaced_json(content: Any) -> SearchStrategy[bytes]:
    """JSON with something else at one to three places of it."""
    return replaced(content).map(as_json)


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    """What holds each value, and where."""
    entries = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in list(entries):
        yield content, key
        yield from _places(value)


@st.composite
def edited(draw: DrawFn, data: bytes) -> bytes:
    """Bytes of which some are cut, replaced, doubled or added."""
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(data)))
        end = min(begin + draw(st.sampled_from((0, 1, 1, 2, 4, 8, 40))), len(data))
        how = draw(st.sampled_from(("other", "other", "cut", "gone", "twice", "turned")))
        if how == "other":
            data = data[:begin] + draw(st.binary(max_size=8) | st.sampled_from(_MARKS)) + data[end:]
        elif how == "cut":
            data = data[:begin]
        elif how == "gone":
            data = data[:begin] + data[end:]
        elif how == "twice":
            data = data[:end] + data[begin:end] + data[end:]
        else:
            data = data[:begin] + bytes(byte ^ (1 << (byte & 7)) for byte in data[begin:end]) + data[end:]
    return data


_MARKS = tuple(mark.encode() for mark in ('"', ",", "\t", "[", "]", "{", "<", ">", "&", "/", "#", "9", "-", "\n", "\0"))
_MARKS += (b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80", b"9" * 400)

_TOKENS = re.compile(r"[^\s,;:\[\]'\"{}]+")


@st.composite
def reworded(draw: DrawFn, line: str) -> bytes:
    """Lines in which words stand for others; some lines are whole."""
    lines = [line] * draw(st.integers(1, 3))
    for _ in range(draw(st.integers(1, 4))):
        number = draw(st.integers(0, len(lines) - 1))
        found = list(_TOKENS.finditer(lines[number]))
        if not found:
            continue
        token = found[draw(st.integers(0, len(found) - 1))]
        other = draw(st.sampled_from(TEXTS) | _numbers.map(str) | st.text(max_size=4))
        lines[number] = lines[number][: token.start()] + other + lines[number][token.end() :]
    return "\n".join(lines).encode("utf-8", "surrogatepass")


@st.composite
def replaced_xml(draw: DrawFn, text: str) -> bytes:
    """XML in which values are others, and elements are gone, doubled or of another name."""
    root = fromstring(text)
    for _ in range(draw(st.integers(1, 4))):
        elements = list(root.iter())
        element = elements[draw(st.integers(0, len(elements) - 1))]
        how = draw(st.sampled_from(("value", "value", "value", "gone", "twice", "name")))
        value = draw(st.sampled_from(TEXTS) | _numbers.map(str))
        if how == "value" and element.attrib:
            element.set(draw(st.sampled_from(sorted(element.attrib))), value)
        elif how == "value":
            element.text = value
        elif how == "name":
            element.tag = draw(st.sampled_from(sorted({other.tag for other in elements} | {"a"})))
        elif len(element):
            child = element[draw(st.integers(0, len(element) - 1))]
            (element.remove if how == "gone" else element.append)(child)
    return ElementTree.tostring(root)


def plausible_xml(text: str) -> SearchStrategy[bytes]:
    """XML of the names and attributes of another XML."""
    elements = list(fromstring(text).iter())
    tags = st.sampled_from(sorted({element.tag for element in elements}))
    keys = st.sampled_from(sorted({key for element in elements for key in element.attrib} | {"a"}))
    values = st.sampled_from(TEXTS) | _numbers.map(str)

    def made(tag: str, attributes: Mapping[str, str], inner: Sequence[Any]) -> ElementTree.Element:
        element = ElementTree.Element(tag, dict(attributes))
        for each in inner:
            if isinstance(each, str):
                element.text = each
            else:
                element.append(each)
        return element

    attributes = st.dictionaries(keys, values, max_size=4)
    leaf = st.builds(made, tags, attributes, st.lists(values, max_size=1))
    trees = st.recursive(
        leaf, lambda inner: st.builds(made, tags, attributes, st.lists(inner, max_size=4)), max_leaves=10
    )
    return st.builds(made, st.just(elements[0].tag), attributes, st.lists(trees, max_size=3)).map(ElementTree.tostring)
