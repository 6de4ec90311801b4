"""A page on its way from the data set to the model's input, to be looked at before a run."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from workbench.units import counted
from workbench.workload import Picture, Preview
from workbench.workloads.ocr.chain.page_maker import PageMaker
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages.page import Page, PageCounts
from workbench.workloads.ocr.pages.words import Polygon
from workbench.workloads.ocr.targets import compute_targets


def preview_of(page: Page, counts: PageCounts, knobs: OcrKnobs) -> Preview:
    """The pictures of a page, with a line on it and its data set.

    Args:
        page: The page.
        counts: What the survey has counted.
        knobs: As they are in force.

    Raises:
        BadInput: Where its image cannot be read.
    """
    maker = PageMaker(knobs)
    image, points = maker.decode(page, maker.read(page))
    prepared = maker.chain.prepare(image, points.copy())
    placed = maker.placed(page, np.asarray(prepared.points, np.float32))
    height, width = image.shape[:2]
    side = knobs.image_size
    words = [word.text for word in page.words]
    pictures = [
        Picture(np.asarray(image, np.uint8), f"as it is: {width} x {height} px", _outlines(points, page), words),
        Picture(np.asarray(prepared.image, np.uint8), f"after the chain: {side} x {side} px", placed.polygons),
    ]
    if knobs.targets != "none":
        shrink_map = compute_targets(placed.polygons, placed.ignore, side).shrink_map
        levels = (np.asarray(shrink_map) * 255.0).astype(np.uint8)
        pictures.append(Picture(levels, "the target: where the detector is to find words"))
    dropped = f", {placed.dropped_words} of this page's words lost on the way" if placed.dropped_words else ""
    found = (
        f" with {counted(counts.num_words, 'word')} ({counts.num_ignored_words} ignored)"
        if counts.has_annotations
        else ""
    )
    summary = "; ".join([f"{counted(counts.num_pages, 'page')}{found}{dropped}", *counts.notes])
    return Preview(name=page.name, summary=summary, pictures=pictures, num_samples=counts.num_pages)


def _outlines(points: Any, page: Page) -> list[Polygon]:
    """The words' polygons out of the points that the chain takes: the image's corners, then word by word."""
    ends = np.cumsum([4, *(len(word.polygon) for word in page.words)])
    return [points[begin:end].copy() for begin, end in itertools.pairwise(ends)]
