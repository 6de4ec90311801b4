"""The OCR data set: pages on disk or in a cache, each made into a sample."""

from __future__ import annotations

import threading
from collections.abc import Callable

from torch.utils.data import Dataset

from workbench.measure.timing.stages import stage
from workbench.workloads.ocr.cache import PageCache
from workbench.workloads.ocr.cached_fields import CachedFields
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.own_maker import OwnMaker
from workbench.workloads.ocr.page import Page
from workbench.workloads.ocr.page_maker import scaled_points
from workbench.workloads.ocr.sample import Sample


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
        self._maker = OwnMaker(knobs)

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
            return maker.sample_of_decoded(page, image, scaled_points(page, image.shape), targets)
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
