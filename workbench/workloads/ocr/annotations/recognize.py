"""Finds the annotations of a data set and recognises their format, by the file set and not by a single line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

from workbench.errors import BadInput, Problem, unknown_name
from workbench.files import files_below
from workbench.units import counted
from workbench.workloads.ocr.annotations.formats import FORMATS, NO_FORMAT
from workbench.workloads.ocr.annotations.guess_format import Guess, guess_format
from workbench.workloads.ocr.annotations.quads_or_polygons import Decision, decide
from workbench.workloads.ocr.annotations.unread_formats import unread_format
from workbench.workloads.ocr.pages.headers import read_headers
from workbench.workloads.ocr.pages.image_header import ImageProblem
from workbench.workloads.ocr.pages.image_index import ImageIndex

_SUFFIXES = (".json", ".jsonl", ".txt", ".csv", ".tsv", ".mat", ".xml", ".json.gz", ".jsonl.gz")
#: Of files that hold nothing but what they declare: one that cannot be read is damaged.
_STRUCTURED = (".json", ".xml", ".mat", ".gz")
#: Of files that may hold annotations, or say where they are, and that are not looked into.
_UNREAD_SUFFIXES = (".yaml", ".yml", ".parquet", ".pkl", ".cach")
_SHOWN = 5
#: What PPOCRLabel calls the label file of a folder.
_LABELS = "label.txt"
_NUMBERS = re.compile(r"(?:[^\s,;|，、]*[\s,;|，、]+)?(?:-?\d+(?:\.\d+)?[\s,;|，、]+){3}-?\d")


@dataclass(frozen=True)
class AnnotationSet:
    """Annotation files that belong together.

    Attributes:
        format: A key of `FORMATS`.
        paths: The files, sorted.
        place: The file, or the folder of the files: what a user names as `annotations`.
        open_question: What is wrong with `format`, where the files could as well be of another.
        reason: Why it is this format, where some lines could be of another; without a final stop.
    """

    format: str
    paths: tuple[Path, ...]
    place: Path
    open_question: Problem | None = None
    reason: str = ""

    def __str__(self) -> str:
        """How many files of which format, and the first."""
        if len(self.paths) == 1:
            return f"1 file of format {self.format} ({self.paths[0].name})"
        return f"{len(self.paths)} files of format {self.format} ({self.paths[0].name}, ...)"


def find_annotations(
    folder: Path, index: ImageIndex, annotations: Path | None, annotation_format: str
) -> AnnotationSet | None:
    """The annotations of a data set; None where nobody named any, and no file looks like them.

    Args:
        folder: The data set.
        index: Its images.
        annotations: What a user has named: a file or folder, relative to the current folder or the data set.
        annotation_format: A key of `FORMATS`, or "auto".

    Raises:
        BadInput: Where there are none, their format is unknown, or there are several sets to choose from.
    """
    wanted = None if annotation_format == "auto" else annotation_format
    if wanted is not None and wanted not in FORMATS:
        raise BadInput("annotation_format", [unknown_name("format", wanted, ["auto", NO_FORMAT, *FORMATS])])
    place = folder if annotations is None else _named(folder, annotations)
    if place.is_file() and wanted is not None:
        return AnnotationSet(wanted, (place,), place)  # its reader names what it cannot read
    files = [place] if place.is_file() else [p for p in files_below(place) if p.name.lower().endswith(_SUFFIXES)]
    guesses = [guess_format(path) for path in files]
    sets = _sets(guesses, index, wanted)
    if len(sets) > 1:
        raise BadInput(
            f"{place} holds several sets of annotations; take one", [_choice(choice, sets) for choice in sets]
        )
    if not sets:
        unread = [path for path in index.others if path.suffix.lower() in _UNREAD_SUFFIXES]
        if annotations is None and wanted is None and not unread and all(_is_prose(g, index) for g in guesses):
            return None
        guesses += [Guess(path, None, f"is a {path.suffix.lower()} file") for path in unread]
        unreadable = [guess.problem for guess in guesses if guess.problem]
        raise BadInput(str(place), [*unreadable, _none([*files, *unread], wanted), *_unknown(guesses, folder)])
    broken = _broken(guesses, sets)
    if broken and wanted is None:
        remedy = f"to go without, set annotations={sets[0].place}"
        raise BadInput(f"{place} holds {sets[0]}, and what may belong to it ({remedy})", broken)
    if sets[0].open_question is not None:
        raise BadInput(f"the format of {sets[0].place}", [sets[0].open_question])
    return sets[0]


def _named(folder: Path, annotations: Path) -> Path:
    for place in (annotations, folder / annotations):
        if place.exists():
            return place
    remedy = f"Looked in the current folder and in {folder}"
    raise BadInput(str(annotations), [Problem("there is no such file or folder", "annotations", remedy)])


def _sets(guesses: list[Guess], index: ImageIndex, wanted: str | None) -> list[AnnotationSet]:
    groups: dict[tuple[str, Path, str], list[Guess]] = {}
    for guess in guesses:
        if guess.format is not None:
            place = guess.path.parent if FORMATS[guess.format].file_per_image else guess.path
            groups.setdefault((guess.format, place, guess.path.suffix.lower()), []).append(guess)
    settled: dict[tuple[str, Path, str], list[Guess]] = {}
    decisions: dict[tuple[str, Path, str], Decision] = {}
    for (kind, place, suffix), group in groups.items():
        if kind == "icdar2015":
            decision = _quads_or_polygons(group, index, wanted)
            kind = "totaltext" if decision.is_polygons else kind
            decisions[kind, place, suffix] = decision
        settled.setdefault((kind, place, suffix), []).extend(group)
    sets = []
    for (kind, place, suffix), group in settled.items():
        if wanted in (None, kind):
            paths = {guess.path for guess in group}
            if FORMATS[kind].file_per_image:
                paths |= {guess.path for guess in guesses if _belongs(guess, place, suffix, index, wanted)}
            decision = decisions.get((kind, place, suffix), Decision(False))
            question = _question(decision) if decision.is_polygons is None else None
            sets.append(AnnotationSet(kind, tuple(sorted(paths)), place, question, decision.reason))
    return _label_folders_joined(sets, guesses)


def _label_folders_joined(sets: list[AnnotationSet], guesses: Iterable[Guess]) -> list[AnnotationSet]:
    """The sets, PPOCRLabel's Label.txt of several folders as one: it writes one into each folder of images."""
    folders = [found for found in sets if found.format == "paddleocr" and found.place.name.lower() == _LABELS]
    if not folders:
        return sets
    unreadable = {guess.path for guess in guesses if guess.problem and guess.path.name.lower() == _LABELS}
    paths = tuple(sorted({found.place for found in folders} | unreadable))
    if len(paths) == 1 or len({path.parent for path in paths}) < len(paths):
        return sets
    place = Path(os.path.commonpath([path.parent for path in paths]))
    return [*(found for found in sets if found not in folders), AnnotationSet("paddleocr", paths, place)]


def _quads_or_polygons(group: list[Guess], index: ImageIndex, wanted: str | None) -> Decision:
    """What files are whose lines begin with eight numbers; where a user has said it, that."""
    if wanted is not None:
        return Decision(wanted == "totaltext")
    return decide([line for guess in group for line in guess.lines], cache(partial(_size_of_page, index)))


def _question(decision: Decision) -> Problem:
    remedy = "Say which: annotation_format=icdar2015 (quads) or annotation_format=totaltext (polygons of any size)"
    return Problem(f"the lines can be read in two ways, this one as {decision.example}", decision.where, remedy)


def _size_of_page(index: ImageIndex, annotations: Path) -> tuple[int, int] | None:
    images = index.find(annotations.stem, annotations.parent).images
    if len(images) != 1:
        return None
    (header,) = read_headers(images)
    return None if isinstance(header, ImageProblem) else header.upright_size  # a problem is named by the survey


def _belongs(guess: Guess, place: Path, suffix: str, index: ImageIndex, wanted: str | None) -> bool:
    """Whether a file that doesn't look like its neighbours is one of them: it is empty, or named like an image."""
    if guess.path.parent != place or guess.path.suffix.lower() != suffix or (guess.format and wanted is None):
        return False
    return guess.is_empty or bool(index.find(guess.path.stem, place).images)


def _choice(choice: AnnotationSet, sets: list[AnnotationSet]) -> Problem:
    remedy = f"Take it: annotations={choice.place}"
    same_place = [other for other in sets if other.place == choice.place]
    if len({other.format for other in same_place}) > 1:
        remedy += f" annotation_format={choice.format}"
    elif len(same_place) > 1:
        remedy = "Move it, or the other set, out of this folder"
    what = f"holds {choice}" if choice.place.is_dir() else f"is of format {choice.format}"
    return Problem(what, str(choice.place), remedy)


def _broken(guesses: Iterable[Guess], sets: list[AnnotationSet]) -> list[Problem]:
    """What cannot be read of the files that are in no set. Text files that can't be read may be anything."""
    read = {path for found in sets for path in found.paths}
    return [g.problem for g in guesses if g.problem and g.path not in read and g.path.suffix.lower() in _STRUCTURED]


def _is_prose(guess: Guess, index: ImageIndex) -> bool:
    """Whether a file is a read-me or a licence: a text not named like an image, without names of them, and numbers."""
    name, is_text = guess.path.name, guess.path.suffix.lower() == ".txt"
    if not is_text or guess.problem or guess.is_empty or name == "classes.txt":
        return False
    if index.find(guess.path.stem, guess.path.parent).images:
        return False
    lines = [line.text.strip() for line in guess.lines]
    return not any(
        line.startswith(("{", "[")) or _NUMBERS.match(line) or index.holds(re.split(r"[\s,;]", line, maxsplit=1)[0])
        for line in lines
    )


def _none(files: list[Path], wanted: str | None) -> Problem:
    formats = f"Formats: {', '.join(FORMATS)}"
    if not files:
        remedy = f"Put the annotations beside the images, name them (annotations=FILE), or {_ALONE}. {formats}"
        return Problem("there are no annotations", remedy=remedy)
    if wanted is not None:
        remedy = f"Name the file too (annotations=FILE), or {_ALONE}"
        return Problem(f"there is no file of format {wanted}", remedy=remedy)
    remedy = f"Name the file (annotations=FILE) or its format (annotation_format=...), or {_ALONE}. {formats}"
    return Problem("there are no annotations of a known format", remedy=remedy)


_ALONE = f"measure the images alone: annotation_format={NO_FORMAT}"


def _unknown(guesses: list[Guess], folder: Path) -> list[Problem]:
    """What the first few files look like of which no annotations can be read; and last, how to convert them."""
    unknown = [guess for guess in guesses if guess.what]
    problems = []
    conversions: dict[str, str] = {}
    for guess in unknown[:_SHOWN]:
        found = unread_format(guess.path, folder)
        problems.append(Problem(f"{guess.what}, like {found.name}" if found else guess.what, str(guess.path)))
        if found and found.conversion:
            conversions.setdefault(found.name, found.conversion)
    if len(unknown) > _SHOWN:
        problems.append(Problem(f"and {counted(len(unknown) - _SHOWN, 'more file')} of unknown format"))
    if conversions:
        ways = [f"To make UFO JSON of {name}, in Python:\n{code}" for name, code in conversions.items()]
        problems[-1] = replace(problems[-1], remedy="\n".join(ways))
    return problems
