"""Looks a data set over before anything is measured: its annotations, its images' headers, and all that is wrong."""

from __future__ import annotations

import contextlib
import gc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from workbench.errors import BadInput, Problem
from workbench.files import expanded, files_below, sample_pages_dir
from workbench.workloads.ocr.annotations.formats import FORMATS, NO_FORMAT
from workbench.workloads.ocr.annotations.reading import Item, Note, forget
from workbench.workloads.ocr.annotations.recognize import find_annotations
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages.frame import decide_frame, turn_upright
from workbench.workloads.ocr.pages.headers import read_headers
from workbench.workloads.ocr.pages.image_header import ImageHeader, ImageProblem
from workbench.workloads.ocr.pages.image_index import ImageIndex
from workbench.workloads.ocr.pages.image_kinds import IMAGE_SUFFIXES
from workbench.workloads.ocr.pages.kept_survey import LARGE, KeptSurvey
from workbench.workloads.ocr.pages.notes import (
    NO_ANNOTATIONS,
    how_to_unpack,
    kinds_of,
    notes_on_annotated,
    notes_on_images,
    notes_on_spelling,
)
from workbench.workloads.ocr.pages.page import AnnotatedPage, Page, PageCounts
from workbench.workloads.ocr.pages.shards import holds_shards, read_shards

_NAME_OTHERS = "Name others (annotations=FILE), or measure the images alone: annotation_format=none"
_NAME_IMAGES = "Name a folder of page images; workbench pages --out DIR draws some"


#: Told the number of pages done, and of all pages.
OnPage = Callable[[int, int], None]

#: Entries of annotations between two reports.
_ENTRIES_AT_ONCE = 1000


def survey_pages(knobs: OcrKnobs, on_page: OnPage | None = None) -> tuple[list[Page], PageCounts]:
    """The pages that the knobs name, with what they are like.

    Args:
        knobs: Name the data set.
        on_page: See `survey`.

    Raises:
        BadInput: With everything that is wrong with the data set.
    """
    return survey(
        expanded(knobs.dataset),
        annotations=expanded(knobs.annotations) if knobs.annotations else None,
        annotation_format=knobs.annotation_format,
        limit=knobs.num_pages,
        on_page=on_page,
    )


def survey(
    folder: Path,
    *,
    annotations: Path | None = None,
    annotation_format: str = "auto",
    limit: int | None = None,
    on_page: OnPage | None = None,
) -> tuple[list[Page], PageCounts]:
    """The pages of a data set, with what they are like.

    A large one is kept (`kept_survey`): while no file changes, the next survey reads none.

    Args:
        folder: Folder of the images, or of shards; ``data_samples`` means the embedded pages where there is no such
            folder here.
        annotations: Annotation file or folder, where it isn't found by itself.
        annotation_format: Its format, where it isn't recognised by itself; "none" takes the images alone.
        limit: Take, and look at, only this many pages, the first ones.
        on_page: Told now and then how many pages are done, and how many there are, of a large data set. To read its
            annotations is one half of a page, to read its image's header the other.

    Returns:
        The pages in the order of the annotation, words in the upright frame; and the counts. Where nothing looks like
        an annotation, the images alone, in the order of their paths, without words.

    Raises:
        BadInput: With every problem of the data set: file, entry, what to do.
    """
    folder = _data_set(folder)
    is_alone = annotation_format == NO_FORMAT
    if holds_shards(folder):
        pages, counts = read_shards(folder, limit)
        return _without_words(pages, counts) if is_alone and counts.has_annotations else (pages, counts)
    files = files_below(folder)
    if len(files) < LARGE:
        return _survey(folder, files, annotations, annotation_format, limit, None)
    kept = KeptSurvey(folder, files, annotations, [annotation_format, limit])
    if (known := kept.load()) is not None:
        return known
    with _uncollected():
        pages, counts = _survey(folder, files, annotations, annotation_format, limit, on_page)
    kept.keep(pages, counts)
    return pages, counts


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without the collector of circular garbage, of which there is none: it walks through all pages again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _survey(
    folder: Path,
    files: Sequence[Path],
    annotations: Path | None,
    annotation_format: str,
    limit: int | None,
    on_page: OnPage | None,
) -> tuple[list[Page], PageCounts]:
    """See `survey`: of files, whatever is kept."""
    index = _index(folder, files)
    report = _Report(min(limit or len(index.paths), len(index.paths)), on_page)
    is_alone = annotation_format == NO_FORMAT
    found = None if is_alone else find_annotations(folder, index, annotations, annotation_format)
    if found is None:
        return _images_alone(folder, index, limit, report)
    entries, problems, choices = _first(report.entries(FORMATS[found.format].read(found.paths)), limit)
    forget()
    choices = [found.reason, *choices] if found.reason else choices
    located, respelled = _locate(index, entries)
    headers = iter(read_headers([image for image in located if isinstance(image, Path)], on_file=report.on_header))
    pages = []
    used: list[tuple[AnnotatedPage, ImageHeader]] = []
    for entry, image in zip(entries, located, strict=True):
        if isinstance(image, Problem):
            problems.append(image)
        elif isinstance(header := next(headers), ImageProblem):
            problems.append(
                Problem(
                    str(header),
                    f"{image} (in {entry.where})",
                    header.remedy or "Repair the file, or take the entry out",
                )
            )
        else:
            pages.append(_page(entry, image, header))
            used.append((entry, header))
    if not problems and not any(page.words for page in pages):
        problems.append(_no_words(entries, found.place))
    if problems:
        raise BadInput(f"the data set {folder}", problems)
    if respelled:
        choices.append(notes_on_spelling(respelled))
    notes = [*choices, *notes_on_annotated(pages, used, all_images=index.paths if limit is None else None)]
    return _named_apart(pages, folder), _counts(pages, entries, notes)


class _Report:
    """Tells how far a survey is.

    Args:
        num_pages: Pages that there will be, about.
        on_page: See `survey`.
    """

    def __init__(self, num_pages: int, on_page: OnPage | None) -> None:
        self._num_pages = num_pages
        self._on_page = on_page
        self._halves = 0
        self._halves_before_headers = 0

    def entries(self, items: Iterator[Item]) -> Iterator[Item]:
        """What a reader gives; each is half of a page."""
        self._halves_before_headers = self._num_pages
        for number, item in enumerate(items):
            if number % _ENTRIES_AT_ONCE == 0:
                self._tell(min(number, self._num_pages))
            yield item

    def on_header(self, done: int, total: int) -> None:
        """See `read_headers`; the other halves, or all of them where nothing else was read."""
        left = 2 * self._num_pages - self._halves_before_headers
        self._tell(2 * self._num_pages - left * (total - done) // total)

    def _tell(self, halves: int) -> None:
        self._halves = max(halves, self._halves)
        if self._on_page is not None:
            self._on_page(self._halves // 2, self._num_pages)


def _images_alone(folder: Path, index: ImageIndex, limit: int | None, report: _Report) -> tuple[list[Page], PageCounts]:
    """The first images of a data set as pages without words."""
    paths = index.paths[:limit]
    headers = read_headers(paths, on_file=report.on_header)
    problems = [
        Problem(str(header), str(path), header.remedy or "Repair the file, or take it out of the folder")
        for path, header in zip(paths, headers, strict=True)
        if isinstance(header, ImageProblem)
    ]
    if problems:
        raise BadInput(f"the data set {folder}", problems)
    read = [header for header in headers if isinstance(header, ImageHeader)]
    entries = [AnnotatedPage(path.name, [], str(path)) for path in paths]
    pages = [_page(*found) for found in zip(entries, paths, read, strict=True)]
    return _without_words(_named_apart(pages, folder), _counts(pages, [], notes_on_images(pages, read, index.others)))


def _without_words(pages: list[Page], counts: PageCounts) -> tuple[list[Page], PageCounts]:
    """Pages of which nobody knows the words, or wants to."""
    none = {"num_words": 0, "num_ignored_words": 0, "without_words": 0, "dropped_words": {}, "has_annotations": False}
    notes = counts.notes if NO_ANNOTATIONS in counts.notes else [NO_ANNOTATIONS, *counts.notes]
    return [replace(page, words=()) for page in pages], counts.model_copy(update={**none, "notes": notes})


def _data_set(folder: Path) -> Path:
    if folder == Path("data_samples") and not folder.is_dir():
        return sample_pages_dir()
    if folder.is_file():
        remedy = "Name the folder of the images as dataset; a file of annotations goes to the knob annotations"
        raise BadInput(str(folder), [Problem("is a file, not a folder", "dataset", remedy)])
    if not folder.is_dir():
        raise BadInput(str(folder), [Problem("there is no such folder", "dataset", _NAME_IMAGES)])
    return folder


def _index(folder: Path, files: Sequence[Path]) -> ImageIndex:
    index = ImageIndex(folder, files)
    if not files:
        raise BadInput(str(folder), [Problem("the folder is empty", "dataset", _NAME_IMAGES)])
    if not index.paths:
        what = f"there are no images in this folder ({', '.join(IMAGE_SUFFIXES)}); it holds {kinds_of(index.others)}"
        raise BadInput(str(folder), [Problem(what, "dataset", how_to_unpack(index.others) or _NAME_IMAGES)])
    return index


def _first(items: Iterator[Item], limit: int | None) -> tuple[list[AnnotatedPage], list[Problem], list[str]]:
    """The first pages that a reader gives, the problems met on the way, and its notes; what comes later isn't read."""
    entries: list[AnnotatedPage] = []
    problems: list[Problem] = []
    notes: list[str] = []
    for item in items:
        if isinstance(item, Problem):
            problems.append(item)
            continue
        if isinstance(item, Note):
            notes.append(item.text)
            continue
        entries.append(item)
        if len(entries) == limit:
            break
    return entries, problems, list(dict.fromkeys(notes))


def _locate(index: ImageIndex, entries: list[AnnotatedPage]) -> tuple[list[Path | Problem], list[str]]:
    """The image of each entry, or why there is none; and how entries spell the images that are named otherwise."""
    located: list[Path | Problem] = []
    respelled = []
    missing = 0
    for entry in entries:
        match = index.find(entry.image, entry.beside or Path())
        if not match.images and entry.or_image and (other := index.find(entry.or_image, entry.beside or Path())).images:
            match = replace(other, is_respelled=True)
        if len(match.images) == 1:
            located.append(match.images[0])
            if match.is_respelled:
                respelled.append(f"'{entry.image}' is '{match.images[0].name}'")
            continue
        missing += 1
        near = index.nearest(entry.image) if not match.images and missing <= BadInput.SHOWN else None
        located.append(_not_located(entry, match.images, near))
    return located, respelled


def _not_located(entry: AnnotatedPage, images: Sequence[Path], near: str | None) -> Problem:
    if not images:
        remedy = "Put the image into the folder, or take the entry out"
        remedy = f"Did you mean '{near}'? Rename one of the two; or {remedy[0].lower()}{remedy[1:]}" if near else remedy
        return Problem(f"its image '{entry.image}' is missing", entry.where, remedy)
    places = ", ".join(str(image) for image in images[:3])
    remedy = "Name the folder of one of them as dataset, and the annotations by their own knob"
    return Problem(f"'{entry.image}' could be any of {len(images)} images ({places})", entry.where, remedy)


def _page(entry: AnnotatedPage, path: Path, header: ImageHeader) -> Page:
    words = entry.packed
    frame = decide_frame(entry, header) if header.orientation != 1 else "upright"
    if entry.unit == "share":
        size = np.array(header.upright_size if frame == "upright" else (header.width, header.height), np.float32)
        words = words.moved(words.points * size)
    if frame == "stored":
        words = words.moved(turn_upright(words.points, header))
    return Page(
        path,
        path.name,
        words,
        *header.upright_size,
        header.orientation,
        header.mode,
        header.num_bytes,
        header.is_jpeg,
        written_ns=header.written_ns,
    )


def _no_words(entries: list[AnnotatedPage], place: Path) -> Problem:
    if not entries:
        return Problem("there is no entry in the annotations", str(place), _NAME_OTHERS)
    dropped = ", ".join(f"{count} with {reason}" for reason, count in _dropped(entries).items())
    what = f"no entry (of {len(entries)}) has a word that can be used"
    return Problem(f"{what} (dropped: {dropped})" if dropped else what, str(place), _NAME_OTHERS)


def _named_apart(pages: list[Page], folder: Path) -> list[Page]:
    """The pages with names that tell them apart: folders where two are alike, a number for the same file."""
    alike = Counter(page.name for page in pages)
    times: Counter[str] = Counter()
    apart = []
    for page in pages:
        name = page.name
        if alike[name] > 1:
            name = (page.path.relative_to(folder) if page.path.is_relative_to(folder) else page.path).as_posix()
        times[name] += 1
        apart.append(replace(page, name=name if times[name] == 1 else f"{name} ({times[name]})"))
    return apart


def _counts(pages: list[Page], entries: list[AnnotatedPage], notes: list[str]) -> PageCounts:
    return PageCounts(
        num_pages=len(pages),
        num_words=sum(len(page.words) for page in pages),
        num_ignored_words=sum(entry.packed.num_ignored for entry in entries),
        turned_by_exif=sum(page.exif_orientation != 1 for page in pages),
        not_rgb=dict(Counter(page.mode for page in pages if page.mode != "RGB")),
        without_words=sum(not page.words for page in pages),
        dropped_words=_dropped(entries),
        notes=notes,
    )


def _dropped(entries: list[AnnotatedPage]) -> dict[str, int]:
    dropped: Counter[str] = Counter()
    for entry in entries:
        dropped.update(entry.dropped)
    return dict(dropped)
