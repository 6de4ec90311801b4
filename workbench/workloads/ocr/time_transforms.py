"""What does each transform cost, in its place, and what would it cost alone on the full page, as the study timed it?

Every page is decoded once. Then, page by page and round by round: the chain as a whole, with and without key points;
each transform in place, on the input that it really gets; each transform alone on the full page; polygon work and
target maps. Of each page's rounds the fastest counts, as with timeit: what else the machine did is no cost of a
transform.
"""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import albumentations as A
import cv2
import numpy as np
import numpy.typing as npt

from workbench.measure.timing.spans import Clock, Track, monotonic_ns
from workbench.measure.timing.stages import Stages, become_worker
from workbench.workloads.ocr.chain.decode import Pixels
from workbench.workloads.ocr.chain.page_maker import PageMaker
from workbench.workloads.ocr.chain.transforms import AlbumentationsChain, pack_points
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages.page import Page
from workbench.workloads.ocr.transform_study import TransformRow, TransformStudy

Seconds = npt.NDArray[np.float64]

#: Rounds over the pages; the first one warms up and is not counted.
ROUNDS = 6

#: Words on a page for the cost of key points, and widths of 16:9 pages for the cost of size.
WORD_COUNTS = (0, 10, 30, 100, 300)
WIDTHS = (640, 1280, 1920, 2560)

_TIMED_PAGES = 8

#: Room for the spans of one page in one round.
_SPANS_PER_PAGE = 32


@dataclass
class _Decoded:
    page: Page
    image: Pixels
    points: npt.NDArray[np.float32]

    def fresh(self) -> Pixels:
        """The image as it comes from a decoder: just written, so that it lies in the processor's cache."""
        return self.image.copy()


class _Times:
    """Durations in seconds by name."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.by_name: dict[str, list[float]] = defaultdict(list)

    def __call__(self, name: str, work: Callable[[], object]) -> None:
        gc.disable()  # as timeit does
        begin = self.clock()
        result = work()
        end = self.clock()
        gc.enable()
        del result  # giving its memory back is no part of the work
        self.by_name[name].append((end - begin) * 1e-9)


def study_transforms(
    pages: Sequence[Page],
    knobs: OcrKnobs,
    *,
    on_round: Callable[[int, int], None] = lambda done, total: None,
    clock: Clock = monotonic_ns,
) -> TransformStudy:
    """Time the validation chain.

    Args:
        pages: The pages; those of the data set that are to be used.
        knobs: Decoder, normalization, size and targets; `mode` is validate and `transforms` albumentations.
        on_round: Told rounds done and in all.
        clock: Reads the time.

    Raises:
        BadInput: Where an image cannot be read.
    """
    cv2.setNumThreads(0)  # as in a loader worker
    maker = PageMaker(knobs)
    chain = maker.chain
    assert isinstance(chain, AlbumentationsChain)
    decoded = [_Decoded(page, *maker.decode(page, maker.read(page))) for page in pages]
    bare = A.Compose(chain.transforms)
    whole, alone = _Times(clock), _Times(clock)
    stages = Stages(Track(ROUNDS * len(pages) * _SPANS_PER_PAGE), clock)
    for number in range(ROUNDS):
        if number == 1:  # the first round has warmed up
            whole.by_name.clear()
            alone.by_name.clear()
        for place, one in enumerate(decoded):
            stages.sample, stages.batch = place, number
            # As a whole without any timing inside, and in its parts; which comes first changes from page to page.
            for way in ("chain", "parts") if place % 2 else ("parts", "chain"):
                become_worker(stages if way == "parts" else None)
                whole(way, partial(chain, one.fresh(), one.points))
            become_worker(None)
            _as_a_whole(maker, chain, bare, one, whole)
            _isolated(chain, one, alone)
        on_round(number + 1, ROUNDS)
    in_place = _in_place(stages.track, len(pages))
    by_itself = {name: _fastest(times, len(pages)) for name, times in alone.by_name.items()}
    as_a_whole = {name: _fastest(times, len(pages)) for name, times in whole.by_name.items()}
    chain_s = as_a_whole["chain"]
    return TransformStudy(
        num_pages=len(pages),
        rounds=ROUNDS - 1,
        page_sizes=sorted({(page.width, page.height) for page in pages}),
        in_place=[_row(name, times, _sum(in_place)) for name, times in in_place.items()],
        isolated=[_row(name, times, _sum(by_itself)) for name, times in by_itself.items()],
        chain=_row("full chain with key points", chain_s),
        chain_without_keypoints=_row("full chain without key points", as_a_whole["without key points"]),
        beside=[_row(name, as_a_whole[name]) for name in ("polygons", "targets") if name in as_a_whole],
        closure_in_place=_sum(in_place) / float(chain_s.sum()),
        closure_isolated=_sum(by_itself) / float(chain_s.sum()),
        by_words=_by_words(chain, decoded[:_TIMED_PAGES], clock),
        by_width=_by_width(chain, decoded[:_TIMED_PAGES], clock),
    )


def _in_place(track: Track, num_pages: int) -> dict[str, Seconds]:
    """float64 [pages] by transform: seconds in its place, and of Compose's own work, in each page's fastest round."""
    spans = track.read()
    counted = spans.batch > 0
    place = ((spans.batch - 1) * num_pages + spans.sample)[counted]
    took = ((spans.end_ns - spans.begin_ns) * 1e-9)[counted]
    stage = spans.stage[counted]
    times = {
        name: np.bincount(place[stage == number], took[stage == number], (ROUNDS - 1) * num_pages)
        for number, name in enumerate(spans.names)
        if (stage == number).any()
    }
    by_round = {name: own.reshape(ROUNDS - 1, num_pages) for name, own in times.items()}
    fastest = np.sum(list(by_round.values()), axis=0).argmin(axis=0)
    return {name: own[fastest, np.arange(num_pages)] for name, own in by_round.items()}


def _fastest(times: Sequence[float], num_pages: int) -> Seconds:
    """float64 [pages]: each page's fastest of the counted rounds, out of times that come round by round."""
    fastest: Seconds = np.asarray(times).reshape(-1, num_pages).min(axis=0)
    return fastest


def _sum(by_name: Mapping[str, Seconds]) -> float:
    return float(sum(times.sum() for times in by_name.values()))


def _as_a_whole(maker: PageMaker, chain: AlbumentationsChain, bare: A.Compose, one: _Decoded, whole: _Times) -> None:
    """The chain without key points, and what is done with a page's words beside it."""
    points = chain.prepare(one.image, one.points).points
    placed = maker.placed(one.page, points)
    whole("without key points", partial(bare, image=one.fresh()))
    whole("polygons", lambda: maker.placed(one.page, points))
    if maker.makes_targets:
        whole("targets", lambda: maker.targets(placed))


def _isolated(chain: AlbumentationsChain, one: _Decoded, isolated: _Times) -> None:
    """Each transform on the full page; the last one on floats, as it gets them after normalization."""
    for transform in chain.transforms:
        name = type(transform).__name__
        image = one.image.astype(np.float32) if name == "ToTensorV2" else one.fresh()
        isolated(name, partial(transform, image=image))


def _by_words(chain: AlbumentationsChain, pages: Sequence[_Decoded], clock: Clock) -> dict[int, float]:
    """Median seconds of the chain by number of words on a page."""
    times: dict[int, list[float]] = defaultdict(list)
    rng = np.random.default_rng(0)
    for number in range(ROUNDS):
        for one in pages:
            for count in WORD_COUNTS:
                corners = rng.uniform(0, min(one.image.shape[:2]), (count, 4, 2)).astype(np.float32)
                points = pack_points(one.page.width, one.page.height, list(corners))
                image = one.fresh()
                begin = clock()
                chain(image, points)
                if number:
                    times[count].append((clock() - begin) * 1e-9)
    return {count: float(np.median(own)) for count, own in times.items()}


def _by_width(chain: AlbumentationsChain, pages: Sequence[_Decoded], clock: Clock) -> dict[int, float]:
    """Median seconds of the chain by width of a 16:9 page."""
    times: dict[int, list[float]] = defaultdict(list)
    for number in range(ROUNDS):
        for one in pages:
            for width in WIDTHS:
                image: Pixels = cv2.resize(one.image, (width, width * 9 // 16))  # type: ignore[assignment]
                begin = clock()
                chain(image, one.points)
                if number:
                    times[width].append((clock() - begin) * 1e-9)
    return {width: float(np.median(own)) for width, own in times.items()}


def _row(name: str, seconds: Seconds, total_s: float | None = None) -> TransformRow:
    values = seconds
    return TransformRow(
        name=name,
        mean_s=float(values.mean()),
        std_s=float(values.std(ddof=1)) if len(values) > 1 else 0.0,
        min_s=float(values.min()),
        max_s=float(values.max()),
        share=None if total_s is None else float(values.sum() / total_s),
    )
