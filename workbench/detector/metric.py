"""H-mean by the ICDAR2015 rule, with ignore regions.

As the official evaluation does it (MhLiao/DB assets/ic15_eval/script.py): a detection that lies by more than half of its own
area in one ignored word does not count; the others are matched one to one, in the order of the annotation, where the
intersection over union is above 0.5. The score of a data set pools the counts of its pages; it is no mean over pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from workbench.data.page import Polygon

#: A match needs an intersection over union above this.
MATCH_IOU = 0.5

#: A detection lies in an ignored word when more than this share of its own area does.
IGNORE_SHARE = 0.5


@dataclass(frozen=True)
class DetectionScore:
    """The score of a data set, 0..1. Without any word that counts, recall is 1; without any detection precision is 0 or 1."""

    hmean: float
    precision: float
    recall: float
    num_pages: int


class DetectionMetric:
    """Counts matches page by page."""

    def __init__(self) -> None:
        self._matches = 0
        self._words = 0
        self._detections = 0
        self._pages = 0

    def add(self, detections: Sequence[Polygon], truths: Sequence[Polygon], ignore: Sequence[bool]) -> None:
        """Count one page.

        Args:
            detections: What was found, each float32 [K, 2] in page pixels.
            truths: The annotated words, in the same pixels, in the order of the annotation.
            ignore: Which of them are don't-care.
        """
        found, words = _shapes(detections), _shapes(truths)
        overlap = _intersections(words, found)
        ignored = np.asarray(ignore, bool)
        found_area = shapely.area(found)
        with np.errstate(divide="ignore", invalid="ignore"):
            in_ignored = overlap[ignored] / found_area > IGNORE_SHARE
            union = shapely.area(words)[:, None] + found_area - overlap
            is_match = overlap / union > MATCH_IOU
        counts = ~in_ignored.any(axis=0)
        self._matches += _match(is_match[~ignored][:, counts])
        self._words += int((~ignored).sum())
        self._detections += int(counts.sum())
        self._pages += 1

    def result(self) -> DetectionScore:
        """The score over all pages so far."""
        recall = self._matches / self._words if self._words else 1.0
        precision = self._matches / self._detections if self._detections else float(not self._words)
        total = precision + recall
        return DetectionScore(2 * precision * recall / total if total else 0.0, precision, recall, self._pages)


def _match(is_match: npt.NDArray[np.bool_]) -> int:
    """Match greedily, one to one, in the order of the words: the number of matches."""
    free = np.ones(is_match.shape[1], bool)
    matches = 0
    for row in is_match:
        candidates = np.flatnonzero(row & free)
        if len(candidates):
            free[candidates[0]] = False
            matches += 1
    return matches


def _shapes(polygons: Sequence[Polygon]) -> npt.NDArray[np.object_]:
    """shapely polygons [N]; one that crosses itself is made valid, where the official tool would pass it over."""
    if not polygons:
        return np.empty(0, object)
    shapes = np.array([shapely.Polygon(polygon.astype(np.float64)) for polygon in polygons], object)
    invalid = ~shapely.is_valid(shapes)
    shapes[invalid] = shapely.make_valid(shapes[invalid])
    return shapes


def _intersections(words: npt.NDArray[np.object_], found: npt.NDArray[np.object_]) -> npt.NDArray[np.float64]:
    """float64 [words, found]: areas of intersection; computed only where the bounding boxes meet."""
    overlap = np.zeros((len(words), len(found)))
    if not len(words) or not len(found):
        return overlap
    a, b = shapely.bounds(words)[:, None], shapely.bounds(found)[None]
    meet = (a[..., 0] < b[..., 2]) & (b[..., 0] < a[..., 2]) & (a[..., 1] < b[..., 3]) & (b[..., 1] < a[..., 3])
    rows, columns = np.nonzero(meet)
    overlap[rows, columns] = shapely.area(shapely.intersection(words[rows], found[columns]))
    return overlap
