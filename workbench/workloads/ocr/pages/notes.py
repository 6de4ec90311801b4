"""What is odd about the pages of a data set, each thing in one line, so that nothing is handled in silence."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from shlex import quote

from workbench.workloads.ocr.pages.image_header import ImageHeader
from workbench.workloads.ocr.pages.page import AnnotatedPage, Page

#: The note that images are measured alone.
NO_ANNOTATIONS = "no annotations: pages are measured without words; no maps, no H-mean"

#: Details of one kind that a note spells out.
_SHOWN = 3

_PARQUET = """\
The images lie inside of the tables. To write those of one as files, in Python:
import pathlib, pyarrow.parquet
for number, row in enumerate(pyarrow.parquet.read_table({path!r}, columns=['image']).to_pylist()): \
pathlib.Path({folder!r}, f'{{number:06d}}.jpg').write_bytes(row['image']['bytes'])"""
_ARCHIVE = "Unpack it first: {command}"

#: What to do about files that hold images inside, by their suffix.
_PACKED = {
    ".parquet": _PARQUET,
    ".zip": _ARCHIVE.format(command="unzip {shell} -d {shell_folder}"),
    **dict.fromkeys(
        (".tar", ".tgz", ".gz", ".xz", ".bz2"), _ARCHIVE.format(command="tar -xf {shell} -C {shell_folder}")
    ),
    **dict.fromkeys((".7z", ".rar"), "Unpack it first"),
    ".mdb": "This is an LMDB database: write its images as files first",
    ".pdf": _ARCHIVE.format(command="pdftoppm -r 150 -jpeg {shell} {shell_folder}/page"),
    **dict.fromkeys((".arrow", ".tfrecord", ".h5", ".hdf5", ".npz", ".npy", ".pkl"), "Write its images as files first"),
}


def notes_on_annotated(
    pages: Sequence[Page], used: Sequence[tuple[AnnotatedPage, ImageHeader]], *, all_images: Sequence[Path] | None
) -> list[str]:
    """Notes on pages with annotations.

    Args:
        pages: The pages that are used.
        used: The entry and the header of each.
        all_images: All images of the data set, or None where only some of its pages were asked for.
    """
    notes = []
    real = _real(page.path for page in pages)
    if all_images is not None and (unused := len(set(_real(all_images)) - set(real))):
        notes.append(f"{_many(unused, 'image')} without annotations: not used")
    if again := sum(count - 1 for count in Counter(real).values()):
        notes.append(f"{_many(again, 'entry', 'entries')} for an image that had one before: a page of its own each")
    other_size = [
        f"{page.name}: {entry.width}x{entry.height} for {header.width}x{header.height}"
        for page, (entry, header) in zip(pages, used, strict=True)
        if entry.unit == "px" and entry.width and entry.height and not _is_size_of(entry, header)
    ]
    if other_size:
        notes.append(
            f"{_many(len(other_size), 'page')} annotated for another image size ({_few_of(other_size)}): "
            "points are taken as they are"
        )
    return [*notes, *_warnings(pages, [header for _, header in used])]


def notes_on_images(pages: Sequence[Page], headers: Sequence[ImageHeader], others: Sequence[Path]) -> list[str]:
    """Notes on images alone.

    Args:
        pages: The pages.
        headers: The header of each.
        others: Files of the data set that are not named like images.
    """
    notes = [NO_ANNOTATIONS]
    if others:
        notes.append(f"{_many(len(others), 'file')} not named like images ({kinds_of(others)}): not used")
    return [*notes, *_warnings(pages, headers)]


def notes_on_spelling(respelled: list[str]) -> str:
    """The note on images that annotations spell otherwise than the files are named: ``"'a%20b.jpg' is 'a b.jpg'"``."""
    return f"{_many(len(respelled), 'image')} spelled otherwise in the annotations ({_few_of(respelled)})"


def how_to_unpack(files: Sequence[Path]) -> str:
    """What to do where there are no images, but files that images may lie inside of; empty where there are none.

    Args:
        files: The files of the data set.
    """
    path = next((path for path in files if path.suffix.lower() in _PACKED), None)
    if path is None:
        return ""
    folder = path.parent
    named = {"path": str(path), "folder": str(folder), "shell": quote(str(path)), "shell_folder": quote(str(folder))}
    return _PACKED[path.suffix.lower()].format(**named)


def kinds_of(files: Sequence[Path]) -> str:
    """How many files there are of each suffix, the most frequent first: ``"12 .txt, 1 .pdf"``."""
    kinds = Counter(path.suffix.lower() or path.name for path in files)
    return _few_of([f"{count} {kind}" for kind, count in kinds.most_common()], between=", ")


def _warnings(pages: Sequence[Page], headers: Sequence[ImageHeader]) -> list[str]:
    remarks = [
        f"{page.name}: {remark}" for page, header in zip(pages, headers, strict=True) for remark in header.remarks
    ]
    notes = [f"{_many(len(remarks), 'warning')} about image files ({_few_of(remarks)})"] if remarks else []
    several = [page.name for page, header in zip(pages, headers, strict=True) if header.num_pictures > 1]
    if several:
        files = _many(len(several), "file")
        notes.append(f"{files} with more than one picture ({_few_of(several)}): the first is taken")
    return notes


def _real(paths: Iterable[Path]) -> list[str]:
    """Where files really are; the folders of a hundred thousand are few, and each is followed once."""
    follow = cache(os.path.realpath)
    found = []
    for path in paths:
        folder, name = os.path.split(path)
        place = os.path.join(follow(folder), name)  # noqa: PTH118
        found.append(os.path.realpath(place) if os.path.islink(place) else place)  # noqa: PTH114
    return found


def _is_size_of(entry: AnnotatedPage, header: ImageHeader) -> bool:
    return (entry.width, entry.height) in ((header.width, header.height), header.upright_size)


def _few_of(details: list[str], between: str = "; ") -> str:
    more = [f"and {len(details) - _SHOWN} more"] if len(details) > _SHOWN else []
    return between.join([*details[:_SHOWN], *more])


def _many(count: int, thing: str, things: str | None = None) -> str:
    return f"{count} {thing if count == 1 else things or thing + 's'}"
