"""Samples from the files of a page as they come out of a shard."""

from __future__ import annotations

from collections.abc import Mapping

from torch.utils.data import get_worker_info

from workbench.data.dataset import limit_threads
from workbench.data.page import Page
from workbench.data.page_maker import PageMaker
from workbench.data.sample import Sample
from workbench.errors import BadInput, Problem
from workbench.knobs import Knobs


class SampleOfFiles:
    """Makes samples in a worker; see `loaders.source.ShardFeed`.

    Args:
        knobs: What is to be done with the pages.
        pages: What the survey found in the shards.
    """

    def __init__(self, knobs: Knobs, pages: list[Page]) -> None:
        self._knobs = knobs
        self._pages = pages
        self._maker: PageMaker | None = None

    def __call__(self, number: int, files: Mapping[str, bytes]) -> Sample:
        """The sample of a page.

        Raises:
            BadInput: Where there is no image among the files, or it cannot be decoded.
        """
        data = files.get("jpg") or files.get("image")
        page = self._pages[number]
        if data is None:
            raise BadInput("the data set", [Problem(f"page {number} has no image in its shard", str(page.path))])
        return self.maker.sample_of_bytes(page, data)

    @property
    def maker(self) -> PageMaker:
        """Makes the samples; every worker has its own, with its own seed."""
        if self._maker is None:
            worker = get_worker_info()
            self._maker = PageMaker(self._knobs, None if worker is None else worker.seed % 2**32)
            if worker is not None:
                limit_threads(self._knobs.worker_threads)
        return self._maker

    def __getstate__(self) -> dict[str, object]:
        """Leave the maker behind: the worker makes its own."""
        return {**self.__dict__, "_maker": None}
