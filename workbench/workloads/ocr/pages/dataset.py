"""The OCR data set: pages on disk, in a cache or in shards, each made into a sample."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from workbench import batch_memory
from workbench.errors import BadInput, Problem
from workbench.measure.timing.spans import NONE
from workbench.measure.timing.stages import at_sample, stage
from workbench.workloads.ocr.cache.fields import CachedFields
from workbench.workloads.ocr.cache.page_cache import Array, PageCache
from workbench.workloads.ocr.chain.page_maker import MakerPerProcess, Placed, scaled_points, unreadable
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages.page import Page
from workbench.workloads.ocr.sample import Batch, PackedMaps, Sample
from workbench.workloads.ocr.targets import PackedTargets


class PageDataset(Dataset[Sample]):
    """Pages with their words, transformed by the chain of a set of knobs.

    Args:
        pages: The pages, as the survey of the data set found them.
        knobs: What is to be done with them.

    Attributes:
        pages: The pages.
        cache: What is kept of them, once `fill_cache` has been called and where the knobs ask for it.
    """

    def __init__(self, pages: list[Page], knobs: OcrKnobs) -> None:
        self.pages = pages
        self.cache: PageCache | None = None
        self._knobs = knobs
        self._maker = MakerPerProcess(knobs)

    def __len__(self) -> int:
        """The number of pages."""
        return len(self.pages)

    def __getitem__(self, number: int) -> Sample:
        """One page.

        Raises:
            BadInput: Where its image cannot be read.
        """
        page, maker, cache = self.pages[number], self._maker(), self.cache
        if cache is None:
            return maker.sample_of_bytes(page, maker.read(page))
        with stage("cache"):
            kept = {name: cache.array(name, number) for name in CachedFields.NAMES if name in cache}
            cache.count_readings(1)
        targets = CachedFields.targets(kept)
        if self._knobs.cache == "prepared":
            return maker.sample_of_prepared(page, kept["image"], kept["points"], targets)
        if self._knobs.cache == "tensor":
            return maker.sample_of_tensor(page, kept["image"], kept["points"], targets)
        if self._knobs.cache == "decoded":
            image = kept["image"]
            with stage("polygons"):
                points = scaled_points(page, image.shape)
            return maker.sample_of_decoded(page, image, points, targets)
        data = kept["data"].tobytes() if self._knobs.cache == "encoded" else maker.read(page)
        return maker.sample_of_bytes(page, data, targets)

    def fill_cache(self, *, threads: int, on_page: Callable[[int, int], None] | None = None) -> None:
        """Fill the cache that the knobs ask for, if they do; to be called before workers are started.

        Args:
            threads: Pages made at a time.
            on_page: Told the number of pages done and of all pages.

        Raises:
            BadInput: Where an image cannot be read.
            WorkbenchError: Where the store cannot keep the cache.
        """
        plan = CachedFields(self.pages, self._knobs)
        if not plan.fields:
            return
        cache = PageCache(self._knobs.cache_store, plan.fields, plan.key())
        makers = threading.local()  # a maker keeps state while it runs
        if not cache.was_filled:
            cache.fill(lambda number: plan.make(number, makers), threads=threads, on_page=on_page)
        self.cache = cache


class BatchedCache(PageDataset):
    """Pages that lie in a cache altogether: a batch is gathered in a few large copies, not page by page; or in none.

    Gives whole batches, as torch's loader asks for them where a data set has `__getitems__`.

    The images are views: their memory is in the order of the pixels, [B, S, S, 3], where the cache has them so.
    """

    def __getitems__(self, numbers: list[int]) -> Batch:
        """A batch of pages."""
        cache = self.cache
        assert cache is not None
        with stage("cache"):
            rows = np.asarray(numbers)
            images = torch.from_numpy(self._rows(cache, "image", rows))
            maps = PackedMaps(torch.from_numpy(self._rows(cache, "targets", rows))) if "targets" in cache else None
            cache.count_readings(len(numbers))
            return Batch(
                images=images.permute(0, 3, 1, 2) if images.dtype == torch.uint8 else images,
                maps=maps,
                matrices=cache.block("matrix")[rows],
                dropped_words=int(cache.block("dropped")[rows].sum()),
            )

    def _rows(self, cache: PageCache, name: str, rows: npt.NDArray[np.int64]) -> Array:
        """Some rows of a field; pages that follow one another are copied in one piece, or are not copied at all."""
        first, count = int(rows[0]), len(rows)
        is_one_piece = np.array_equal(rows, np.arange(first, first + count))
        if is_one_piece and self._knobs.cache_store == "mapped":
            return cache.lend(name, first, count)
        block = cache.block(name)
        place = batch_memory.empty((count, *block.shape[1:]), block.dtype)
        if is_one_piece:
            np.copyto(place, block[first : first + count])
        else:
            np.take(block, rows, axis=0, out=place, mode="clip")  # checked by the sampler; "raise" would copy twice
        return place


class BatchedPages(PageDataset):
    """Pages that are made where they lie in their batch: decoded, turned, resized and drawn there, and never copied.

    For chains that leave the image as uint8, with packed target maps or none (`OcrKnobs.made_in_batch`).
    """

    def __getitem__(self, number: int) -> Sample:
        """One page, made as in a batch."""
        batch, [placed] = self._made([number])
        maps = batch.maps
        return Sample(
            image=batch.images[0],
            polygons=placed.polygons,
            ignore=placed.ignore,
            targets=PackedTargets(*maps.planes[0].numpy()) if isinstance(maps, PackedMaps) else None,
            matrix=placed.matrix,
            dropped_words=placed.dropped_words,
        )

    def __getitems__(self, numbers: list[int]) -> Batch:
        """A batch of pages.

        Raises:
            BadInput: Where an image cannot be read.
        """
        return self._made(numbers)[0]

    def _made(self, numbers: list[int]) -> tuple[Batch, list[Placed]]:
        maker, side, placed = self._maker(), self._knobs.image_size, []
        with stage("collate"):
            images = batch_memory.empty((len(numbers), side, side, 3), np.uint8)
            planes = batch_memory.empty((len(numbers), 2, side, side), np.uint8) if maker.makes_targets else None
        for place, number in enumerate(numbers):
            at_sample(number)
            page = self.pages[number]
            placed.append(maker.write(page, maker.read(page), images[place], None if planes is None else planes[place]))
        at_sample(NONE)
        with stage("collate"):
            batch = Batch(
                images=torch.from_numpy(images).permute(0, 3, 1, 2),
                maps=None if planes is None else PackedMaps(torch.from_numpy(planes)),
                matrices=np.stack([one.matrix for one in placed]),
                dropped_words=sum(one.dropped_words for one in placed),
            )
        return batch, placed


class SampleOfFiles:
    """Makes samples, in a worker, from the files of a page as they come out of a shard; see `ShardFeed`.

    Args:
        knobs: What is to be done with the pages.
        pages: What the survey found in the shards.
    """

    def __init__(self, knobs: OcrKnobs, pages: list[Page]) -> None:
        self._pages = pages
        self._maker = MakerPerProcess(knobs)

    def __call__(self, number: int, files: Mapping[str, bytes]) -> Sample:
        """The sample of a page.

        Raises:
            BadInput: Where there is no image among the files, or it cannot be decoded, or is another one than the
                survey found.
        """
        data = files.get("jpg") or files.get("image")
        page = self._pages[number]
        if data is None:
            raise BadInput("the data set", [Problem(f"page {number} has no image in its shard", str(page.path))])
        try:
            page.check_unchanged(page.path.stat(), len(data))
        except OSError as error:
            raise unreadable(page, error) from None
        return self._maker().sample_of_bytes(page, data)
