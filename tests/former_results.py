"""Post-processing and metric as they were, word by word: the reference that the faster ones are compared with.

Kept for that alone; what is meant by it is written at `detector.postprocess` and `detector.metric`.
"""

from __future__ import annotations

import cv2
import numpy as np
import shapely

from workbench.workloads.ocr.targets import offset_polygon


def former_words(probability, *, threshold=0.3, box_threshold=0.6, unclip_ratio=1.5, min_side=3.0, max_candidates=1000):
    """Polygons and scores of the words in a probability map."""
    limits = np.array(probability.shape[::-1], np.float32)
    top = 255.0 if probability.dtype == np.uint8 else 1.0
    if top == 1.0:
        probability = np.asarray(probability, np.float32)
    inside = (probability > threshold * top).view(np.uint8)
    contours, hierarchy = cv2.findContours(inside, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if hierarchy is None:
        return []
    found = []
    for number in np.flatnonzero(hierarchy[0, :, 3] < 0)[:max_candidates]:
        outline = _simplified(contours[number])
        if len(outline) < 4:
            continue
        score = _score(probability, outline) / top
        if not score >= box_threshold:
            continue
        polygon = _grown(outline, unclip_ratio)
        if polygon is not None and _shorter_side(polygon) >= min_side + 2.0:
            found.append((np.clip(polygon, 0, limits), score))
    return found


def former_on_page(polygon, matrix):
    """A polygon in page pixels."""
    points = cv2.perspectiveTransform(polygon[None].astype(np.float64), np.linalg.inv(matrix))
    return np.asarray(points[0], np.float32)


def former_counts(detections, truths, ignore):
    """Matches, words and detections of a page."""
    found, annotated = _shapes(detections), _shapes(truths)
    overlap = _overlaps(annotated, found)
    ignored = np.asarray(ignore, bool)
    found_area = shapely.area(found)
    with np.errstate(divide="ignore", invalid="ignore"):
        in_ignored = (overlap[ignored] / found_area > 0.5).any(axis=0)
        iou = overlap / (shapely.area(annotated)[:, None] + found_area - overlap)
    matches = _match(iou[~ignored][:, ~in_ignored] > 0.5)
    return matches, int((~ignored).sum()), int((~in_ignored).sum())


def _simplified(contour):
    allowed = max(1.0, 0.002 * cv2.arcLength(contour, closed=True))
    return np.asarray(cv2.approxPolyDP(contour, allowed, closed=True), np.int32).reshape(-1, 2)


def _grown(outline, ratio):
    distance = cv2.contourArea(outline) * ratio / cv2.arcLength(outline, closed=True)
    grown = offset_polygon(outline.astype(np.float32), distance)
    return grown[0] if len(grown) == 1 else None


def _shorter_side(polygon):
    _, (width, height), _ = cv2.minAreaRect(polygon)
    return float(min(width, height))


def _score(probability, outline):
    left, top, width, height = cv2.boundingRect(outline)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [outline - np.array([left, top], np.int32)], 1)
    return float(cv2.mean(probability[top : top + height, left : left + width], mask)[0])


def _match(fits):
    """The number of matches, each word taking the first free detection that fits, bool [words, detections]."""
    free = np.ones(fits.shape[1], bool)
    matches = 0
    for row in fits[fits.any(axis=1)]:
        candidates = np.flatnonzero(row & free)
        if len(candidates):
            free[candidates[0]] = False
            matches += 1
    return matches


def _shapes(polygons):
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


def _overlaps(words, found):
    """float64 [words, found]: areas of intersection, computed only where the bounding boxes meet."""
    overlaps = np.zeros((len(words), len(found)))
    if not len(words) or not len(found):
        return overlaps
    a, b = shapely.bounds(words)[:, None], shapely.bounds(found)[None]
    meet = (a[..., 0] < b[..., 2]) & (b[..., 0] < a[..., 2]) & (a[..., 1] < b[..., 3]) & (b[..., 1] < a[..., 3])
    rows, columns = np.nonzero(meet)
    overlaps[rows, columns] = shapely.area(shapely.intersection(words[rows], found[columns]))
    return overlaps
