"""ICDAR2015 and its kin: one text file an image, ``x1,y1,x2,y2,x3,y3,x4,y4,TEXT`` a line.

TEXT is everything after the eighth comma; exactly ``###`` is don't-care ("#22" is a real word). Kin by what the ninth
field holds over the whole file set: SROIE (plain text, .csv), MLT (a script, then the text), RCTW (a flag, then the text).
"""

from __future__ import annotations

import re
from pathlib import Path

from workbench.data.annotations.reading import Reading, add_word, read_lines, unreadable
from workbench.data.page import AnnotatedPage
from workbench.errors import Problem

NUMBER = r"\s*([-+]?(?:\d+(?:\.\d*)?|\.\d+|nan|inf))\s*"
_LINE = re.compile(",".join([NUMBER] * 8) + r"(?:,(.*))?$", re.IGNORECASE)
_SCRIPTS = {"Arabic", "Latin", "Chinese", "Japanese", "Korean", "Bangla", "Hindi", "Symbols", "Mixed", "None"}
_IGNORED = "###"


def recognizes(line: str) -> bool:
    """Whether a line of a text file is of this format."""
    return _LINE.match(line) is not None


def read(paths: list[Path]) -> Reading:
    """Read annotation files of this format; the image of a file is named like it, without ``gt_`` or ``res_``."""
    reading = Reading()
    read_files = []
    for path in paths:
        try:
            read_files.append((path, read_lines(path)))
        except (OSError, UnicodeDecodeError) as error:
            reading.problems.append(unreadable(path, error))
    kin = _kin([line for _, lines in read_files for _, line in lines])
    for path, lines in read_files:
        page = AnnotatedPage(path.stem, [], str(path), beside=path.parent)
        for number, line in lines:
            match = _LINE.match(line)
            if match is None:
                problem = Problem("is not 'x1,y1,x2,y2,x3,y3,x4,y4,TEXT'", f"{path}, line {number}")
                reading.problems.append(problem)
                continue
            text, ignore = _text(match[9] or "", kin)
            add_word(page, match.groups()[:8], text=text, ignore=ignore)
        reading.pages.append(page)
    return reading


def _kin(lines: list[str]) -> str:
    tails = [match[9] or "" for match in map(_LINE.match, lines) if match is not None]
    if tails and all(tail.split(",")[0].strip() in _SCRIPTS and "," in tail for tail in tails):
        return "mlt"
    if tails and all(re.match(r'\s*[01]\s*,\s*".*"\s*$', tail) for tail in tails):
        return "rctw"
    return "icdar2015"


def _text(tail: str, kin: str) -> tuple[str, bool]:
    if kin == "icdar2015":
        text = unquoted(tail)
        return text, text == _IGNORED
    flag, _, rest = tail.partition(",")
    text = unquoted(rest)
    return text, text == _IGNORED or (kin == "rctw" and flag.strip() != "0")


def unquoted(text: str) -> str:
    r"""A transcription without the quotes around it, and with ``\"`` and ``\\`` taken for what they mean."""
    text = text.strip("\r\n")
    stripped = text.strip()
    if len(stripped) >= 2 and stripped[0] == stripped[-1] == '"':
        return stripped[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return text
