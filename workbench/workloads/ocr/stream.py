"""Samples from the files of a page as they come out of a shard."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.errors import BadInput, Problem
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.own_maker import OwnMaker
from workbench.workloads.ocr.page import Page
from workbench.workloads.ocr.sample import Sample


class SampleOfFiles:
    """Makes samples in a worker; see `loaders.source.ShardFeed`.

    Args:
        knobs: What is to be done with the pages.
        pages: What the survey found in the shards.
    """

    def __init__(self, knobs: OcrKnobs, pages: list[Page]) -> None:
        self._pages = pages
        self._maker = OwnMaker(knobs)

    def __call__(self, number: int, files: Mapping[str, bytes]) -> Sample:
        """The sample of a page.

        Raises:
            BadInput: Where there is no image among the files, or it cannot be decoded.
        """
        data = files.get("jpg") or files.get("image")
        page = self._pages[number]
        if data is None:
            raise BadInput("the data set", [Problem(f"page {number} has no image in its shard", str(page.path))])
        return self._maker().sample_of_bytes(page, data)
