"""PaddleOCR label file: ``PATH TAB [{"transcription": ..., "points": [[x, y], ...]}, ...]`` a line.

``*`` and ``###`` are don't-care; ``difficult`` is written by PPOCRLabel and read by nobody. Paths are often those of
another machine: the survey falls back to their last part. PPOCRLabel writes a Label.txt into each folder of images,
and into its Cache.cach, likewise, what nobody has confirmed yet.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from workbench.errors import Problem
from workbench.workloads.ocr.annotations.json_faults import json_fault
from workbench.workloads.ocr.annotations.reading import (
    DONT_CARE,
    Item,
    Note,
    add_word,
    each_object,
    read_each,
    read_lines,
)
from workbench.workloads.ocr.pages.page import AnnotatedPage

_IGNORED = ("*", DONT_CARE)
#: Not a bracket isolated: PPOCRLabel's rec_gt.txt beside it is ``CROP TAB TEXT``.
_LINE = re.compile(r"""[^\t]+\t\s*\[\s*[{\]]|[^\t]*\[\s*\{\s*["']transcription["']""")


def recognizes(line: str) -> bool:
    """Whether a line of a text file is of this format."""
    return _LINE.match(line) is not None


def read(paths: Iterable[Path]) -> Iterator[Item]:
    """Read label files of this format."""
    paths = list(paths)
    if len(paths) > 1:
        yield Note(f"the label files of {len(paths)} folders are one set ({paths[0]}, ...)")
    if any(path.suffix.lower() == ".cach" for path in paths):
        yield Note("words that PPOCRLabel has found and nobody has confirmed (Cache.cach)")
    yield from read_each(paths, _read_file)


def _read_file(path: Path) -> Iterator[Item]:
    for number, line in read_lines(path):
        yield from _read_line(path, f"{path}, line {number}", line)


def _read_line(path: Path, where: str, line: str) -> Iterator[Item]:
    name, tab, text = line.partition("\t")
    if not tab:
        remedy = "Write the path of the image, a tab, and the words as JSON"
        yield Problem("there is no tab between the image and its words", where, remedy)
        return
    try:
        words = json.loads(text)
    except (ValueError, RecursionError) as error:
        fault = json_fault(text, error, before=len(name) + 1)
        yield Problem(f"its words are not JSON ({fault.what})", where, fault.remedy)
        return
    page = AnnotatedPage(name.strip(), [], f"{where} ('{name.strip()}')", beside=path.parent)
    problems: list[Problem] = []
    for _, word in each_object(words, f"{where}, words", problems):
        transcription = word.get("transcription")
        add_word(page, word.get("points"), text=transcription, ignore=transcription in _IGNORED)
    yield from problems
    yield page
