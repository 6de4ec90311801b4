"""Names in a record that become paths: they stay in the folder that they belong to, whoever wrote the record."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator


def _is_a_name(text: str) -> str:
    """Whether a text names something in a folder, and nothing above or below it."""
    if text in ("", ".", "..") or any(mark in text for mark in "/\0"):
        raise ValueError(f"{text!r} is not the name of a run folder")
    return text


def _is_inside(text: str) -> str:
    """Whether a relative path stays in the folder that it starts from."""
    path = PurePosixPath(text)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in text:
        raise ValueError(f"{text!r} is not a file of the run folder")
    return text


#: A run folder's name, which readers join to the folder of run folders.
RunId = Annotated[str, AfterValidator(_is_a_name)]

#: A file in a run folder, which readers join to it.
FileInside = Annotated[str, AfterValidator(_is_inside)]
