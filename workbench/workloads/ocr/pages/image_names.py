"""How else a file may be called that an annotation names: in a URL, on another system, with other capitals."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Collection, Iterator
from pathlib import PurePosixPath
from urllib.parse import parse_qs, unquote, unquote_plus, urlsplit

#: Label Studio's own address of a file on its disk.
_LOCAL_FILES = "/data/local-files/"

#: Of more names than this, none is looked for that is merely like another.
_MOST_NAMES = 20_000


def spellings(name: str) -> Iterator[str]:
    """The ways to read the name of an image, the plainest first: as it is, and then as a part of a URL.

    Args:
        name: As the annotation has it, with either kind of slash.
    """
    seen: set[str] = set()
    for spelling in _all_spellings(name):
        if spelling not in seen:
            seen.add(spelling)
            yield spelling


def folded(name: str) -> str:
    """A file's name as systems compare it that don't tell capitals apart, in one Unicode form (macOS has another)."""
    return unicodedata.normalize("NFC", name).casefold()


def nearest(name: str, names: Collection[str]) -> str | None:
    """The file that was probably meant: one of which the name has a part, as after an upload; else one that is like it.

    Args:
        name: The last part of a path that is not there.
        names: Names of files.
    """
    wanted = folded(unquote(name))
    stem = PurePosixPath(wanted).stem
    parts = [
        other
        for other in names
        if _ends_with(wanted, is_of := folded(other)) or _ends_with(is_of, wanted) or PurePosixPath(is_of).stem == stem
    ]
    if parts:
        return max(parts, key=lambda other: (len(other), other))
    if len(names) > _MOST_NAMES:
        return None
    return next(iter(difflib.get_close_matches(name, names, n=1)), None)


def _all_spellings(name: str) -> Iterator[str]:
    yield name
    yield name.replace("\\", "/")
    yield name.strip().strip("\"'").replace("\\", "/")
    local = name if "://" not in name and not name.startswith(_LOCAL_FILES) else _path_of_url(name)
    local = local.replace("\\", "/")
    yield local
    yield unquote(local)
    yield unquote(unquote(local))
    yield unquote_plus(local)


def _path_of_url(name: str) -> str:
    try:
        parts = urlsplit(name)
    except ValueError:  # as of an address with one bracket
        return name
    named = parse_qs(parts.query).get("d") if parts.path.startswith(_LOCAL_FILES) else None
    return named[0] if named else parts.path


def _ends_with(name: str, part: str) -> bool:
    """Whether a name is something, a sign, and the part: ``"9a8b7c6d-page.jpg"``."""
    before = name.removesuffix(part)
    return bool(part) and before != name and bool(before) and not before[-1].isalnum()
