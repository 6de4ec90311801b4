"""What the record says of the pages, what cannot be done with them, and what is not."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from workbench.errors import Problem
from workbench.records import Count, Description
from workbench.units import counted
from workbench.workloads.ocr.detector.postprocess import MOST_CANDIDATES
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages.page import Page, PageCounts
from workbench.workloads.ocr.pages.words import Words


def describe(pages: Sequence[Page], counts: PageCounts, *, lost_on_the_way: int) -> Description:
    """The pages in numbers.

    Args:
        pages: As surveyed.
        counts: What the survey has counted.
        lost_on_the_way: Words that degenerated in the transforms.
    """
    of_words = [Count(name="words to be ignored", number=counts.num_ignored_words)] if counts.has_annotations else []
    without = [Count(name="pages without words", number=counts.without_words)] if counts.has_annotations else []
    dropped = dict(counts.dropped_words)
    if lost_on_the_way:
        dropped["degenerate after the transforms"] = lost_on_the_way
    return Description(
        num_samples=counts.num_pages,
        counts=[
            Count(name="words", number=counts.num_words),
            *of_words,
            Count(name="pages turned by EXIF", number=counts.turned_by_exif),
            *without,
            *(Count(name=f"pages in mode {mode}", number=number) for mode, number in counts.not_rgb.items()),
            *(Count(name=f"words left out: {reason}", number=number) for reason, number in dropped.items()),
        ],
        notes=counts.notes,
        content=_content(pages),
    )


def _content(pages: Sequence[Page]) -> str:
    """A digest that is another one as soon as a page, its file or a point of its words is."""
    digest = hashlib.blake2b(digest_size=16)
    for page in pages:
        of_file = page.name, page.num_bytes, page.offset, page.written_ns, page.width, page.height
        words = page.words if isinstance(page.words, Words) else Words(page.words)
        digest.update(repr((*of_file, words.texts)).encode(errors="surrogateescape"))
        digest.update(words.points.tobytes())
    return digest.hexdigest()


def problems_with(knobs: OcrKnobs, counts: PageCounts, *, is_replayed: bool) -> list[Problem]:
    """What the knobs ask for that these pages do not give.

    Args:
        knobs: As asked for.
        counts: What the survey has counted.
        is_replayed: Whether the device is the replay device.
    """
    if knobs.mode == "train" and not counts.has_annotations:
        what = "training needs the words of the pages, and there are no annotations"
        return [Problem(what, "mode=train", "Take mode=validate, or name the annotations: annotations=FILE")]
    if is_replayed and knobs.targets == "none" and counts.has_annotations:
        what = "the replay device predicts the targets' shrink map, which is then missing"
        return [Problem(what, "device=replay with targets=none", "Take targets=compute or fast, or device=cpu")]
    return []


def in_force(knobs: OcrKnobs, counts: PageCounts) -> OcrKnobs:
    """The knobs as they are in force for these pages: of images alone no target maps are made."""
    return knobs if counts.has_annotations else knobs.unchecked(targets="none")


def note_on_quality(knobs: OcrKnobs, *, is_replayed: bool, num_crowded: int = 0) -> str:
    """What a reader of H-mean has to know where it is no figure of a detector, or not of all words; else empty.

    Args:
        knobs: As asked for.
        is_replayed: Whether the device is the replay device.
        num_crowded: Maps with more outlines than were looked at.
    """
    notes = []
    if is_replayed:
        notes.append("the replay device hands back the ground truth; this checks the path, not a detector")
    elif knobs.weights == "random":
        notes.append("the weights are random, so this is no figure of a detector")
    if num_crowded:
        pages = counted(num_crowded, "map")
        notes.append(f"{pages} had more than {MOST_CANDIDATES} outlines, of which no more were looked at")
    return "; ".join(notes)
