"""FUNSD: one JSON file an image, ``{"form": [{"box", "text", "words": [{"box", "text"}]}]}``; and its kin XFUND.

A box is ``left, top, right, bottom``. A word with an empty text is don't-care. An entry without words is taken for one.
XFUND has many images in a file, ``{"documents": [{"img": {"fname"}, "document": [...]}]}``; in Chinese and Japanese its
"words" are characters: where most are, the entries are taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from workbench.errors import Problem
from workbench.workloads.ocr.annotations.boxes import box_between
from workbench.workloads.ocr.annotations.reading import (
    Item,
    Note,
    Unreadable,
    add_word,
    as_size,
    each_object,
    read_each,
    read_json,
)
from workbench.workloads.ocr.pages.page import AnnotatedPage


def recognizes(content: Any) -> bool:
    """Whether a JSON file's content is FUNSD's."""
    return isinstance(content, dict) and isinstance(content.get("form"), list)


def recognizes_xfund(content: Any) -> bool:
    """Whether a JSON file's content is XFUND's."""
    documents = content.get("documents") if isinstance(content, dict) else None
    return isinstance(documents, list) and any(isinstance(page, dict) and "document" in page for page in documents)


def read(paths: Iterable[Path]) -> Iterator[Item]:
    """Read FUNSD's files; the image of a file is named like it."""
    return read_each(paths, _read_file)


def read_xfund(paths: Iterable[Path]) -> Iterator[Item]:
    """Read XFUND's files."""
    return read_each(paths, _read_xfund)


def _read_file(path: Path) -> Iterator[Item]:
    content = read_json(path)
    if not recognizes(content):
        raise Unreadable("there is no list 'form'")
    page = AnnotatedPage(path.stem, [], str(path), beside=path.parent)
    yield from _read_entries(page, content["form"], f"{path}, form", of_characters=False)
    yield page


def _read_xfund(path: Path) -> Iterator[Item]:
    content = read_json(path)
    documents = content.get("documents") if isinstance(content, dict) else None
    if not isinstance(documents, list):
        raise Unreadable("there is no list 'documents'")
    of_characters = _are_characters(documents)
    if of_characters:
        yield Note(f"most words of {path.name} are single characters: its entries are taken for words")
    problems: list[Problem] = []
    for where, document in each_object(documents, f"{path}, documents", problems):
        image = document.get("img")
        if not isinstance(image, dict) or not isinstance(image.get("fname"), str):
            problems.append(Problem("there is no 'fname' in its 'img'", where))
            continue
        size = as_size(image.get("width")), as_size(image.get("height"))
        page = AnnotatedPage(image["fname"], [], f"{where} ('{image['fname']}')", *size, beside=path.parent)
        yield from _read_entries(page, document.get("document"), f"{where}.document", of_characters=of_characters)
        yield page
    yield from problems


def _read_entries(page: AnnotatedPage, entries: Any, where: str, *, of_characters: bool) -> Iterator[Problem]:
    problems: list[Problem] = []
    for place, entry in each_object(entries, where, problems):
        if of_characters or not entry.get("words"):
            _add(page, entry)
            continue
        for _, word in each_object(entry["words"], f"{place}.words", problems):
            _add(page, word)
    yield from problems


def _add(page: AnnotatedPage, word: dict[str, Any]) -> None:
    text = word.get("text")
    add_word(page, box_between(word.get("box")), text=text, ignore=not isinstance(text, str) or not text.strip())


def _are_characters(documents: list[Any]) -> bool:
    unread: list[Problem] = []
    texts = [
        word["text"].strip()
        for _, document in each_object(documents, "", unread)
        for _, entry in each_object(document.get("document"), "", unread)
        for _, word in each_object(entry.get("words"), "", unread)
        if isinstance(word.get("text"), str)
    ]
    return 2 * sum(len(text) == 1 for text in texts) > len(texts)
