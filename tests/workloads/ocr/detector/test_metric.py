"""The ICDAR2015 rule, clause by clause, against a slow second copy of it, with planted wrong variants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import shapely

from workbench.workloads.ocr.detector.metric import DetectionMetric, DetectionScore


def box(left, top, right, bottom):
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


WORD = box(0, 0, 10, 10)
FAR = box(1000, 1000, 1010, 1010)


@dataclass(frozen=True)
class Page:
    detections: list
    truths: list
    ignore: list


def score(*pages):
    metric = DetectionMetric()
    for page in pages:
        metric.add(page.detections, page.truths, page.ignore)
    return metric.result()


def figures(result):
    return result.precision, result.recall, result.hmean


@dataclass(frozen=True)
class Rule:
    """The rule in plain loops, as the official script has it; what isn't the default plants a fault."""

    strict: bool = True  # IoU and share of area above 0.5, not from 0.5 on
    any_single: bool = True  # an ignored word counts by itself; not all of them together
    of_detection: bool = True  # the share is that of the detection's area, not of the ignored word's
    one_to_one: bool = True
    drop_from_precision: bool = True  # a detection in an ignored word leaves the count
    pooled: bool = True  # counts are summed, not the pages' scores averaged

    def above_half(self, value):
        return value > 0.5 if self.strict else value >= 0.5

    def page(self, page):
        words = [shapely.Polygon(polygon) for polygon in page.truths]
        found = [shapely.Polygon(polygon) for polygon in page.detections]
        ignored = [word for word, flag in zip(words, page.ignore, strict=True) if flag]
        lost = set()
        for number, detection in enumerate(found):
            shares = [
                word.intersection(detection).area / (detection.area if self.of_detection else word.area)
                for word in ignored
            ]
            if ignored and self.above_half(max(shares) if self.any_single else sum(shares)):
                lost.add(number)
        matches, taken = 0, set()
        for word, flag in zip(words, page.ignore, strict=True):
            if flag:
                continue
            for number, detection in enumerate(found):
                if number in lost or (self.one_to_one and number in taken):
                    continue
                if self.above_half(word.intersection(detection).area / word.union(detection).area):
                    matches += 1
                    taken.add(number)
                    break
        return matches, len(words) - len(ignored), len(found) - (len(lost) if self.drop_from_precision else 0)

    def score(self, *pages):
        counts = [self.page(page) for page in pages]
        groups = [np.sum(counts, axis=0)] if self.pooled else counts
        shares = [((m / d if d else 0.0), m / w) if w else ((0.0 if d else 1.0), 1.0) for m, w, d in groups]
        precision, recall = np.mean([p for p, _ in shares]), np.mean([r for _, r in shares])
        return precision, recall, 2 * precision * recall / (precision + recall) if precision + recall else 0.0


#: One page or more for each clause, with the score that the rule gives it: (precision, recall).
CLAUSES = {
    "found": ([Page([WORD], [WORD], [False])], (1, 1)),
    "missed": ([Page([FAR], [WORD], [False])], (0, 0)),
    "half and half": ([Page([WORD, FAR], [WORD, FAR + 50, FAR + 99, FAR + 199], [False] * 4)], (1 / 2, 1 / 4)),
    "an IoU of exactly 0.5 is no match": ([Page([box(0, 0, 10, 5)], [WORD], [False])], (0, 0)),
    "an IoU above 0.5 is one": ([Page([box(0, 0, 10, 5.01)], [WORD], [False])], (1, 1)),
    "a detection half in an ignored word counts": (
        [Page([box(5, 0, 15, 10), FAR], [box(10, 0, 90, 10), FAR], [True, False])],
        (1 / 2, 1),
    ),
    "a detection over half in an ignored word does not": (
        [Page([box(5.1, 0, 15.1, 10), FAR], [box(10, 0, 90, 10), FAR], [True, False])],
        (1, 1),
    ),
    "the share is one of the detection's area": (
        [Page([WORD, FAR], [box(0, 0, 10, 4), FAR], [True, False])],
        (1 / 2, 1),
    ),
    "ignored words count one by one": (
        [Page([WORD, FAR], [box(0, 0, 4, 10), box(6, 0, 10, 10), FAR], [True, True, False])],
        (1 / 2, 1),
    ),
    "a detection in an ignored word is lost to the word that it fits": (
        [Page([WORD, FAR], [WORD, WORD, FAR], [False, True, False])],
        (1, 1 / 2),
    ),
    "ignored words are not missed": ([Page([WORD], [WORD, FAR], [False, True])], (1, 1)),
    "one detection finds one word": ([Page([WORD], [WORD, WORD], [False, False])], (1, 1 / 2)),
    "one word takes one detection": ([Page([WORD, WORD], [WORD], [False])], (1 / 2, 1)),
    "the first word takes the first detection that fits": (
        # It would fit the second, too, and the second word only the first one.
        [Page([box(0, 0, 10, 7), box(0, 0, 10, 10)], [WORD, box(0, 0, 10, 4)], [False, False])],
        (1 / 2, 1 / 2),
    ),
    "no word that counts, nothing found": ([Page([], [], [])], (1, 1)),
    "no word that counts, something found": ([Page([FAR], [WORD], [True])], (0, 1)),
    "only ignored words, found": ([Page([WORD], [WORD], [True])], (1, 1)),
    "words, nothing found": ([Page([], [WORD], [False])], (0, 0)),
    "pages are pooled": (
        [Page([WORD], [WORD], [False]), Page([], [WORD + 20 * n for n in range(3)], [False] * 3), Page([], [], [])],
        (1, 1 / 4),
    ),
}

FAULTS = {
    "from 0.5 on": Rule(strict=False),
    "ignored words together": Rule(any_single=False),
    "share of the ignored word": Rule(of_detection=False),
    "one to many": Rule(one_to_one=False),
    "detections in ignored words are wrong": Rule(drop_from_precision=False),
    "mean over pages": Rule(pooled=False),
}


@pytest.mark.parametrize("clause", CLAUSES)
def test_every_clause(clause):
    pages, (precision, recall) = CLAUSES[clause]
    result = score(*pages)
    assert (result.precision, result.recall) == (precision, recall)
    total = precision + recall
    assert result.hmean == pytest.approx(2 * precision * recall / total if total else 0)
    assert result.num_pages == len(pages)
    assert Rule().score(*pages)[:2] == (precision, recall), "the second copy of the rule is wrong"


def random_page(rng):
    """Words in a crowd, with detections that are words moved about; whole numbers make exact halves common."""

    def some(count):
        corners = rng.integers(0, 12, (count, 2))
        sizes = rng.integers(1, 5, (count, 2)) * 2
        return [box(x, y, x + w, y + h) for (x, y), (w, h) in zip(corners, sizes, strict=True)]

    truths = some(rng.integers(0, 7))
    return Page(some(rng.integers(0, 7)), truths, list(rng.random(len(truths)) < 0.4))


def test_random_pages_score_as_by_the_plain_rule():
    rng = np.random.default_rng(0)
    for _ in range(150):
        pages = [random_page(rng) for _ in range(2)]
        assert figures(score(*pages)) == pytest.approx(Rule().score(*pages))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_rule_is_told_from_the_right_one(fault):
    differing = [
        clause
        for clause, (pages, _) in CLAUSES.items()
        if figures(score(*pages)) != pytest.approx(FAULTS[fault].score(*pages))
    ]
    assert differing


def test_slanted_and_curved_polygons_of_any_winding():
    slanted = np.array([[0, 0], [80, 20], [75, 40], [-5, 20]], np.float32)
    curved = np.array([[100, 0], [130, -10], [160, 0], [160, 20], [130, 10], [100, 20]], np.float32)
    page = Page([curved + 1, slanted[::-1] + 1], [slanted, curved], [False, False])
    assert figures(score(page)) == (1, 1, 1)


def test_a_polygon_that_crosses_itself_counts_with_what_it_covers():
    bow_tie = np.array([[0, 0], [10, 10], [10, 0], [0, 10]], np.float32)  # two triangles, half of the square
    assert figures(score(Page([bow_tie], [bow_tie[::-1]], [False]))) == (1, 1, 1)
    assert score(Page([bow_tie], [WORD], [False])).recall == 0
    left_half = np.array([[0, 0], [5, 5], [0, 10]], np.float32)
    assert score(Page([left_half], [bow_tie], [False])).num_pages == 1


@pytest.mark.parametrize(
    "nothing",
    [
        np.array([[0, 0], [10, 10], [5, 5]], np.float32),
        np.zeros((4, 2), np.float32),
        np.full((4, 2), np.nan, np.float32),
        np.array([[0, 0], [np.inf, 0], [10, 10]], np.float32),
    ],
    ids=["line", "point", "nan", "inf"],
)
def test_a_polygon_without_area_counts_and_matches_nothing(nothing):
    assert score(Page([nothing, WORD], [WORD], [False])).precision == 1 / 2
    assert score(Page([WORD], [nothing, WORD], [False, False])).recall == 1 / 2
    assert figures(score(Page([nothing, WORD], [WORD, nothing], [False, True]))) == pytest.approx((1 / 2, 1, 2 / 3))


def test_nothing_counted_is_no_perfect_score():
    assert DetectionMetric().result() == DetectionScore(0.0, 0.0, 0.0, 0)


def test_input_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="2 words, but 1 flags"):
        DetectionMetric().add([], [WORD, WORD], [False])
    with pytest.raises(ValueError, match="polygon 1 has 2 points"):
        DetectionMetric().add([WORD, WORD[:2]], [], [])
