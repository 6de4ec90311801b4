"""Surveys of large data sets, kept on disk: while no file has changed, none is read again.

A survey of a hundred thousand pages takes most of a minute, and every trial of a comparison asks for it. What is kept
is found by the question (which folder, which annotations, how many pages), and holds as long as every file of the data
set has the size and the times that it had, and the code that reads them is the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from workbench.files import SURVEYS, cache_dir, files_below
from workbench.versions import package_of
from workbench.workloads.ocr.pages.page import Page, PageCounts
from workbench.workloads.ocr.pages.words import Outlines, Words

#: Of fewer files it takes no time, and nothing is kept.
LARGE = 1000

#: Modules by whose versions an image is read or refused.
_MODULES = ("PIL", "pillow_heif", "numpy")

#: Beside a data set, what may say how its annotations are meant (YOLO's `data.yaml`).
_SAYING = (".yaml", ".yml", ".txt")

#: Whose code decides what a survey finds.
_CODE = ("annotations", "pages")

_NUMBERS = ("width", "height", "exif_orientation", "num_bytes", "written_ns", "is_jpeg")


class KeptSurvey:
    """What is kept of one data set, for one question.

    Args:
        folder: The data set.
        files: Its files, sorted.
        annotations: What a user has named, a file or folder, relative to the current folder or the data set.
        asked: What else was asked.
    """

    def __init__(self, folder: Path, files: Sequence[Path], annotations: Path | None, asked: Sequence[Any]) -> None:
        named = [] if annotations is None else [annotations, folder / annotations]
        places = [folder, *named]
        question = [*map(str, places), *map(os.path.abspath, places), *asked]
        name = hashlib.blake2b(json.dumps(question).encode(), digest_size=16).hexdigest()
        self._path = cache_dir() / SURVEYS / f"{name}.npz"
        self._files = {str(path): path for path in files}
        # Now, before anything is read: what changes meanwhile is another file the next time.
        self._state = _state([*self._files, *_around(folder, named)])

    def load(self) -> tuple[list[Page], PageCounts] | None:
        """The survey; None where none was kept, or it does not hold any more."""
        try:
            with self._path.open("rb") as file, np.load(file) as kept:
                if kept["state"].tobytes() != self._state:
                    return None
                texts = json.loads(kept["texts"].tobytes())
                pages, counts = _pages(kept, texts, self._files), PageCounts.model_validate(texts["counts"])
        except (OSError, ValueError, LookupError, TypeError, EOFError, RuntimeError, BadZipFile, zlib.error):
            return None
        outside = (page for page in pages if str(page.path) not in self._files)
        return (pages, counts) if all(map(_is_unchanged, outside)) else None

    def keep(self, pages: Sequence[Page], counts: PageCounts) -> None:
        """Keep a survey."""
        half_done = self._path.with_name(f"{self._path.stem}.{os.getpid()}.partial")
        with suppress(OSError):  # a disk that is full only costs time the next time
            try:
                half_done.parent.mkdir(parents=True, exist_ok=True)
                with half_done.open("wb") as file:
                    state = np.frombuffer(self._state, np.uint8)
                    np.savez(file, allow_pickle=False, state=state, **_arrays(pages, counts))
                half_done.replace(self._path)
            finally:
                half_done.unlink(missing_ok=True)


def _arrays(pages: Sequence[Page], counts: PageCounts) -> dict[str, npt.NDArray[Any]]:
    """Pages as arrays: `texts` as JSON, and one after the other the numbers and words of each."""
    words = [page.words if isinstance(page.words, Words) else Words(page.words) for page in pages]
    outlines = [some.outlines for some in words]
    texts = {
        "paths": [str(page.path) for page in pages],
        "names": [page.name for page in pages],
        "modes": [page.mode for page in pages],
        "words": [text for some in words for text in some.texts],
        "counts": counts.model_dump(),
    }
    return {
        "texts": np.frombuffer(json.dumps(texts).encode(), np.uint8),
        "numbers": np.array([[getattr(page, name) for name in _NUMBERS] for page in pages], np.int64),
        "num_words": np.array([len(some) for some in words], np.int64),
        "points": np.concatenate([np.empty((0, 2), np.float32), *(some.points for some in outlines)]),
        "ends": np.concatenate([np.empty(0, np.int64), *(some.ends for some in outlines)]),
        "ignore": np.concatenate([np.empty(0, np.bool_), *(some.ignore for some in outlines)]),
    }


def _pages(kept: Mapping[str, npt.NDArray[Any]], texts: Mapping[str, Any], files: Mapping[str, Path]) -> list[Page]:
    """The pages again.

    Args:
        kept: What `_arrays` has made.
        texts: Its texts.
        files: The files of the data set: to make as many paths again takes longer than all else.
    """
    rows = zip(
        texts["paths"], texts["names"], texts["modes"], kept["numbers"].tolist(), _words(kept, texts), strict=True
    )
    return [
        Page(
            files.get(path) or Path(path),
            name,
            words,
            mode=mode,
            **{**dict(zip(_NUMBERS, row, strict=True)), "is_jpeg": bool(row[-1])},
        )
        for path, name, mode, row, words in rows
    ]


def _words(kept: Mapping[str, npt.NDArray[Any]], texts: Mapping[str, Any]) -> Iterator[Words]:
    """The words of each page."""
    points, ends, ignore, every = kept["points"], kept["ends"], kept["ignore"], texts["words"]
    if not len(ends) == len(ignore) == len(every):
        raise ValueError("words are missing")
    first_word = first_point = 0
    for count in kept["num_words"].tolist():
        own = slice(first_word, first_word + count)
        num_points = int(ends[own][-1]) if count else 0
        outlines = Outlines(points[first_point : first_point + num_points], ends[own], ignore[own])
        yield Words.of(outlines, every[own])
        first_word, first_point = first_word + count, first_point + num_points


def _around(folder: Path, named: Iterable[Path]) -> Iterator[str]:
    """Files outside of the data set that have a say."""
    for place in named:
        if place.is_dir():
            yield from map(str, files_below(place))
        elif place.is_file():
            yield from _beside(place)
    yield from (path for path in _beside(folder) if path.endswith(_SAYING))


def _state(places: Iterable[str]) -> bytes:
    """Of files that a survey reads, and of the code that reads them."""
    digest = hashlib.blake2b()
    for room in _CODE:
        for path in sorted(Path(__file__).parents[1].joinpath(room).rglob("*.py")):
            digest.update(path.read_bytes())
    digest.update(repr([package_of(module) for module in _MODULES]).encode())
    for place in places:
        digest.update(f"{place}\0{_state_of(place)}\n".encode(errors="surrogateescape"))
    return digest.digest()


def _beside(place: Path) -> list[str]:
    """The files in the folder that something lies in."""
    try:
        with os.scandir(place.absolute().parent) as entries:
            return sorted(entry.path for entry in entries if entry.is_file())
    except OSError:
        return []


def _state_of(place: str) -> tuple[int, ...]:
    """Size and times of a file; nothing where there is none."""
    try:
        found = os.stat(place)  # noqa: PTH116
    except OSError:
        return ()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _is_unchanged(page: Page) -> bool:
    return _state_of(str(page.path))[:2] == (page.num_bytes, page.written_ns)
