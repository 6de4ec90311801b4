"""The OCR data set: from a page on disk (or in a cache) to what the model takes, every stage timed in place."""

from __future__ import annotations

import threading
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
from torch.utils.data import Dataset, get_worker_info

from workbench.data.cache import Entry, PageCache, fill
from workbench.data.decode import DECODERS, DecodeError, Pixels, orient
from workbench.data.page import Page, Polygon
from workbench.data.sample import Sample
from workbench.data.targets import Targets, compute_targets
from workbench.data.transforms import Chain, corners, pack_points
from workbench.errors import BadInput, Problem
from workbench.knobs import Knobs
from workbench.timing.stages import stage

#: A polygon of less area than this has degenerated: there is no pixel inside it.
_MIN_AREA_PX = 1.0


class PageDataset(Dataset[Sample]):
    """Pages with their words, transformed by the chain of a set of knobs.

    Args:
        pages: The pages, as the survey of the data set found them.
        knobs: What is to be done with them.
    """

    def __init__(self, pages: list[Page], knobs: Knobs) -> None:
        self.pages = pages
        self.knobs = knobs
        self.cache: PageCache | None = None
        self._decode = DECODERS[knobs.image_decoder]
        self._chain: Chain | None = None

    def __len__(self) -> int:
        """The number of pages."""
        return len(self.pages)

    def __getitem__(self, number: int) -> Sample:
        """One page.

        Raises:
            BadInput: Where its image cannot be read.
        """
        page = self.pages[number]
        chain = self.chain
        if self.knobs.cache == "prepared" and self.cache is not None:
            with stage("cache"):
                entry = self.cache[number]
            image, points = chain.finish(entry.image), entry.points
        else:
            transformed = chain(*self._decoded(number))
            image, points = transformed.image, transformed.points
        with stage("polygons"):
            polygons, ignore = self._polygons(page, points)
            matrix = _page_to_input(page, points)
        return Sample(
            image=image,
            polygons=polygons,
            ignore=ignore,
            targets=self._targets(polygons, ignore),
            matrix=matrix,
            dropped_words=len(page.words) - len(polygons),
        )

    @property
    def chain(self) -> Chain:
        """The chain of this process. It is made on first use, so that every worker has its own, with its own seed."""
        if self._chain is None:
            self._chain = Chain(self.knobs)
            worker = get_worker_info()
            if worker is not None:
                self._chain.reseed(worker.seed % 2**32)
                # More OpenCV threads than workers would only take each other's cores.
                cv2.setNumThreads(0)
        return self._chain

    def __getstate__(self) -> dict[str, object]:
        """Leave the chain behind: the worker makes its own."""
        return {**self.__dict__, "_chain": None}

    def fill_cache(self, *, threads: int, on_page: Callable[[int, int], None] | None = None) -> None:
        """Fill the cache that the knobs ask for; to be called before workers are started.

        Args:
            threads: Pages made at a time.
            on_page: Told the number of pages done and of all pages.

        Raises:
            BadInput: Where an image cannot be read.
        """
        prepared = self.knobs.cache == "prepared"
        side = self.knobs.image_size
        shapes = [(side, side, 3) if prepared else (page.height, page.width, 3) for page in self.pages]
        chains = threading.local()  # a Compose keeps state while it runs

        def make(number: int) -> Entry:
            image, points = self._decoded(number)
            if not prepared:
                return Entry(image, points)
            if not hasattr(chains, "chain"):
                chains.chain = Chain(self.knobs)
            done = chains.chain.prepare(image, points)
            return Entry(done.image, done.points)

        self.cache = fill(self.knobs.cache_store, shapes, make, threads=threads, on_page=on_page)

    def _decoded(self, number: int) -> tuple[Pixels, npt.NDArray[np.float32]]:
        if self.cache is not None:
            with stage("cache"):
                entry = self.cache[number]
            return entry.image, entry.points
        page = self.pages[number]
        try:
            with stage("read"):
                data = page.path.read_bytes()
            with stage("decode"):
                image = self._decode(data)
        except (DecodeError, OSError) as error:
            remedy = "Repair or remove it, or take another image_decoder"
            raise BadInput("the data set", [Problem(f"cannot be decoded ({error})", str(page.path), remedy)]) from None
        with stage("orient"):
            image = orient(image, page.exif_orientation)
        with stage("polygons"):
            points = pack_points(page.width, page.height, [word.polygon for word in page.words])
        return image, points

    def _polygons(self, page: Page, points: npt.NDArray[np.float32]) -> tuple[tuple[Polygon, ...], tuple[bool, ...]]:
        polygons, ignore = [], []
        begin = 4
        for word in page.words:
            polygon = points[begin : begin + len(word.polygon)]
            begin += len(word.polygon)
            if not _is_degenerate(polygon, self.knobs.image_size):
                polygons.append(polygon)
                ignore.append(word.ignore)
        return tuple(polygons), tuple(ignore)

    def _targets(self, polygons: tuple[Polygon, ...], ignore: tuple[bool, ...]) -> Targets | None:
        if self.knobs.targets == "none":
            return None
        with stage("targets"):
            return compute_targets(polygons, ignore, self.knobs.image_size)


def _page_to_input(page: Page, points: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """float64 [3, 3]: where the chain has put the page, seen from what became of the image's corners."""
    matrix = cv2.getPerspectiveTransform(corners(page.width, page.height), np.ascontiguousarray(points[:4]))
    return np.asarray(matrix, np.float64)


def _is_degenerate(polygon: Polygon, side: int) -> bool:
    left, top = polygon.min(axis=0)
    right, bottom = polygon.max(axis=0)
    if right <= 0 or bottom <= 0 or left >= side or top >= side:
        return True
    return abs(cv2.contourArea(polygon)) < _MIN_AREA_PX
