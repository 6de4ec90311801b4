"""Pages as files for a loader that decodes and resizes by itself, with the words where that puts them."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch

from workbench.workloads.ocr.chain.decode import decode_opencv, orient
from workbench.workloads.ocr.chain.direct_chain import Placement, fit_into
from workbench.workloads.ocr.chain.normalize import MEAN, STD
from workbench.workloads.ocr.chain.page_maker import MakerPerProcess
from workbench.workloads.ocr.chain.transforms import pack_points
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages.page import Page
from workbench.workloads.ocr.sample import Batch, PackedMaps, TargetMaps
from workbench.workloads.ocr.targets import PackedTargets

#: Modes of JPEG files that every decoder turns into the same RGB.
_PLAIN_MODES = ("RGB", "L")


class EncodedPages:
    """See `loaders.source.ImageFeed`.

    Args:
        pages: The pages.
        knobs: Size, normalization and targets.
    """

    def __init__(self, pages: list[Page], knobs: OcrKnobs) -> None:
        self._pages = pages
        self._maker = MakerPerProcess(knobs)
        self.side = knobs.image_size
        self.normalize: tuple[tuple[float, ...], tuple[float, ...]] | None = None
        if knobs.normalize == "albumentations":
            self.normalize = (tuple(255.0 * value for value in MEAN), tuple(255.0 * value for value in STD))

    def __len__(self) -> int:
        """The number of pages."""
        return len(self._pages)

    def encoded(self, number: int) -> tuple[npt.NDArray[np.uint8], Placement]:
        """See `ImageFeed`. A file of an unusual kind is decoded here and handed on as a plain bitmap, upright."""
        page = self._pages[number]
        placement = fit_into(page.width, page.height, self.side)
        data = self._maker().read(page)
        if page.is_jpeg and page.mode in _PLAIN_MODES:
            return np.frombuffer(data, np.uint8), placement
        image = orient(decode_opencv(data), page.exif_orientation)
        return cv2.imencode(".bmp", image[..., ::-1])[1].reshape(-1), placement

    def extras(self, number: int) -> tuple[npt.NDArray[Any], ...]:
        """A page's matrix float64 [3, 3], dropped words int64 [], and the planes or maps of its targets."""
        page = self._pages[number]
        placement = fit_into(page.width, page.height, self.side)
        points = pack_points(page.width, page.height, [word.polygon for word in page.words])
        maker = self._maker()
        placed = maker.placed(page, placement.move(points))
        targets = maker.targets(placed)
        arrays: tuple[npt.NDArray[Any], ...] = ()
        if isinstance(targets, PackedTargets):
            arrays = (targets.levels, targets.flags)
        elif targets is not None:
            arrays = (targets.shrink_map, targets.shrink_mask, targets.threshold_map, targets.threshold_mask)
        return (placed.matrix, np.array(placed.dropped_words, np.int64), *arrays)

    def batch(self, images: torch.Tensor, numbers: list[int], extras: tuple[npt.NDArray[Any], ...]) -> Batch:
        """See `ImageFeed`."""
        matrices, dropped, *maps = extras
        return Batch(
            images=images,
            maps=_batch_maps(maps),
            matrices=matrices,
            dropped_words=int(dropped.sum()),
        )


def _batch_maps(maps: list[npt.NDArray[Any]]) -> TargetMaps | PackedMaps | None:
    if not maps:
        return None
    if len(maps) == 2:
        return PackedMaps(torch.from_numpy(np.stack(maps, axis=1)))
    return TargetMaps(*(torch.from_numpy(array) for array in maps))
