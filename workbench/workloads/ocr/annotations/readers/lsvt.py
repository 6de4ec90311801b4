"""LSVT and ArT: one JSON file, ``{"gt_0": [{"transcription", "points", "illegibility"}], ...}``, an entry an image.

Don't-care is ``illegibility: true``, and the text ``###``, which a few words have without being marked. The image of
``gt_0`` is ``gt_0.jpg``; other names of images serve as well. LSVT's "weak" labels, texts without places, aren't read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from workbench.errors import Problem
from workbench.workloads.ocr.annotations.reading import (
    DONT_CARE,
    Item,
    Unreadable,
    add_word,
    each_object,
    read_each,
    read_json,
)
from workbench.workloads.ocr.pages.image_kinds import IMAGE_SUFFIXES
from workbench.workloads.ocr.pages.page import AnnotatedPage

_NAME = re.compile(rf"(?:gt|img|res)_\d+|.+(?:{'|'.join(map(re.escape, IMAGE_SUFFIXES))})", re.IGNORECASE)


def recognizes(content: Any) -> bool:
    """Whether a JSON file's content is of this format: all its keys name images, and some word has points."""
    if not isinstance(content, dict) or not all(map(_NAME.fullmatch, content)):
        return False
    words = (word for words in content.values() if isinstance(words, list) for word in words)
    return any(isinstance(word, dict) and "points" in word and "transcription" in word for word in words)


def read(paths: Iterable[Path]) -> Iterator[Item]:
    """Read annotation files of this format."""
    return read_each(paths, _read_file)


def _read_file(path: Path) -> Iterator[Item]:
    content = read_json(path)
    if not isinstance(content, dict):
        raise Unreadable("is no object with an entry an image")
    for name, words in content.items():
        where = f"{path}, entry '{name}'"
        page = AnnotatedPage(name, [], where, beside=path.parent)
        problems: list[Problem] = []
        for _, word in each_object(words, where, problems):
            text = word.get("transcription")
            ignore = word.get("illegibility") is True or text == DONT_CARE
            add_word(page, word.get("points"), text=text, ignore=ignore)
        yield from problems
        yield page
