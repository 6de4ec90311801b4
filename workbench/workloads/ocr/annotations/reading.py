"""What all readers share: text as people save it, what is wrong with a file, words made of points that may be wrong."""

from __future__ import annotations

import gzip
import json
import math
import re
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from workbench.errors import Problem
from workbench.units import format_bytes
from workbench.workloads.ocr.annotations.encodings import declared_encoding, not_utf8
from workbench.workloads.ocr.annotations.json_faults import json_fault
from workbench.workloads.ocr.annotations.json_stream import parse
from workbench.workloads.ocr.pages.not_fetched import HEAD_BYTES, not_fetched
from workbench.workloads.ocr.pages.page import AnnotatedPage

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


@dataclass(frozen=True)
class Note:
    """A choice that a reader has made, and why, where the files could be read otherwise; without a final stop."""

    text: str


#: What a reader gives, in the order of its files: pages, and before each page what could not be read of it, and how.
Item = AnnotatedPage | Problem | Note

#: A transcription that marks a don't-care region in most formats. "#22" is a real word.
DONT_CARE = "###"

_PLAIN = frozenset((int, float))
_BARE_AND = re.compile(rb"&(?!#?\w+;)")

#: No more is unpacked of a file: the largest annotations that are published so (HierText) have a third of it.
MOST_UNPACKED_BYTES = 4_000_000_000


class Unreadable(ValueError):
    """A file that cannot be read at all.

    Args:
        what: What is wrong with it.
        line: The line at which it was seen, where there is one.
        remedy: What to do about it.
    """

    def __init__(self, what: str, line: int | None = None, remedy: str = "") -> None:
        super().__init__(what)
        self.line = line
        self.remedy = remedy

    def problem(self, path: Path) -> Problem:
        """The problem that it is."""
        return Problem(str(self), f"{path}, line {self.line}" if self.line else str(path), self.remedy)


def read_each(paths: Iterable[Path], read_file: Callable[[Path], Iterator[Item]]) -> Iterator[Item]:
    """What a reader makes of files one after another; an `Unreadable` one is a problem, and the next follows."""
    for path in paths:
        try:
            yield from read_file(path)
        except Unreadable as error:
            yield error.problem(path)


def read_lines(path: Path) -> list[tuple[int, str]]:
    """The lines of a text file that aren't blank, with their numbers from 1. A byte order mark and CRLF are left out.

    Raises:
        Unreadable: Where it cannot be read or is no UTF-8.
    """
    # Not splitlines(): it also breaks at U+2028 and the like, which stand inside transcriptions.
    lines = enumerate(_read_text(path).split("\n"), start=1)
    return [(number, line) for number, line in lines if line.strip()]


def read_json(path: Path) -> Any:
    """The content of a JSON file, with or without a byte order mark.

    Raises:
        Unreadable: Where it cannot be read, is no JSON, or holds a key twice in one object, of which one would be lost.
    """
    return _parsed(path, *_state_of(path))


def forget() -> None:
    """Let go of the JSON file that was read last, which is kept because a file is looked at before it is read."""
    _parsed.cache_clear()


@lru_cache(maxsize=1)
def _parsed(path: Path, num_bytes: int, written_ns: int) -> Any:
    """The content of a file in a state that is said by its size and the time it was written."""
    text = _read_text(path)
    try:
        return parse(text, _object)
    except json.JSONDecodeError as error:
        fault = json_fault(text, error)
        raise Unreadable(f"is not JSON ({fault.what})", error.lineno, fault.remedy) from None
    except RecursionError:
        raise Unreadable("is nested too deep") from None
    except Unreadable:
        raise
    except ValueError:  # which Python raises of no other JSON
        raise Unreadable("is not read: a number in it has thousands of digits") from None


def read_xml(path: Path) -> Element:
    """The root of an XML file, with the names of its elements without their namespaces.

    Raises:
        Unreadable: Where it cannot be read, is no XML, or declares entities (which may stand for gigabytes, or for
            other files).
    """
    data = _read_bytes(path)
    try:
        root: Element = fromstring(data)
    except ParseError as error:
        remedy = "Write '&' as '&amp;' in it" if _BARE_AND.search(data) else ""
        raise Unreadable(f"is not XML ({error})", error.position[0], remedy) from None
    except DefusedXmlException:
        raise Unreadable("declares entities of its own, which are not read") from None
    except (LookupError, ValueError) as error:  # an encoding that nobody knows
        raise Unreadable(f"is not XML ({error})") from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def add_word(page: AnnotatedPage, points: Any, *, text: Any = "", ignore: bool = False) -> None:
    """Add a word to a page, or count it as dropped where its points make no polygon.

    Negative points, points beyond the image, repeated ones and either winding are kept: real data has them.

    Args:
        page: Gets the word.
        points: Pairs of numbers, or numbers in a row x, y, x, y, ...; None for none.
        text: Its transcription; None for none.
        ignore: Whether it is don't-care.
    """
    try:
        values = _flattened(points)
        if not _PLAIN.issuperset(map(type, values)):
            values = [_coordinate(value) for value in values]
        rounded = array("f", values)
    except OverflowError:
        drop(page, "points that are not finite")
        return
    except (TypeError, ValueError):
        drop(page, "points that are no pairs of numbers")
        return
    kept = rounded.tolist()
    if len(kept) % 2:
        drop(page, "points that are no pairs of numbers")
    elif not all(map(math.isfinite, kept)):
        drop(page, "points that are not finite")
    elif len(set(zip(kept[::2], kept[1::2], strict=True))) < 3:
        drop(page, "fewer than 3 points")
    else:  # a million of them: no array of each
        page.packed.append_points(rounded, "" if text is None else _writable(str(text)), ignore)


def drop(page: AnnotatedPage, reason: str) -> None:
    """Count a word that cannot be used."""
    page.dropped[reason] = page.dropped.get(reason, 0) + 1


def rectangle(left: Any, top: Any, right: Any, bottom: Any) -> list[Any]:
    """The four corners of an axis-aligned box, clockwise from the top left, as numbers in a row."""
    return [left, top, right, top, right, bottom, left, bottom]


def each_object(value: Any, where: str, problems: list[Problem]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of a JSON list, each with its place, ``where[3]``. None is an empty list.

    Args:
        value: What should be a list of objects.
        where: The place of the list.
        problems: Gets what is none.
    """
    if not isinstance(value, list | None):
        problems.append(Problem("is no list", where))
        return
    for number, entry in enumerate(value or []):
        if isinstance(entry, dict):
            yield f"{where}[{number}]", entry
        else:
            problems.append(Problem("is no object", f"{where}[{number}]"))


def as_size(value: Any) -> int | None:
    """A width or height as annotations give it; None for what is no positive number."""
    return int(value) if isinstance(value, int | float) and 1 <= value < math.inf else None


def as_number(value: Any) -> float | None:
    """A number as annotations give it, also as text ("12.5"); None for what is none. True and False are none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (OverflowError, ValueError):
        return None


def _state_of(path: Path) -> tuple[int, int]:
    try:
        state = path.stat()
    except OSError as error:
        raise Unreadable(f"cannot be read ({error.strerror or error})") from None
    return state.st_size, state.st_mtime_ns


def _read_text(path: Path) -> str:
    data = _read_bytes(path)
    try:
        text = data.decode(declared_encoding(data))
    except UnicodeDecodeError as error:
        raise Unreadable(*not_utf8(data, error.start, path)) from None
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n\ufeff", "\n")  # of files that were joined


def _read_bytes(path: Path) -> bytes:
    """The bytes of a file, of one that is packed (.gz) what is in it."""
    try:
        if path.suffix.lower() != ".gz":
            return _fetched(path.read_bytes())
        check_fetched(path)
        with gzip.open(path) as file:
            data = file.read(MOST_UNPACKED_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Unreadable(f"cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if len(data) > MOST_UNPACKED_BYTES:
        raise Unreadable(f"holds more than {format_bytes(MOST_UNPACKED_BYTES)} when it is unpacked")
    return data


def check_fetched(path: Path) -> None:
    """See whether a file is itself, and nothing that stands in for it.

    Raises:
        Unreadable: Where it isn't, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            _fetched(file.read(HEAD_BYTES))
    except OSError as error:
        raise Unreadable(f"cannot be read ({error.strerror or error})") from None


def _fetched(data: bytes) -> bytes:
    """The bytes of a file, unless they stand in for it."""
    if (found := not_fetched(data[:HEAD_BYTES])) is not None:
        raise Unreadable(found[0], remedy=found[1])
    return data


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise Unreadable(
            f"the key '{twice}' stands twice in one object", remedy="One of the two would be lost: rename it"
        )
    return content


def _writable(text: str) -> str:
    """A text that can be written: JSON may hold a half of a surrogate pair, which stands for no character."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _coordinate(value: Any) -> float:
    if isinstance(value, bool):  # which is an int to Python
        raise TypeError("True is no number")
    return float(value)


def _flattened(points: Any) -> list[Any]:
    """Numbers in a row, of numbers in a row or pairs of them; empty for None."""
    if points is None:
        return []
    if not _is_row(points):
        raise TypeError("points are no list")
    if points and _is_row(points[0]):
        return [value for x, y in points for value in (x, y)]
    return list(points)


def _is_row(value: Any) -> bool:
    return type(value) is list or (isinstance(value, Sequence) and not isinstance(value, str))
