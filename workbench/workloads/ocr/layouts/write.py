"""Any data set that can be read, written into a layout."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from workbench.errors import BadInput, Problem, unknown_name
from workbench.units import counted
from workbench.workloads.ocr.chain.decode import DecodeError
from workbench.workloads.ocr.layouts.folder import new_folder, write_file
from workbench.workloads.ocr.layouts.images import Names, store
from workbench.workloads.ocr.layouts.labels import IMAGES, TRAIN, VAL, PlacedPage
from workbench.workloads.ocr.layouts.layouts import LAYOUTS, Layout
from workbench.workloads.ocr.layouts.words import FittedWords
from workbench.workloads.ocr.pages.page import Page, PageCounts

#: Pages that a note names.
_SHOWN = 3


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        num_pages: Pages.
        num_words: Their words.
        num_bytes: Size of all images.
        notes: What could not be written as it was.
    """

    num_pages: int
    num_words: int
    num_bytes: int
    notes: list[str]


def write_layout(
    pages: Sequence[Page],
    counts: PageCounts,
    out: Path,
    *,
    layout: str,
    seed: int = 0,
    on_page: Callable[[int, int], None] | None = None,
) -> Written:
    """Write a data set; the folder appears when it is complete.

    Args:
        pages: The pages, as the survey of any readable data set gives them.
        counts: What the survey counted.
        out: The folder to make.
        layout: How they lie in the folder, a key of `LAYOUTS`.
        seed: Parts the pages, in a layout with parts.
        on_page: Told the number of pages done, and of all pages.

    Raises:
        BadInput: For pages without words, a folder that holds something else or cannot be written, and images that
            cannot be read.
    """
    _check(pages, counts, out, layout)
    kind = LAYOUTS[layout]
    words, names = FittedWords(kind), Names()
    fitted = [(page, words.entry(page)) for page in pages]
    usable = [(page, entry) for page, entry in fitted if entry["words"] or not kind.needs_words]
    if not usable:
        raise BadInput("pages", [Problem("no page has a word, and this layout needs some", "annotations")])
    placed: list[PlacedPage] = []
    problems: list[Problem] = []
    changes: dict[str, list[str]] = {}
    num_bytes = 0
    with new_folder(out) as half_done:
        parts = kind.parts(len(usable), seed=seed)
        for number, ((page, entry), part) in enumerate(zip(usable, parts, strict=True), start=1):
            try:
                image = store(page, upright=kind.is_upright)
            except (OSError, DecodeError) as error:
                problems.append(Problem(f"cannot be read ({error})", str(page.path)))
                continue
            place = PurePosixPath(part, names.stem(page) + image.suffix)
            write_file(half_done / IMAGES / place, image.data)
            placed.append(PlacedPage(place, hashlib.sha256(image.data).hexdigest(), entry))
            num_bytes += len(image.data)
            if image.change:
                changes.setdefault(image.change, []).append(page.name)
            if on_page is not None:
                on_page(number, len(usable))
        if problems:
            raise BadInput("pages", problems)
        for name, text in kind.labels(placed):
            write_file(half_done / name, text.encode())
    notes = [*_notes(changes), *words.notes()]
    if len(usable) < len(pages):
        notes.insert(0, f"{counted(len(pages) - len(usable), 'page')} without words: left out, this layout has none")
    if kind.is_split:
        sizes = Counter(parts)
        notes.insert(0, f"parted with seed {seed}: {sizes[TRAIN]} to train with, {sizes[VAL]} to validate with")
    return Written(len(placed), words.num_words, num_bytes, notes)


def _check(pages: Sequence[Page], counts: PageCounts, out: Path, layout: str) -> None:
    if layout not in LAYOUTS:
        raise BadInput("pages", [unknown_name("layout", layout, LAYOUTS)])
    kind: Layout = LAYOUTS[layout]
    problems = []
    if not counts.has_annotations:
        problems.append(Problem("there are no words to write", "annotations", "Images alone go into --to webdataset"))
    elif kind.is_split and len(pages) < 2:
        problems.append(Problem(f"{counted(len(pages), 'page')} cannot be parted in two", remedy="Take 2 or more"))
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        problems.append(Problem("there is something else already", str(out), "Name a new folder, or empty this one"))
    if problems:
        raise BadInput("pages", problems)


def _notes(changes: dict[str, list[str]]) -> list[str]:
    notes = []
    for change, names in changes.items():
        more = f", and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        notes.append(f"{counted(len(names), 'page')} {change} ({', '.join(names[:_SHOWN])}{more})")
    return notes
