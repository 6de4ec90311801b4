"""Finds the annotations of a data set and recognises their format, by the file set and not by a single line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.data.annotations import coco, icdar2013, icdar2015, labelme, mmocr, paddleocr, totaltext, ufo
from workbench.data.annotations.reading import Reading, read_json, read_lines
from workbench.errors import BadInput, Problem

#: A reader by the knob `annotation_format`. A new format is one file and one line here, and one where it is recognised.
READERS: dict[str, Callable[[list[Path]], Reading]] = {
    "ufo": ufo.read,
    "icdar2015": icdar2015.read,
    "icdar2013": icdar2013.read,
    "paddleocr": paddleocr.read,
    "labelme": labelme.read,
    "mmocr": mmocr.read,
    "coco": coco.read,
    "totaltext": totaltext.read,
}

_BY_JSON: dict[str, Callable[[Any], bool]] = {
    "ufo": ufo.recognizes,
    "mmocr": mmocr.recognizes,
    "coco": coco.recognizes,
    "labelme": labelme.recognizes,
}
_BY_LINE: dict[str, Callable[[str], bool]] = {
    "coco": coco.recognizes_line,
    "paddleocr": paddleocr.recognizes,
    "totaltext": totaltext.recognizes,
    "icdar2013": icdar2013.recognizes,
    "icdar2015": icdar2015.recognizes,
    "flat": totaltext.recognizes_flat,
}

#: Formats with one file for each image: the files of a folder belong together. Of the others each file stands alone.
_FILE_PER_IMAGE = ("icdar2015", "icdar2013", "labelme", "totaltext", "flat")
_SUFFIXES = (".json", ".txt", ".csv", ".mat", ".jsonl")

#: A file set of lines with eight numbers is flat polygons where at least this share of the lines has more.
_FLAT_SHARE = 0.2


@dataclass(frozen=True)
class AnnotationSet:
    """Annotation files that belong together.

    Attributes:
        format: A key of `READERS`.
        paths: The files.
        place: The file, or the folder of the files: what a user names as `annotations`.
    """

    format: str
    paths: tuple[Path, ...]
    place: Path


def find_annotations(folder: Path, annotations: Path | None, annotation_format: str) -> AnnotationSet:
    """The annotations of a data set.

    Args:
        folder: The data set.
        annotations: File or folder that a user has named; absolute, or relative to the current folder or the data set.
        annotation_format: A key of `READERS`, or "auto".

    Raises:
        BadInput: Where there are none, their format is unknown, or there are several sets to choose from.
    """
    place = _named(folder, annotations) if annotations is not None else folder
    files = [place] if place.is_file() else sorted(p for p in place.rglob("*") if p.suffix.lower() in _SUFFIXES)
    if annotation_format != "auto":
        return _of_format(place, files, annotation_format)
    sets = _recognized(files)
    if len(sets) == 1:
        return sets[0]
    if not sets:
        raise BadInput(str(place), [_nothing_known(files)])
    found = [
        Problem(f"{len(one.paths)} file{'s' if len(one.paths) > 1 else ''} of format {one.format}", str(one.place))
        for one in sets
    ]
    remedy = f"Name one of them: annotations={sets[0].place} (or set annotation_format)"
    raise BadInput(f"{place} holds annotations of several sets or formats. {remedy}", found)


def _named(folder: Path, annotations: Path) -> Path:
    for place in (annotations, folder / annotations):
        if place.exists():
            return place
    raise BadInput(str(annotations), [Problem("there is no such file or folder", "annotations")])


def _of_format(place: Path, files: list[Path], annotation_format: str) -> AnnotationSet:
    same = [one for one in _recognized(files) if one.format == annotation_format]
    if len(same) == 1:
        return same[0]
    if len(same) > 1:
        found = [Problem(f"{len(one.paths)} file(s)", str(one.place)) for one in same]
        raise BadInput(f"{place} holds several sets of format {annotation_format}. Name one: annotations=...", found)
    if not files:
        raise BadInput(str(place), [_nothing_known(files)])
    # The user says so: the reader will name what it cannot read.
    return AnnotationSet(annotation_format, tuple(files), place)


def _recognized(files: Iterable[Path]) -> list[AnnotationSet]:
    """The sets among some files. Empty files go with the files beside them (a page without words)."""
    groups: dict[tuple[str, Path], list[Path]] = {}
    empty: list[Path] = []
    for path in files:
        kind = _format_of(path)
        if kind == "empty":
            empty.append(path)
        elif kind is not None:
            groups.setdefault((kind, path.parent if kind in _FILE_PER_IMAGE else path), []).append(path)
    _settle_flat(groups)
    for path in empty:
        for (kind, place), paths in groups.items():
            if kind in _FILE_PER_IMAGE and place == path.parent and paths[0].suffix == path.suffix:
                paths.append(path)
    return [AnnotationSet(kind, tuple(sorted(paths)), place) for (kind, place), paths in groups.items()]


def _settle_flat(groups: dict[tuple[str, Path], list[Path]]) -> None:
    """Lines with eight numbers and more are ICDAR2015's or flat polygons: the folder as a whole decides."""
    for place in {place for kind, place in groups if kind in ("icdar2015", "flat")}:
        paths = groups.pop(("icdar2015", place), []) + groups.pop(("flat", place), [])
        lines = [line for path in paths for _, line in read_lines(path)]
        longer = sum(not icdar2015.recognizes(line) or _has_more_numbers(line) for line in lines)
        kind = "totaltext" if longer > _FLAT_SHARE * len(lines) else "icdar2015"
        groups.setdefault((kind, place), []).extend(paths)


def _has_more_numbers(line: str) -> bool:
    fields = line.split(",")
    return len(fields) > 10 and totaltext.recognizes_flat(",".join(fields[4:11]))


def _format_of(path: Path) -> str | None:
    """The format that one file could be of; "empty" for a text file without lines; None for anything else."""
    if path.suffix.lower() == ".mat":
        return "totaltext" if totaltext.recognizes_mat(path) else None
    try:
        if path.suffix.lower() == ".json":
            content = read_json(path)
            return next((name for name, recognizes in _BY_JSON.items() if recognizes(content)), None)
        lines = read_lines(path)
    except (OSError, ValueError):
        return None
    if not lines:
        return "empty"
    return next((name for name, recognizes in _BY_LINE.items() if recognizes(lines[0][1])), None)


def _nothing_known(files: list[Path]) -> Problem:
    if not files:
        remedy = f"Put a file of them beside the images, or name it: annotations=FILE. Formats: {', '.join(READERS)}"
        return Problem("there are no annotations", remedy=remedy)
    broken = [problem for problem in map(_why_unread, files) if problem]
    if broken:
        return Problem(broken[0], remedy="Repair it, or name the right file: annotations=FILE")
    names = ", ".join(path.name for path in files[:5])
    remedy = f"Name the file (annotations=FILE) or its format (annotation_format=...): {', '.join(READERS)}"
    return Problem(f"the format of its annotations is unknown ({names})", remedy=remedy)


def _why_unread(path: Path) -> str:
    if path.suffix.lower() == ".json":
        try:
            read_json(path)
        except (OSError, ValueError) as error:
            return f"{path.name}: {error}"
    return ""
