"""Looks a data set over before anything is measured: its annotations, its images' headers, and all that is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from workbench.errors import BadInput, Problem
from workbench.files import files_below, sample_pages_dir
from workbench.workloads.ocr.annotations.formats import FORMATS
from workbench.workloads.ocr.annotations.reading import Item
from workbench.workloads.ocr.annotations.recognize import find_annotations
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages.frame import decide_frame, turn_upright
from workbench.workloads.ocr.pages.image_header import IMAGE_SUFFIXES, ImageHeader, ImageProblem, read_headers
from workbench.workloads.ocr.pages.image_index import ImageIndex
from workbench.workloads.ocr.pages.page import AnnotatedPage, Page, PageCounts, Word
from workbench.workloads.ocr.pages.shards import holds_shards, read_shards

#: Details of one kind that a note spells out.
_SHOWN = 3


def survey_pages(knobs: OcrKnobs) -> tuple[list[Page], PageCounts]:
    """The pages that the knobs name, with what they are like.

    Raises:
        BadInput: With everything that is wrong with the data set.
    """
    return survey(
        Path(knobs.dataset).expanduser(),
        annotations=Path(knobs.annotations).expanduser() if knobs.annotations else None,
        annotation_format=knobs.annotation_format,
        limit=knobs.num_pages,
    )


def survey(
    folder: Path,
    *,
    annotations: Path | None = None,
    annotation_format: str = "auto",
    limit: int | None = None,
) -> tuple[list[Page], PageCounts]:
    """The pages of a data set, with what they are like.

    Args:
        folder: Folder of the images, or of shards; ``data_samples`` means the embedded pages where there is no such
            folder here.
        annotations: Annotation file or folder, where it isn't found by itself.
        annotation_format: Its format, where it isn't recognised by itself.
        limit: Take, and look at, only this many pages, the first ones.

    Returns:
        The pages in the order of the annotation, words in the upright frame; and the counts.

    Raises:
        BadInput: With every problem of the data set: file, entry, what to do.
    """
    folder = _data_set(folder)
    if holds_shards(folder):
        return read_shards(folder, limit)
    index = _index(folder)
    found = find_annotations(folder, index, annotations, annotation_format)
    entries, problems = _first(FORMATS[found.format].read(found.paths), limit)
    located = [_locate(index, entry) for entry in entries]
    headers = iter(read_headers(image for image in located if isinstance(image, Path)))
    pages: list[Page] = []
    used: list[tuple[AnnotatedPage, ImageHeader]] = []
    for entry, image in zip(entries, located, strict=True):
        if isinstance(image, Problem):
            problems.append(image)
        elif isinstance(header := next(headers), ImageProblem):
            problems.append(
                Problem(str(header), f"{image} (in {entry.where})", "Repair the file, or take the entry out")
            )
        else:
            pages.append(_page(entry, image, header))
            used.append((entry, header))
    if not problems and not any(page.words for page in pages):
        problems.append(_no_words(entries, found.place))
    if problems:
        raise BadInput(f"the data set {folder}", problems)
    notes = _notes_on(pages, used, all_images=index.paths if limit is None else None)
    return _named_apart(pages, folder), _counts(pages, entries, notes)


def _data_set(folder: Path) -> Path:
    if folder == Path("data_samples") and not folder.is_dir():
        return sample_pages_dir()
    if folder.is_file():
        remedy = "Name the folder of the images as dataset; a file of annotations goes to the knob annotations"
        raise BadInput(str(folder), [Problem("is a file, not a folder", "dataset", remedy)])
    if not folder.is_dir():
        raise BadInput(str(folder), [Problem("there is no such folder", "dataset", "Name a folder of page images")])
    return folder


def _index(folder: Path) -> ImageIndex:
    files = files_below(folder)
    index = ImageIndex(folder, files)
    if not files:
        raise BadInput(str(folder), [Problem("the folder is empty", "dataset", "Name a folder of page images")])
    if not index.paths:
        what = f"there are no images in this folder ({', '.join(IMAGE_SUFFIXES)})"
        raise BadInput(str(folder), [Problem(what, "dataset", "Name the folder of the images")])
    return index


def _first(items: Iterator[Item], limit: int | None) -> tuple[list[AnnotatedPage], list[Problem]]:
    """The first pages that a reader gives, and the problems met on the way; what comes later isn't read."""
    entries: list[AnnotatedPage] = []
    problems: list[Problem] = []
    for item in items:
        if isinstance(item, Problem):
            problems.append(item)
            continue
        entries.append(item)
        if len(entries) == limit:
            break
    return entries, problems


def _locate(index: ImageIndex, entry: AnnotatedPage) -> Path | Problem:
    images = index.find(entry.image, entry.beside or Path())
    if len(images) == 1:
        return images[0]
    if not images:
        remedy = "Put the image into the folder, or take the entry out"
        return Problem(f"its image '{entry.image}' is missing", entry.where, remedy)
    places = ", ".join(str(image) for image in images[:3])
    remedy = "Name the folder of one of them as dataset, and the annotations by their own knob"
    return Problem(f"'{entry.image}' could be any of {len(images)} images ({places})", entry.where, remedy)


def _page(entry: AnnotatedPage, path: Path, header: ImageHeader) -> Page:
    words = tuple(entry.words)
    if header.orientation != 1 and decide_frame(entry, header) == "stored":
        words = tuple(replace(word, polygon=turn_upright(word.polygon, header)) for word in words)
    return Page(
        path, path.name, words, *header.upright_size, header.orientation, header.mode, header.num_bytes, header.is_jpeg
    )


def _no_words(entries: list[AnnotatedPage], place: Path) -> Problem:
    if not entries:
        return Problem("there is no entry in the annotations", str(place), "Name others: annotations=FILE")
    dropped = ", ".join(f"{count} with {reason}" for reason, count in _dropped(entries).items())
    what = f"no entry (of {len(entries)}) has a word that can be used"
    return Problem(f"{what} (dropped: {dropped})" if dropped else what, str(place), "Name others: annotations=FILE")


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
    words: list[Word] = [word for page in pages for word in page.words]
    return PageCounts(
        num_pages=len(pages),
        num_words=len(words),
        num_ignored_words=sum(word.ignore for word in words),
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


def _notes_on(
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
            f"{_many(len(other_size), 'page')} annotated for another image size ({_few_of(other_size)}): "
            "points are taken as they are"
        )
    remarks = [
        f"{page.name}: {remark}" for page, (_, header) in zip(pages, used, strict=True) for remark in header.remarks
    ]
    if remarks:
        notes.append(f"{_many(len(remarks), 'warning')} about image files ({_few_of(remarks)})")
    return notes


def _is_size_of(entry: AnnotatedPage, header: ImageHeader) -> bool:
    return (entry.width, entry.height) in ((header.width, header.height), header.upright_size)


def _few_of(details: list[str]) -> str:
    more = [f"and {len(details) - _SHOWN} more"] if len(details) > _SHOWN else []
    return "; ".join([*details[:_SHOWN], *more])


def _many(count: int, thing: str, things: str | None = None) -> str:
    return f"{count} {thing if count == 1 else things or thing + 's'}"
