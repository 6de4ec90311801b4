"""From one page to what the model takes of it, step by step; each step is a stage that is timed in place."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import get_worker_info

from workbench.errors import BadInput, Problem
from workbench.measure.timing.stages import is_knocked_out, run, run_into, stage
from workbench.workloads.ocr.chain.decode import DecodeError, Pixels, choose_decoder, largest_denominator, orient
from workbench.workloads.ocr.chain.direct_chain import DirectChain
from workbench.workloads.ocr.chain.transforms import AlbumentationsChain, Chain, Transformed, corners
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages.page import FileChanged, Page
from workbench.workloads.ocr.pages.words import Outlines, Polygon
from workbench.workloads.ocr.sample import Sample
from workbench.workloads.ocr.targets import TargetMaker, compute_targets

#: Points that sweep less area than this (in pixels) lie on a line. A word that is merely tiny is masked out in maps.
_LEAST_SWEPT_PX = 0.01


@dataclass(frozen=True)
class Placed:
    """A page's words where the chain has put them.

    Attributes:
        words: The words that are left, in pixels of the input; they may reach beyond it.
        matrix: float64 [3, 3]: takes page pixels (x, y, 1) to input pixels.
        dropped_words: How many words degenerated on the way.
    """

    words: Outlines
    matrix: npt.NDArray[np.float64]
    dropped_words: int

    @property
    def polygons(self) -> tuple[Polygon, ...]:
        """The outlines of `words`, each float32 [K, 2]."""
        return self.words.polygons

    @property
    def ignore(self) -> tuple[bool, ...]:
        """Which of them are don't-care."""
        return tuple(self.words.ignore.tolist())


class PageMaker:
    """Makes samples of pages. Holds the state of random transforms, so every process and thread has its own.

    Args:
        knobs: What is to be done with the pages.
        seed: Of the random transforms; by default the knobs' own.
    """

    def __init__(self, knobs: OcrKnobs, seed: int | None = None) -> None:
        self._knobs = knobs
        self._decode = choose_decoder(knobs.image_decoder)
        self._targets = make_targets(knobs.targets)
        if knobs.targets in ("fast", "cached"):
            from workbench.workloads.ocr.fast_targets import draw_targets  # here, because it imports numba

            self._draw = draw_targets
        self.chain: Chain = choose_chain(knobs, knobs.seed if seed is None else seed)

    @property
    def makes_targets(self) -> bool:
        """Whether target maps are asked for."""
        return self._targets is not None

    def read(self, page: Page) -> bytes:
        """The bytes of a page's image file.

        Raises:
            BadInput: Where it cannot be read.
        """
        try:
            return run("read", page.read_bytes, like=(page.width, page.height, page.exif_orientation))
        except OSError as error:
            raise unreadable(page, error) from None

    def decode(self, page: Page, data: bytes) -> tuple[Pixels, npt.NDArray[np.float32]]:
        """A page's image, uint8 [H, W, 3], RGB, upright, and its points in it (see `transforms.pack_points`).

        Raises:
            BadInput: Where it cannot be decoded.
        """
        image = self._decoded(page, data)
        with stage("polygons"):
            return image, scaled_points(page, image.shape)

    def _decoded(self, page: Page, data: bytes, into: Pixels | None = None) -> Pixels:
        """A page's image, uint8 [H, W, 3], RGB, upright.

        Args:
            page: The page.
            data: The bytes of its image file.
            into: uint8 [S, S, 3]: the model's input, in which the image may be put where it is not resized.

        Raises:
            BadInput: Where it cannot be decoded.
        """
        denominator, orientation = 1, page.exif_orientation
        if self._knobs.scaled_decode:
            denominator = largest_denominator(page.width, page.height, self._knobs.image_size)
        spot = None

        def decode() -> Pixels:
            nonlocal spot
            if into is not None and isinstance(self.chain, DirectChain):
                spot = self.chain.spot(page.width // denominator, page.height // denominator, into)
            # A decoder writes whole rows; and what is kept for replaying must not lie in a batch.
            straight = spot is not None and orientation == 1 and spot.flags.c_contiguous
            return self._decode(data, denominator, spot if straight and not is_knocked_out("decode") else None)

        try:
            # Stored, not shown: the size before a turn by EXIF is what two pages must have in common.
            image = run("decode", decode, like=(page.width, page.height, orientation, denominator))
        except DecodeError as error:
            raise undecodable(page, error) from None
        if orientation != 1:
            turned = image.shape[:2] if orientation < 5 else image.shape[1::-1]
            like = (image.shape, orientation)
            if spot is not None and spot.shape[:2] == turned:
                run_into("orient", partial(orient, image, orientation), spot, like=like)
                image = spot
            else:
                image = run("orient", partial(orient, image, orientation), like=like)
        return image

    def write(self, page: Page, data: bytes, image: Pixels, planes: npt.NDArray[np.uint8] | None = None) -> Placed:
        """All of the way with `transforms=direct`, to where a page lies in its batch.

        Args:
            page: The page.
            data: The bytes of its image file.
            image: Gets uint8 [S, S, 3], RGB: the input, but for normalization.
            planes: Gets uint8 [2, S, S]: the target maps (see `targets.PackedTargets`).

        Raises:
            BadInput: Where the image cannot be decoded.
        """
        assert isinstance(self.chain, DirectChain)
        decoded = self._decoded(page, data, image)
        placement = self.chain.place(decoded, image)
        with stage("polygons"):
            placed = _placed(page, placement.move(scaled_points(page, decoded.shape)), self._knobs.image_size)
        if planes is not None:
            run_into("targets", partial(self._draw, placed.words), planes)
        return placed

    def sample_of_bytes(self, page: Page, data: bytes, targets: Any | None = None) -> Sample:
        """All of the way, from the bytes of the image file; the target maps may be there already.

        Raises:
            BadInput: Where they cannot be decoded.
        """
        return self.sample_of_decoded(page, *self.decode(page, data), targets)

    def sample_of_decoded(
        self, page: Page, image: Pixels, points: npt.NDArray[np.float32], targets: Any | None = None
    ) -> Sample:
        """The rest of the way from the decoded image, upright."""
        return self._sample(page, self.chain(image, points), targets)

    def sample_of_prepared(
        self, page: Page, image: Pixels, points: npt.NDArray[np.float32], targets: Any | None
    ) -> Sample:
        """The rest of the way from an image that is resized and padded already; targets may be there, too."""
        return self._sample(page, Transformed(self.chain.finish(image), points), targets)

    def sample_of_tensor(
        self, page: Page, image: npt.NDArray[np.float32], points: npt.NDArray[np.float32], targets: Any | None
    ) -> Sample:
        """The rest of the way from an image that has been through all of the chain."""
        return self._sample(page, Transformed(torch.from_numpy(image), points), targets)

    def placed(self, page: Page, points: npt.NDArray[np.float32]) -> Placed:
        """A page's words where the chain has put their points."""
        with stage("polygons"):
            return _placed(page, points, self._knobs.image_size)

    def targets(self, placed: Placed) -> Any | None:
        """The target maps as the knobs want them made, or None."""
        if self._targets is None:
            return None
        return run("targets", partial(self._targets, placed.polygons, placed.ignore, self._knobs.image_size))

    def _sample(self, page: Page, transformed: Transformed, targets: Any | None = None) -> Sample:
        placed = self.placed(page, transformed.points)
        return Sample(
            image=transformed.image,
            polygons=placed.polygons,
            ignore=placed.ignore,
            targets=self.targets(placed) if targets is None else targets,
            matrix=placed.matrix,
            dropped_words=placed.dropped_words,
        )


class MakerPerProcess:
    """Gives the page maker of the process and thread that call it: they don't share the state of random transforms.

    Pickled to a worker it leaves this process's makers behind.
    """

    def __init__(self, knobs: OcrKnobs) -> None:
        self._knobs = knobs
        self._here = threading.local()
        make_targets(knobs.targets)  # what it imports, every worker that is forked would import again

    def __call__(self) -> PageMaker:
        """The maker, made on first use; in a loader worker with the worker's seed and threads."""
        maker: PageMaker | None = getattr(self._here, "maker", None)
        if maker is None:
            worker = get_worker_info()
            maker = self._here.maker = PageMaker(self._knobs, None if worker is None else worker.seed % 2**32)
            if worker is not None:
                _limit_threads(self._knobs.worker_threads)
        return maker

    def __reduce__(self) -> tuple[type[MakerPerProcess], tuple[OcrKnobs]]:
        """Leave the makers behind."""
        return MakerPerProcess, (self._knobs,)


def choose_chain(knobs: OcrKnobs, seed: int) -> Chain:
    """The chain of a set of knobs, its random state seeded."""
    return DirectChain(knobs) if knobs.transforms == "direct" else AlbumentationsChain(knobs, seed)


def scaled_points(page: Page, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """float32 [N, 2]: the page's points in pixels of its image of shape (H, W, ...), which may be a reduced one."""
    points = np.concatenate([corners(page.width, page.height), page.outlines.points])
    if shape[:2] != (page.height, page.width):
        points *= np.array([shape[1] / page.width, shape[0] / page.height], np.float32)
    return points


def _placed(page: Page, points: npt.NDArray[np.float32], side: int) -> Placed:
    points = np.ascontiguousarray(points)
    matrix = cv2.getPerspectiveTransform(corners(page.width, page.height), points[:4])
    words = page.outlines
    if not page.words:
        return Placed(words, np.asarray(matrix, np.float64), 0)
    moved = replace(words, points=points[4 : 4 + words.ends[-1]])
    degenerate = _degenerate(moved.points, words, side)
    dropped = int(np.count_nonzero(degenerate))
    return Placed(moved.some(~degenerate) if dropped else moved, np.asarray(matrix, np.float64), dropped)


def _degenerate(points: npt.NDArray[np.float32], words: Outlines, side: int) -> npt.NDArray[np.bool_]:
    """Bool [words]: outside of the input altogether, or without area; `points` are where the words' have gone."""
    starts = words.starts
    low, high = np.minimum.reduceat(points, starts), np.maximum.reduceat(points, starts)
    outside = (high <= 0).any(axis=1) | (low >= side).any(axis=1)
    # A word that crosses itself covers something though its signed area may be nought, so each step counts for itself.
    # From each word's own first point: far from the origin the products would lose their digits.
    with np.errstate(invalid="ignore"):  # of points that have gone beyond the largest number: nothing is swept there
        near = points.astype(np.float64) - points[starts][words.owners]
        after = near[words.following]
        cross = near[:, 0] * after[:, 1] - after[:, 0] * near[:, 1]
    swept = np.add.reduceat(np.abs(cross), starts) / 2.0
    return np.asarray(outside | ~(swept >= _LEAST_SWEPT_PX))


def unreadable(page: Page, error: OSError) -> BadInput:
    """What is said of a file that the survey of the data set has read, and that cannot be read any more."""
    what = f"cannot be read any more ({error.strerror or error})"
    if isinstance(error, FileChanged):
        what = f"has changed since the data set was looked over: it {error}"
    remedy = "Leave the data set alone while a trial runs, and run it again"
    return BadInput("the data set", [Problem(what, str(page.path), remedy)])


def undecodable(page: Page, error: DecodeError) -> BadInput:
    """What is said of an image that a decoder does not take."""
    remedy = "Repair or remove it, or take another image_decoder"
    return BadInput("the data set", [Problem(f"cannot be decoded ({error})", str(page.path), remedy)])


def _limit_threads(count: int) -> None:
    """Threads that OpenCV and torch may use in this loader worker."""
    # To OpenCV 0 means none but the caller's own.
    cv2.setNumThreads(0 if count == 1 else count)
    torch.set_num_threads(count)


def make_targets(name: str) -> TargetMaker | None:
    """The function that makes a page's maps (`Targets` or `PackedTargets`) by the knob `targets`; None for `none`."""
    if name == "none":
        return None
    if name == "compute":
        return compute_targets
    from workbench.workloads.ocr.fast_targets import fast_targets  # here, because it imports numba

    return fast_targets  # `cached` are fast ones, made once
