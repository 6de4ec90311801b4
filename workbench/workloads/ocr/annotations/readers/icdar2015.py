"""ICDAR2015 and its kin: one text file an image, ``x1,y1,x2,y2,x3,y3,x4,y4,TEXT`` a line.

TEXT is everything after the eighth comma; exactly ``###`` is don't-care ("#22" is a real word). Kin by what TEXT is
over the whole file set: SROIE (plain text, .csv), MLT (a script, then the text), RCTW (a flag, then the text),
VinText (the text with #### before it).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from workbench.errors import Problem
from workbench.workloads.ocr.annotations.reading import DONT_CARE, Item, Unreadable, add_word, read_each, read_lines
from workbench.workloads.ocr.pages.page import AnnotatedPage

NUMBER = r"\s*([-+]?(?:\d+(?:\.\d*)?|\.\d+|nan|inf))\s*"
_LINE = re.compile(",".join([NUMBER] * 8) + r"(?:,(.*))?$", re.IGNORECASE)
#: SCUT-CTW1500's old form: a box and 14 offsets to it, which are no points.
_CTW1500_OLD = re.compile(r"\s*(?:-?\d+\s*,\s*){31}-?\d+\s*$")
_SCRIPTS = {"Arabic", "Latin", "Chinese", "Japanese", "Korean", "Bangla", "Hindi", "Symbols", "Mixed", "None"}
_FLAGGED = re.compile(r'\s*[01]\s*,\s*".*"\s*$')
#: What VinText and the new form of SCUT-CTW1500 put before every text; a don't-care is the mark with ### after it.
TEXT_MARK = "####"

#: Makes of the end of a line its text, and whether it is don't-care.
_Ending = Callable[[str], tuple[str, bool]]


def recognizes(line: str) -> bool:
    """Whether a line of a text file is of this format."""
    return _LINE.match(line) is not None and _CTW1500_OLD.match(line) is None


def read(paths: Iterable[Path]) -> Iterator[Item]:
    """Read annotation files of this format; the image of a file is named like it, without ``gt_`` or ``res_``."""
    paths = list(paths)
    return read_each(paths, partial(_read_file, ending=_ending(_tails(paths))))


def unquoted(text: str) -> str:
    r"""A transcription without the quotes around it, and with ``\"`` and ``\\`` taken for what they mean."""
    stripped = text.strip()
    if len(stripped) >= 2 and stripped[0] == stripped[-1] == '"':
        return re.sub(r'\\(["\\])', r"\1", stripped[1:-1])
    return text


def _read_file(path: Path, *, ending: _Ending) -> Iterator[Item]:
    page = AnnotatedPage(path.stem, [], str(path), beside=path.parent)
    for number, line in read_lines(path):
        match = _LINE.match(line)
        if match is None:
            yield Problem("is not 'x1,y1,x2,y2,x3,y3,x4,y4,TEXT'", f"{path}, line {number}")
            continue
        text, ignore = ending(match[9] or "")
        add_word(page, match.groups()[:8], text=text, ignore=ignore)
    yield page


def _tails(paths: Sequence[Path]) -> list[str]:
    tails = []
    for path in paths:
        try:
            tails += [match[9] or "" for _, line in read_lines(path) if (match := _LINE.match(line))]
        except Unreadable:  # named when it is its turn to be read
            continue
    return tails


def _ending(tails: list[str]) -> _Ending:
    if not tails:
        return _plain
    if all("," in tail and tail.partition(",")[0].strip() in _SCRIPTS for tail in tails):
        return _after_script
    if all(map(_FLAGGED.match, tails)):
        return _after_flag
    if all(tail.startswith(TEXT_MARK) for tail in tails):
        return _after_mark
    return _plain


def _plain(tail: str) -> tuple[str, bool]:
    text = unquoted(tail)
    return text, text == DONT_CARE


def _after_script(tail: str) -> tuple[str, bool]:
    return _plain(tail.partition(",")[2])


def _after_flag(tail: str) -> tuple[str, bool]:
    flag, _, rest = tail.partition(",")
    text, ignore = _plain(rest)
    return text, ignore or flag.strip() != "0"


def _after_mark(tail: str) -> tuple[str, bool]:
    return _plain(tail.removeprefix(TEXT_MARK))
