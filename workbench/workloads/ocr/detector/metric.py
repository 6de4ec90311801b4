"""H-mean by the ICDAR2015 rule, with ignore regions.

As the official evaluation does it (MhLiao/DB, `assets/ic15_eval/script.py`): a detection of which more than half of its
own area lies in one ignored word does not count; the others are matched one to one with the words that count, greedily
in the order of the annotation, where the intersection over union is above 0.5. The score of a data set pools the counts
of its pages; it is no mean over pages. Where it differs:

- Coordinates stay real numbers; the official script cuts them to integers.
- A polygon that crosses itself counts with the area that it covers (`shapely.make_valid`). The official script leaves
  that to its polygon library, and MhLiao/DB's `iou.py` passes such words and detections over without a word.
- A data set without any word that counts gets what the rule gives a single page; the official script gives 0.

Counts are all that is asked for, so that the overlap of nearly all pairs is computed quickly (`overlap`). Where that
is not known to be right, or is too near a limit to say on which side of it, shapely is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from workbench.workloads.ocr.pages.words import Polygon

#: A match needs an intersection over union above this.
MATCH_IOU = 0.5

#: A detection lies in an ignored word when more than this share of its own area does.
IGNORE_SHARE = 0.5

#: So near a limit shapely decides. What is computed quickly is right to ten digits.
_NEAR = 1e-6

#: Of a page: its matches, the words and the detections that count.
Counts = tuple[int, int, int]

_Shapes = npt.NDArray[np.object_]


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

    def add(self, detections: Sequence[Polygon], truths: Sequence[Polygon], ignore: Sequence[bool]) -> None:
        """Count one page; see `count_page`."""
        self.include(count_page(detections, truths, ignore))

    def include(self, counts: Counts) -> None:
        """Count one page, whose counts are known."""
        self._matches += counts[0]
        self._words += counts[1]
        self._detections += counts[2]
        self._pages += 1

    def result(self) -> DetectionScore:
        """The score over all pages so far."""
        if not self._pages:
            return DetectionScore(0.0, 0.0, 0.0, 0)
        recall = self._matches / self._words if self._words else 1.0
        precision = self._matches / self._detections if self._detections else float(not self._words)
        total = precision + recall
        return DetectionScore(2 * precision * recall / total if total else 0.0, precision, recall, self._pages)


def load_compiled() -> None:
    """Load what is compiled, which otherwise the first page waits for."""
    count_page([], [], [])


def count_page(detections: Sequence[Polygon], truths: Sequence[Polygon], ignore: Sequence[bool]) -> Counts:
    """Matches, words and detections of one page.

    Args:
        detections: What was found, each float32 [K, 2] in page pixels.
        truths: The annotated words, in the same pixels, in the order of the annotation.
        ignore: Which of them are don't-care.

    Raises:
        ValueError: Where there aren't as many flags as words, or a polygon has fewer than 3 points.
    """
    from workbench.workloads.ocr.detector.overlap import meeting  # here, because it imports numba

    if len(truths) != len(ignore):
        raise ValueError(f"{len(truths)} words, but {len(ignore)} flags that say which to ignore")
    words, found = _Polygons(truths), _Polygons(detections)
    rows, columns = meeting(words.boxes, found.boxes)
    fits, covers = _judge(words, found, rows, columns)
    ignored = np.asarray(ignore, bool)
    is_lost = np.zeros(len(detections), bool)
    is_lost[columns[covers & ignored[rows]]] = True
    pairs = fits & ~ignored[rows] & ~is_lost[columns]
    matches = _match(rows[pairs].tolist(), columns[pairs].tolist())
    return matches, int((~ignored).sum()), int((~is_lost).sum())


class _Polygons:
    """Polygons as `overlap` takes them: points, ends, kinds, areas, boxes; and on demand as shapely takes them.

    Raises:
        ValueError: For one of fewer than 3 points.
    """

    def __init__(self, polygons: Sequence[Polygon]) -> None:
        from workbench.workloads.ocr.detector.overlap import describe

        lengths = np.array([len(polygon) for polygon in polygons], np.int64)
        if len(lengths) and lengths.min() < 3:
            raise ValueError(f"polygon {int(lengths.argmin())} has {lengths.min()} points; it takes 3")
        self._polygons = polygons
        self.points = np.concatenate(polygons).astype(np.float64) if len(polygons) else np.empty((0, 2))
        self.ends = np.cumsum(lengths)
        self.kinds, self.areas, self.boxes = describe(self.points, self.ends)

    def shapes(self, numbers: npt.NDArray[np.int64]) -> _Shapes:
        """Valid shapely geometries [M] of polygons, which may come up repeatedly."""
        once, places = np.unique(numbers, return_inverse=True)
        return _shapes([self._polygons[number] for number in once])[places]


def _judge(
    words: _Polygons, found: _Polygons, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Of pairs of a word and a detection, bool [M] each: whether they match, and whether the word holds the detection.

    Each as if it were the only pair.
    """
    from workbench.workloads.ocr.detector.overlap import intersections

    quick = intersections(words.points, words.ends, words.kinds, found.points, found.ends, found.kinds, rows, columns)
    iou, share = _figures(quick, words.areas[rows], found.areas[columns])
    fits, covers = iou > MATCH_IOU, share > IGNORE_SHARE
    is_sure = (np.abs(iou - MATCH_IOU) > _NEAR) & (np.abs(share - IGNORE_SHARE) > _NEAR)  # NaN is not sure
    unsure = np.flatnonzero(~is_sure)
    if len(unsure):
        one, two = words.shapes(rows[unsure]), found.shapes(columns[unsure])
        iou, share = _figures(shapely.area(shapely.intersection(one, two)), shapely.area(one), shapely.area(two))
        fits[unsure], covers[unsure] = iou > MATCH_IOU, share > IGNORE_SHARE
    return fits, covers


def _figures(
    overlap: npt.NDArray[np.float64], of_word: npt.NDArray[np.float64], of_found: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Intersection over union, and the share of the detection that lies in the word, of areas."""
    with np.errstate(divide="ignore", invalid="ignore"):  # a detection without area is in no word, and matches none
        return overlap / (of_word + of_found - overlap), overlap / of_found


def _match(words: Sequence[int], found: Sequence[int]) -> int:
    """The number of matches among pairs that fit, in their order: each word takes the first detection that is free."""
    matched, taken = set(), set()
    for word, detection in zip(words, found, strict=True):
        if word not in matched and detection not in taken:
            matched.add(word)
            taken.add(detection)
    return len(matched)


def _shapes(polygons: Sequence[Polygon]) -> _Shapes:
    """Valid shapely geometries [N]; empty where a coordinate isn't finite."""
    lengths = [len(polygon) for polygon in polygons]
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
