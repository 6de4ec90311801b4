"""One page as it lies in its folder and as it leaves the chain, with its words: to be looked at before a run."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from workbench.knobs.knobs import Knobs
from workbench.workloads.ocr.pages.page import Page, Polygon

if TYPE_CHECKING:
    from workbench.workloads.ocr.chain.page_maker import PageMaker


@dataclass(frozen=True)
class PagePreview:
    """A page before and after the chain.

    Attributes:
        name: The page.
        image: uint8 [H, W, 3], RGB, upright, as decoded.
        polygons: The words on it, each float32 [K, 2], x y in pixels of `image`.
        words: Their transcriptions.
        input: uint8 [S, S, 3], RGB: what the chain makes of it, before normalization.
        input_polygons: The words that are left, in pixels of `input`.
        shrink_map: float32 [S, S], 0..1: where the detector is to find words; None with targets=none.
        dropped_words: How many words degenerated on the way.
    """

    name: str
    image: npt.NDArray[np.uint8]
    polygons: tuple[Polygon, ...]
    words: tuple[str, ...]
    input: npt.NDArray[np.uint8]
    input_polygons: tuple[Polygon, ...]
    shrink_map: npt.NDArray[np.float32] | None
    dropped_words: int


def preview_page(page: Page, knobs: Knobs, maker: PageMaker | None = None) -> PagePreview:
    """Take one page through the decoder and the chain that the knobs ask for.

    Args:
        page: The page.
        knobs: Decoder, chain, size and mode.
        maker: Made for these knobs; by default a fresh one, with which a random chain begins from its seed.

    Raises:
        BadInput: Where it cannot be decoded.
    """
    from workbench.workloads.ocr.chain.page_maker import PageMaker
    from workbench.workloads.ocr.targets import compute_targets

    maker = maker or PageMaker(knobs)
    image, points = maker.decode(page, maker.read(page))
    before = tuple(_split(points, page))
    prepared = maker.chain.prepare(image, points.copy())
    placed = maker.placed(page, np.asarray(prepared.points, np.float32))
    shrink_map = None
    if knobs.targets != "none":
        shrink_map = compute_targets(placed.polygons, placed.ignore, knobs.image_size).shrink_map
    return PagePreview(
        name=page.name,
        image=np.asarray(image, np.uint8),
        polygons=before,
        words=tuple(word.text for word in page.words),
        input=np.asarray(prepared.image, np.uint8),
        input_polygons=placed.polygons,
        shrink_map=None if shrink_map is None else np.asarray(shrink_map, np.float32),
        dropped_words=placed.dropped_words,
    )


def _split(points: npt.NDArray[np.float32], page: Page) -> list[Polygon]:
    """The words' polygons out of the points that the chain takes: the image's corners, then word by word."""
    ends = np.cumsum([4, *(len(word.polygon) for word in page.words)])
    return [points[begin:end].copy() for begin, end in itertools.pairwise(ends)]
