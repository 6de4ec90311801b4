"""H-mean by the ICDAR2015 rule, with ignore regions.

As the official evaluation does it (MhLiao/DB, `assets/ic15_eval/script.py`): a detection of which more than half of its
own area lies in one ignored word does not count; the others are matched one to one with the words that count, greedily
in the order of the annotation, where the intersection over union is above 0.5. The score of a data set pools the counts
of its pages; it is no mean over pages. Where it differs:

- Coordinates stay real numbers; the official script cuts them to integers.
- A polygon that crosses itself counts with the area that it covers (`shapely.make_valid`). The official script leaves
  that to its polygon library, and MhLiao/DB's `iou.py` passes such words and detections over without a word.
- A data set without any word that counts gets what the rule gives a single page; the official script gives 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from workbench.workloads.ocr.pages.page import Polygon

#: A match needs an intersection over union above this.
MATCH_IOU = 0.5

#: A detection lies in an ignored word when more than this share of its own area does.
IGNORE_SHARE = 0.5


@dataclass(frozen=True)
class DetectionScore:
    """The score of a data set, each share 0..1.

    Attributes:
        hmean: Harmonic mean of precision and recall; 0 where both are.
        precision: Matches / detections that count. Without such a detection 0, but 1 if there is no word either.
        recall: Matches / words that count. Without such a word 1.
        num_pages: Pages that were counted. Without any, everything is 0.
    """

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

    def add(
        self, detections: Sequence[Polygon], truths: Sequence[Polygon], ignore: Sequence[bool]
    ) -> tuple[int, int, int]:
        """Count one page; gives its matches, words and detections.

        Args:
            detections: What was found, each float32 [K, 2] in page pixels.
            truths: The annotated words, in the same pixels, in the order of the annotation.
            ignore: Which of them are don't-care.

        Raises:
            ValueError: Where there aren't as many flags as words, or a polygon has fewer than 3 points.
        """
        if len(truths) != len(ignore):
            raise ValueError(f"{len(truths)} words, but {len(ignore)} flags that say which to ignore")
        found, annotated = _shapes(detections), _shapes(truths)
        overlap = _overlaps(annotated, found)
        ignored = np.asarray(ignore, bool)
        found_area = shapely.area(found)
        with np.errstate(divide="ignore", invalid="ignore"):  # a detection without area is in no word, and matches none
            in_ignored = (overlap[ignored] / found_area > IGNORE_SHARE).any(axis=0)
            iou = overlap / (shapely.area(annotated)[:, None] + found_area - overlap)
        matches = _match(iou[~ignored][:, ~in_ignored] > MATCH_IOU)
        counts = matches, int((~ignored).sum()), int((~in_ignored).sum())
        self._matches += counts[0]
        self._words += counts[1]
        self._detections += counts[2]
        self._pages += 1
        return counts

    def result(self) -> DetectionScore:
        """The score over all pages so far."""
        if not self._pages:
            return DetectionScore(0.0, 0.0, 0.0, 0)
        recall = self._matches / self._words if self._words else 1.0
        precision = self._matches / self._detections if self._detections else float(not self._words)
        total = precision + recall
        return DetectionScore(2 * precision * recall / total if total else 0.0, precision, recall, self._pages)


def _match(fits: npt.NDArray[np.bool_]) -> int:
    """The number of matches, each word taking the first free detection that fits, bool [words, detections]."""
    free = np.ones(fits.shape[1], bool)
    matches = 0
    for row in fits[fits.any(axis=1)]:
        candidates = np.flatnonzero(row & free)
        if len(candidates):
            free[candidates[0]] = False
            matches += 1
    return matches


def _shapes(polygons: Sequence[Polygon]) -> npt.NDArray[np.object_]:
    """Valid shapely geometries [N]; empty where a coordinate isn't finite."""
    if not polygons:
        return np.empty(0, object)
    lengths = [len(polygon) for polygon in polygons]
    if min(lengths) < 3:
        raise ValueError(f"polygon {int(np.argmin(lengths))} has {min(lengths)} points; it takes 3")
    points = np.concatenate(polygons).astype(np.float64)
    owners = np.repeat(np.arange(len(polygons)), lengths)
    lost = np.zeros(len(polygons), bool)
    lost[owners[~np.isfinite(points).all(axis=1)]] = True
    shapes = np.asarray(shapely.polygons(shapely.linearrings(np.nan_to_num(points), indices=owners)), object)
    shapes[lost] = shapely.Polygon()
    invalid = ~shapely.is_valid(shapes)
    # The structure method gives areas only; lines, as the other one leaves, cannot be intersected in one call.
    shapes[invalid] = shapely.make_valid(shapes[invalid], method="structure", keep_collapsed=False)
    return shapes


def _overlaps(words: npt.NDArray[np.object_], found: npt.NDArray[np.object_]) -> npt.NDArray[np.float64]:
    """float64 [words, found]: areas of intersection, computed only where the bounding boxes meet."""
    overlaps = np.zeros((len(words), len(found)))
    if not len(words) or not len(found):
        return overlaps
    a, b = shapely.bounds(words)[:, None], shapely.bounds(found)[None]
    meet = (a[..., 0] < b[..., 2]) & (b[..., 0] < a[..., 2]) & (a[..., 1] < b[..., 3]) & (b[..., 1] < a[..., 3])
    rows, columns = np.nonzero(meet)
    overlaps[rows, columns] = shapely.area(shapely.intersection(words[rows], found[columns]))
    return overlaps
