"""A data set of which everything lies in a cache: a batch is gathered in a few large copies, not page by page."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from workbench import batch_memory
from workbench.measure.timing.stages import stage
from workbench.workloads.ocr.cache import Array
from workbench.workloads.ocr.dataset import PageDataset
from workbench.workloads.ocr.sample import Batch, PackedMaps


class BatchedCache(PageDataset):
    """Gives whole batches, as torch's loader asks for them where a data set has `__getitems__`.

    The images are views: their memory is in the order of the pixels, [B, S, S, 3], where the cache has them so.
    """

    def __getitems__(self, numbers: list[int]) -> Batch:
        """A batch of pages."""
        cache = self.cache
        assert cache is not None
        with stage("cache"):
            rows = np.asarray(numbers)
            images = torch.from_numpy(_rows(cache.block("image"), rows))
            maps = PackedMaps(torch.from_numpy(_rows(cache.block("targets"), rows))) if "targets" in cache else None
            cache.count_readings(len(numbers))
            return Batch(
                images=images.permute(0, 3, 1, 2) if images.dtype == torch.uint8 else images,
                maps=maps,
                matrices=cache.block("matrix")[rows],
                dropped_words=int(cache.block("dropped")[rows].sum()),
            )


def _rows(block: Array, rows: npt.NDArray[np.int64]) -> Array:
    """A copy of some rows; pages that follow one another are copied in one piece."""
    first, count = int(rows[0]), len(rows)
    place = batch_memory.empty((count, *block.shape[1:]), block.dtype)
    if np.array_equal(rows, np.arange(first, first + count)):
        np.copyto(place, block[first : first + count])
    else:
        np.take(block, rows, axis=0, out=place, mode="clip")  # checked by the sampler; "raise" would copy twice
    return place
