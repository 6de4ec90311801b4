"""Keeps what the model was really given, so that two variants can be compared.

It gets batches as they arrive in the main process, behind decoder, cache, chain, workers and transport: before and
after the counted steps, for whoever touches a batch first pays for its memory. Of every page it keeps a thumbnail, some
pixels of its image and maps; of a few pages all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from workbench.workloads.ocr.chain.normalize import to_levels
from workbench.workloads.ocr.detector.postprocess import find_words
from workbench.workloads.ocr.pages.page import Page
from workbench.workloads.ocr.pages.words import Polygon
from workbench.workloads.ocr.sample import Batch, PackedMaps
from workbench.workloads.ocr.steps import normalized
from workbench.workloads.ocr.targets import PackedTargets

Array = npt.NDArray[np.generic]

#: Of a model's results every second pixel is kept, in both directions: float32, of which little can be packed.
_RESULT_STEP = 2

#: Pixels of a thumbnail: rows and columns of its grid.
THUMBNAIL_SIDE = 12


#: Normalized and back again, a level is off by less than this; half precision is off by up to four times as much.
_ROUNDING_LEVELS = 1.0 / 64.0


class PageRecorder:
    """Records the pages of one trial.

    Args:
        pages: The pages of the data set.
        num_kept: The first few pages, which are kept whole.
    """

    def __init__(self, pages: list[Page], num_kept: int) -> None:
        self._pages = pages
        self._wanted = set(range(min(num_kept, len(pages))))
        self._seen = np.zeros(len(pages), np.int64)
        self._thumbnails = np.zeros((len(pages), 3, THUMBNAIL_SIDE, THUMBNAIL_SIDE), np.uint8)
        self._map_thumbnails: npt.NDArray[np.uint8] | None = None
        self._kept: dict[int, dict[str, Any]] = {}

    def record(self, batch: Batch, numbers: Sequence[int]) -> None:
        """Keep what arrived.

        Args:
            batch: As it arrived.
            numbers: What its pages are said to be.
        """
        self._seen += np.bincount(np.asarray(numbers), minlength=len(self._seen))
        rows = _thumbnail_rows(batch.images.shape[-1])
        self._thumbnails[list(numbers)] = _as_levels(batch.images[:, :, rows, rows].cpu())
        if batch.maps is not None:
            if self._map_thumbnails is None:
                self._map_thumbnails = np.zeros((len(self._pages), THUMBNAIL_SIDE, THUMBNAIL_SIDE), np.uint8)
            self._map_thumbnails[list(numbers)] = _threshold_levels(batch.maps, rows)
        self.keep(batch, numbers)

    def keep(self, batch: Batch, numbers: Sequence[int]) -> None:
        """Keep those pages of a batch whole that are wanted and not kept yet."""
        for place, number in enumerate(numbers):
            if number in self._wanted:
                self._wanted.discard(number)
                self._kept[number] = {"image": batch.images[place].cpu().clone(), **_maps_of(batch, place)}

    def arrays(self, find: Callable[[Sequence[torch.Tensor]], Sequence[Sequence[Polygon]]] | None) -> dict[str, Array]:
        """What was seen, for `samples.npz`.

        Args:
            find: Gives the outlines of the words that a detector finds on images, each float32 [1, 3, S, S],
                normalized; those on the kept pages are kept too.

        Returns:
            Of all N pages of the data set: `all_names` str [N], `times_seen` int64 [N], and some pixels of what arrived
            under that name: `thumbnails` uint8 [N, 3, h, w] and `map_thumbnails` uint8 [N, h, w]. Of the K kept ones:
            `names` str [K]; `images` [K, S, S, 3], RGB, `shrink_map` and `threshold_map`, [K, S, S], in levels 0..255,
            float16 or, of whole numbers, uint8; and the outlines of what the detector found on them, in pixels of
            the image: `detected_points` float32 [P, 2], `detected_lengths` and `detected_on` int64 [D].
        """
        numbers = sorted(self._kept)
        arrays: dict[str, Array] = {
            "all_names": np.array([page.name for page in self._pages]),
            "times_seen": self._seen,
            "thumbnails": self._thumbnails,
            "names": np.array([self._pages[number].name for number in numbers], dtype=str),
        }
        if self._map_thumbnails is not None:
            arrays["map_thumbnails"] = self._map_thumbnails
        if not numbers:
            return arrays
        images = [self._kept[number]["image"] for number in numbers]
        arrays["images"] = _half_or_bytes(np.stack([_float_levels(image) for image in images]))
        for name in ("shrink_map", "threshold_map"):
            if name in self._kept[numbers[0]]:
                maps = np.stack([self._kept[number][name] for number in numbers])
                arrays[name] = _half_or_bytes(maps * np.float32(255.0))
        if find is not None:
            arrays |= _outlines("detected", find([normalized(image[None].contiguous()) for image in images]))
        return arrays

    def results(self, run: Callable[[torch.Tensor], torch.Tensor], batch_size: int) -> dict[str, Array]:
        """What the trial's own model makes of the kept pages, for `samples.npz`.

        Args:
            run: Gives shrink maps [B, S, S] in host memory of images as they arrived, [B, 3, S, S].
            batch_size: The B that the model is ready for; pages are repeated to make up for it.

        Returns:
            Of the K kept pages: `result_probability` float32 [K, S/2, S/2], every second pixel; and the outlines of
            what was found: `result_points`, `result_lengths`, `result_on`, as `detected_points`, .... And
            `result_tinted` [1, S/2, S/2] of the first page in false colours.
        """
        images = [self._kept[number]["image"] for number in sorted(self._kept)]
        images += [_tinted(image) for image in images[:1]]
        maps: list[npt.NDArray[np.float32]] = []
        for first in range(0, len(images), batch_size):
            part = images[first : first + batch_size]
            filled = (part * batch_size)[:batch_size]
            maps += [np.asarray(page_map) for page_map in run(torch.stack(filled))[: len(part)]]
        if not maps:
            return {}
        kept = np.stack([page_map[::_RESULT_STEP, ::_RESULT_STEP] for page_map in maps])
        found = [[word.polygon for word in find_words(page_map)] for page_map in maps[:-1]]
        return {"result_probability": kept[:-1], "result_tinted": kept[-1:], **_outlines("result", found)}


def _tinted(image: torch.Tensor) -> torch.Tensor:
    """An image with its blue turned round: on pages in black and white, colours that are swapped are no difference."""
    image = image.clone()
    image[2] = 255 - image[2] if image.dtype == torch.uint8 else -image[2]
    return image


def _thumbnail_rows(side: int) -> slice:
    """Rows (and columns) of a thumbnail, evenly apart: a slice, of which torch makes a view."""
    step = side // THUMBNAIL_SIDE
    first = (side - step * (THUMBNAIL_SIDE - 1)) // 2
    return slice(first, first + step * (THUMBNAIL_SIDE - 1) + 1, step)


def _float_levels(image: torch.Tensor) -> npt.NDArray[np.float32]:
    """float32 [S, S, 3], levels 0..255: an image [3, S, S] with normalization undone."""
    array = np.asarray(image.permute(1, 2, 0).to(torch.float32))
    return array if image.dtype == torch.uint8 else to_levels(array)


def _half_or_bytes(levels: npt.NDArray[np.float32]) -> npt.NDArray[np.generic]:
    """Levels in half precision; in bytes where they are whole numbers but for rounding, which takes less room."""
    whole = np.clip(np.round(np.nan_to_num(levels)), 0.0, 255.0)
    with np.errstate(invalid="ignore"):  # infinity less a number
        is_whole = bool((np.abs(levels - whole) <= _ROUNDING_LEVELS).all())  # never of what is no number
    return whole.astype(np.uint8) if is_whole else levels.astype(np.float16)


def _as_levels(pixels: torch.Tensor) -> npt.NDArray[np.uint8]:
    """uint8 [B, 3, h, w] of pixels that are levels or normalized."""
    if pixels.dtype == torch.uint8:
        return np.asarray(pixels.numpy())
    levels = np.stack([_float_levels(image) for image in pixels]).transpose(0, 3, 1, 2)
    return np.clip(np.round(np.nan_to_num(levels, nan=0.0)), 0, 255).astype(np.uint8)


def _threshold_levels(maps: Any, rows: slice) -> npt.NDArray[np.uint8]:
    if isinstance(maps, PackedMaps):
        levels: npt.NDArray[np.uint8] = maps.planes[:, 0, rows, rows].cpu().numpy()
        return levels
    rounded: npt.NDArray[np.uint8] = np.round(maps.threshold_map[:, rows, rows].cpu().numpy() * 255.0).astype(np.uint8)
    return rounded


def _maps_of(batch: Batch, place: int) -> dict[str, npt.NDArray[np.float32]]:
    maps = batch.maps
    if maps is None:
        return {}
    if isinstance(maps, PackedMaps):
        levels, flags = maps.planes[place].cpu().numpy()
        whole = PackedTargets(levels, flags).unpack()
        return {"shrink_map": whole.shrink_map, "threshold_map": whole.threshold_map}
    return {name: getattr(maps, name)[place].cpu().numpy().copy() for name in ("shrink_map", "threshold_map")}


def _outlines(prefix: str, found: Sequence[Sequence[Polygon]]) -> dict[str, Array]:
    """The words on each page: points float32 [P, 2] of all outlines, their lengths, and whose they are."""
    outlines = [outline.astype(np.float32) for words in found for outline in words]
    return {
        f"{prefix}_points": np.concatenate([np.empty((0, 2), np.float32), *outlines]),
        f"{prefix}_lengths": np.array([len(outline) for outline in outlines], np.int64),
        f"{prefix}_on": np.repeat(np.arange(len(found)), [len(words) for words in found]),
    }
