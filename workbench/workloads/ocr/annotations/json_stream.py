"""JSON files of hundreds of megabytes, read entry by entry: parsed at once they take ten times as much memory.

What comes out is a dict or a list all the same. Its entries are parsed when they are gone through, and are gone
afterwards; members that are large themselves are such dicts and lists, too. The whole text is looked over once at the
begin, so that what is no JSON is found before anything is taken from it.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

#: Texts of fewer characters are parsed at once, and so are members of fewer.
AT_ONCE = 4_000_000

_Hook = Callable[[list[tuple[str, Any]]], dict[str, Any]]
_Decode = Callable[[str, int], tuple[Any, int]]


def parse(text: str, hook: _Hook, *, at_once: int = AT_ONCE) -> Any:
    """The content of a JSON text.

    Args:
        text: The text.
        hook: Makes an object of its members; raises where a key stands twice.
        at_once: Characters below which a text, or a member of it, is parsed at once.

    Raises:
        json.JSONDecodeError: Where it is no JSON.
        RecursionError: Where it is nested too deep.
    """
    begin = _after_space(text, 0)
    if len(text) < at_once or text[begin : begin + 1] not in ("{", "["):
        return json.loads(text, object_pairs_hook=hook)
    source = _Source(text, hook, at_once, json.JSONDecoder(object_pairs_hook=hook).raw_decode)
    content, end = source.large(begin)
    if (rest := _after_space(text, end)) != len(text):
        raise json.JSONDecodeError("Extra data", text, rest)
    return content


@dataclass(frozen=True)
class _Source:
    """A text, and how its parts are parsed."""

    text: str
    hook: _Hook
    at_once: int
    decode: _Decode

    def large(self, begin: int) -> tuple[LargeObject | LargeList, int]:
        """The object or list that begins there, and where it ends."""
        skip = json.JSONDecoder(object_pairs_hook=lambda _: None).raw_decode
        walk = _members(self.text, begin, skip)
        keys: list[str] = []
        begins, ends = array("q"), array("q")
        while True:
            try:
                key, start, end, _ = next(walk)
            except StopIteration as stopped:
                close: int = stopped.value
                break
            keys += [] if key is None else [key]
            begins.append(start)
            ends.append(end)
        if self.text[begin] == "[":
            return LargeList(self, begins, ends), close
        index = dict(zip(keys, zip(begins, ends, strict=True), strict=True))
        if len(index) != len(keys):
            self.hook([(key, None) for key in keys])
        return LargeObject(self, index), close

    def value(self, begin: int, end: int) -> Any:
        """What stands there."""
        if end - begin > self.at_once and self.text[begin] in "{[":
            return self.large(begin)[0]
        return self.decode(self.text, begin)[0]


class LargeObject(dict[str, Any]):
    """An object in a text: what it holds is parsed when it is asked for."""

    def __init__(self, source: _Source, index: dict[str, tuple[int, int]]) -> None:
        super().__init__()
        self._source, self._index = source, index
        self._large: dict[str, LargeObject | LargeList] = {}  # each would be looked over again

    def __len__(self) -> int:
        """How many members it has."""
        return len(self._index)

    def __iter__(self) -> Iterator[str]:
        """Its keys."""
        return iter(self._index)

    def __contains__(self, key: object) -> bool:
        """Whether it has a member."""
        return key in self._index

    def __getitem__(self, key: str) -> Any:
        """A member; a small one is parsed anew each time."""
        if key in self._large:
            return self._large[key]
        value = self._source.value(*self._index[key])
        if isinstance(value, LargeObject | LargeList):
            self._large[key] = value
        return value

    def get(self, key: str, default: Any = None) -> Any:
        """A member, or the default."""
        return self[key] if key in self._index else default

    def keys(self) -> Any:
        """Its keys."""
        return self._index.keys()

    def values(self) -> Any:
        """Its members, one after the other."""
        return (self[key] for key in self._index)

    def items(self) -> Any:
        """Its keys and members, one after the other."""
        return ((key, self[key]) for key in self._index)


class LargeList(list[Any]):
    """A list in a text: what it holds is parsed when it is asked for."""

    def __init__(self, source: _Source, begins: Sequence[int], ends: Sequence[int]) -> None:
        super().__init__()
        self._source, self._begins, self._ends = source, begins, ends

    def __len__(self) -> int:
        """How many elements it has."""
        return len(self._begins)

    def __iter__(self) -> Iterator[Any]:
        """Its elements, one after the other."""
        return (self[number] for number in range(len(self)))

    def __getitem__(self, number: Any) -> Any:
        """An element, or some, parsed anew each time."""
        if isinstance(number, slice):
            return [self[at] for at in range(*number.indices(len(self)))]
        return self._source.value(self._begins[number], self._ends[number])


def _members(text: str, begin: int, decode: _Decode) -> Generator[tuple[str | None, int, int, Any], None, int]:
    """The members of an object or a list: key (None in a list), begin, end, value. Returns where it ends."""
    is_object = text[begin] == "{"
    close = "}" if is_object else "]"
    at = _after_space(text, begin + 1)
    if text[at : at + 1] == close:
        return at + 1
    while True:
        key = None
        if is_object:
            if text[at : at + 1] != '"':
                raise json.JSONDecodeError("Expecting property name enclosed in double quotes", text, at)
            key, at = scanstring(text, at + 1, True)
            at = _after_space(text, at)
            if text[at : at + 1] != ":":
                raise json.JSONDecodeError("Expecting ':' delimiter", text, at)
            at = _after_space(text, at + 1)
        value, end = decode(text, at)
        yield key, at, end, value
        at = _after_space(text, end)
        if text[at : at + 1] == close:
            return at + 1
        if text[at : at + 1] != ",":
            raise json.JSONDecodeError("Expecting ',' delimiter", text, at)
        at = _after_space(text, at + 1)


def _after_space(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\t", "\n", "\r"):
        at += 1
    return at
