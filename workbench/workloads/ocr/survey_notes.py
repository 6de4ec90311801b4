"""What a reader of the figures should know of a data set that is good enough to be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from workbench.workloads.ocr.image_header import ImageHeader
from workbench.workloads.ocr.page import AnnotatedPage, Page

_SHOWN = 3


def notes_on(
    pages: Sequence[Page], used: Sequence[tuple[AnnotatedPage, ImageHeader]], *, all_images: Sequence[Path] | None
) -> list[str]:
    """One line for each thing that is odd.

    Args:
        pages: The pages that are used.
        used: The entry and the header of each.
        all_images: All images of the data set, or None where only some of its pages were asked for.
    """
    notes = []
    real = [page.path.resolve() for page in pages]
    if all_images is not None and (unused := len({path.resolve() for path in all_images} - set(real))):
        notes.append(f"{_many(unused, 'image')} without annotations: not used")
    if again := sum(count - 1 for count in Counter(real).values()):
        notes.append(f"{_many(again, 'entry', 'entries')} for an image that had one before: a page of its own each")
    other_size = [
        f"{page.name}: {entry.width}x{entry.height} for {header.width}x{header.height}"
        for page, (entry, header) in zip(pages, used, strict=True)
        if entry.width and entry.height and not _is_size_of(entry, header)
    ]
    if other_size:
        notes.append(
            f"{_many(len(other_size), 'page')} annotated for another image size ({_first(other_size)}): "
            "points are taken as they are"
        )
    remarks = [
        f"{page.name}: {remark}" for page, (_, header) in zip(pages, used, strict=True) for remark in header.remarks
    ]
    if remarks:
        notes.append(f"{_many(len(remarks), 'warning')} about image files ({_first(remarks)})")
    return notes


def _is_size_of(entry: AnnotatedPage, header: ImageHeader) -> bool:
    return (entry.width, entry.height) in ((header.width, header.height), header.upright_size)


def _first(details: list[str]) -> str:
    more = [f"and {len(details) - _SHOWN} more"] if len(details) > _SHOWN else []
    return "; ".join([*details[:_SHOWN], *more])


def _many(count: int, one: str, several: str | None = None) -> str:
    return f"{count} {one if count == 1 else several or one + 's'}"
