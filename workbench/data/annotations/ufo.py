"""Competition (UFO) JSON: one file, ``{"images": {NAME: {"words": {ID: {"points": [[x, y], ...]}}}}}``.

Only images, words and points are needed. A word with ``illegibility: true`` is don't-care.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.data.annotations.reading import Reading, add_word, as_size, read_json, unreadable
from workbench.data.page import AnnotatedPage
from workbench.errors import Problem


def recognizes(content: Any) -> bool:
    """Whether a JSON file's content is of this format."""
    return isinstance(content, dict) and isinstance(content.get("images"), dict)


def read(paths: list[Path]) -> Reading:
    """Read annotation files of this format."""
    reading = Reading()
    for path in paths:
        try:
            content = read_json(path)
        except (OSError, ValueError) as error:
            reading.problems.append(unreadable(path, error))
            continue
        if not recognizes(content):
            reading.problems.append(Problem("there is no object 'images'", str(path)))
            continue
        for name, image in content["images"].items():
            _read_image(reading, path, name, image)
    return reading


def _read_image(reading: Reading, path: Path, name: str, image: Any) -> None:
    where = f"{path}, entry '{name}'"
    words = image.get("words") if isinstance(image, dict) else None
    if not isinstance(image, dict) or not isinstance(words or {}, dict):
        reading.problems.append(Problem("the entry or its 'words' is no object", where))
        return
    page = AnnotatedPage(
        name, [], where, width=as_size(image.get("img_w")), height=as_size(image.get("img_h")), beside=path.parent
    )
    for number, word in (words or {}).items():
        if not isinstance(word, dict):
            reading.problems.append(Problem("the word is no object", f"{where}, word '{number}'"))
            continue
        text = word.get("transcription") or ""
        add_word(page, word.get("points"), text=str(text), ignore=word.get("illegibility") is True)
    reading.pages.append(page)
