"""Looks a data set over before anything is measured: its annotations, its images' headers, and what is wrong with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from workbench.data.annotations.recognize import READERS, find_annotations
from workbench.data.frame import decide_frame, turn_upright
from workbench.data.image_header import ImageHeader, ImageProblem, read_header
from workbench.data.image_index import ImageIndex
from workbench.data.page import AnnotatedPage, Page, Word
from workbench.errors import BadInput, Problem
from workbench.locations import sample_pages_dir
from workbench.records import PageCounts

_THREADS = 8


def survey(
    folder: Path,
    *,
    annotations: Path | None = None,
    annotation_format: str = "auto",
    limit: int | None = None,
) -> tuple[list[Page], PageCounts]:
    """The pages of a data set, with what they are like.

    Args:
        folder: Folder of the images; ``data_samples`` means the embedded pages where there is no such folder here.
        annotations: Annotation file or folder, where it isn't found by itself.
        annotation_format: Its format, where it isn't recognised by itself.
        limit: Take, and look at, only the first so many pages.

    Returns:
        The pages in the order of the annotation, words in the upright frame; and the counts.

    Raises:
        BadInput: With every problem of the data set: file, entry, what to do.
    """
    if folder == Path("data_samples") and not folder.is_dir():
        folder = sample_pages_dir()
    if not folder.is_dir():
        raise BadInput(str(folder), [Problem("there is no such folder", "dataset", "Name a folder of page images")])
    index = ImageIndex(folder)
    if not index.paths:
        raise BadInput(str(folder), [Problem("there are no images in this folder", "dataset")])
    found = find_annotations(folder, annotations, annotation_format)
    reading = READERS[found.format](list(found.paths))
    entries = reading.pages[:limit]
    located = [_locate(index, entry) for entry in entries]
    with ThreadPoolExecutor(_THREADS) as pool:
        made = list(pool.map(_page, entries, located))
    problems = [*reading.problems, *(page for page in made if isinstance(page, Problem))]
    pages = _named_apart([page for page in made if isinstance(page, Page)], folder)
    if not pages and not problems:
        problems.append(Problem("there is no image with annotations", str(found.place)))
    if problems:
        raise BadInput(f"the data set {folder}", problems)
    notes = []
    if limit is None and (unused := len(set(index.paths) - {page.path for page in pages})):
        notes.append(f"{unused} image{'s' if unused > 1 else ''} without annotations: not used")
    return pages, _counts(pages, entries, notes)


def _locate(index: ImageIndex, entry: AnnotatedPage) -> Path | Problem:
    images = index.find(entry.image, entry.beside)
    if len(images) == 1:
        return images[0]
    if not images:
        remedy = "Put the image into the folder, or take the entry out"
        return Problem(f"its image '{entry.image}' is missing", entry.where, remedy)
    places = ", ".join(str(image) for image in images[:3])
    return Problem(f"'{entry.image}' could be any of {len(images)} images ({places})", entry.where, "Name its folder")


def _page(entry: AnnotatedPage, path: Path | Problem) -> Page | Problem:
    if isinstance(path, Problem):
        return path
    try:
        header = read_header(path)
    except ImageProblem as error:
        return Problem(str(error), f"{path} (in {entry.where})", "Repair the file, or take the entry out")
    width, height = header.upright_size
    return Page(path, path.name, _upright_words(entry, header), width, height, header.orientation, header.mode)


def _upright_words(entry: AnnotatedPage, header: ImageHeader) -> tuple[Word, ...]:
    if decide_frame(entry, header) == "upright":
        return tuple(entry.words)
    return tuple(replace(word, polygon=turn_upright(word.polygon, header)) for word in entry.words)


def _named_apart(pages: list[Page], folder: Path) -> list[Page]:
    """The pages with names that tell them apart: the file's name, with its folders where two are alike."""
    counts = Counter(page.name for page in pages)

    def names() -> Iterator[Page]:
        for page in pages:
            if counts[page.name] == 1:
                yield page
            else:
                place = page.path.relative_to(folder) if page.path.is_relative_to(folder) else page.path
                yield replace(page, name=str(place))

    return list(names())


def _counts(pages: list[Page], entries: list[AnnotatedPage], notes: list[str]) -> PageCounts:
    dropped: Counter[str] = Counter()
    for entry in entries:
        dropped.update(entry.dropped)
    return PageCounts(
        num_pages=len(pages),
        num_words=sum(len(page.words) for page in pages),
        num_ignored_words=sum(word.ignore for page in pages for word in page.words),
        turned_by_exif=sum(page.exif_orientation != 1 for page in pages),
        not_rgb=dict(Counter(page.mode for page in pages if page.mode != "RGB")),
        without_words=sum(not page.words for page in pages),
        dropped_words=dict(dropped),
        notes=notes,
    )
