"""Competition (UFO) JSON: one file, ``{"images": {NAME: {"words": {ID: {"points": [[x, y], ...]}}}}}``.

Only images, words and points are needed. A word with ``illegibility: true`` is don't-care. Drawn pages say of each
image that the ``frame`` of its points is ``upright``: of a picture stored upside down, its size doesn't tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from workbench.errors import Problem
from workbench.workloads.ocr.annotations.reading import Item, Unreadable, add_word, as_size, read_each, read_json
from workbench.workloads.ocr.pages.page import AnnotatedPage, Frame


def recognizes(content: Any) -> bool:
    """Whether a JSON file's content is of this format."""
    return isinstance(content, dict) and isinstance(content.get("images"), dict)


def read(paths: Iterable[Path]) -> Iterator[Item]:
    """Read annotation files of this format."""
    return read_each(paths, _read_file)


def _read_file(path: Path) -> Iterator[Item]:
    content = read_json(path)
    if not recognizes(content):
        raise Unreadable("there is no object 'images'")
    for name, image in content["images"].items():
        yield from _read_image(path, name, image)


def _read_image(path: Path, name: str, image: Any) -> Iterator[Item]:
    where = f"{path}, entry '{name}'"
    if not isinstance(image, dict):
        yield Problem("is no object", where)
        return
    words = image.get("words") or {}
    if not isinstance(words, dict):
        yield Problem("its 'words' are no object", where)
        return
    size = as_size(image.get("img_w")), as_size(image.get("img_h"))
    frame: Frame | None = "upright" if image.get("frame") == "upright" else None
    page = AnnotatedPage(name, [], where, *size, beside=path.parent, frame=frame)
    for number, word in words.items():
        if isinstance(word, dict):
            ignore = word.get("illegibility") is True
            add_word(page, word.get("points"), text=word.get("transcription"), ignore=ignore)
        else:
            yield Problem("is no object", f"{where}, word '{number}'")
    yield page
