"""From the detector's probability map to words, as DBNet's reference code (MhLiao/DB) does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from workbench.data.page import Polygon
from workbench.data.targets import offset_polygon

Points = npt.NDArray[np.integer[Any] | np.floating[Any]]


@dataclass(frozen=True)
class Detection:
    """A word that was found.

    Attributes:
        polygon: float32 [K, 2], x y in pixels of the probability map.
        score: Mean probability inside its contour, 0..1.
    """

    polygon: Polygon
    score: float


def find_words(
    probability: npt.NDArray[np.float32],
    *,
    threshold: float = 0.3,
    box_threshold: float = 0.6,
    unclip_ratio: float = 1.5,
    min_side: float = 3.0,
    max_candidates: int = 1000,
) -> list[Detection]:
    """Find the words in a probability map.

    Args:
        probability: float32 [H, W]; what the detector says of each pixel being inside a shrunken word.
        threshold: A pixel above it belongs to a word.
        box_threshold: A word whose mean probability is below it is dropped.
        unclip_ratio: How far a shrunken word is grown back: by ``area * unclip_ratio / perimeter`` pixels.
        min_side: A word whose shorter side is below it, in pixels, is dropped.
        max_candidates: So many contours are looked at.
    """
    inside = (probability > threshold).astype(np.uint8)
    contours, _ = cv2.findContours(inside, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    found = []
    for contour in contours[:max_candidates]:
        if _shorter_side(contour) < min_side:
            continue
        score = _score(probability, contour)
        if score < box_threshold:
            continue
        polygon = _grow(contour, unclip_ratio)
        if polygon is not None and _shorter_side(polygon) >= min_side + 2:
            found.append(Detection(polygon, score))
    return found


def to_page(polygon: Polygon, matrix: npt.NDArray[np.float64]) -> Polygon:
    """A polygon in page pixels.

    Args:
        polygon: float32 [K, 2] in pixels of the model's input.
        matrix: float64 [3, 3]: takes page pixels to input pixels.
    """
    points = cv2.perspectiveTransform(polygon[None].astype(np.float32), np.linalg.inv(matrix))
    return np.asarray(points[0], np.float32)


def _grow(contour: Points, ratio: float) -> Polygon | None:
    outline = cv2.approxPolyDP(contour, 0.002 * cv2.arcLength(contour, closed=True), closed=True).reshape(-1, 2)
    if len(outline) < 4:
        outline = cv2.boxPoints(cv2.minAreaRect(contour))
    outline = np.asarray(outline, np.float32)
    perimeter = cv2.arcLength(outline, closed=True)
    if perimeter == 0:
        return None
    grown = offset_polygon(np.asarray(outline, np.float32), abs(cv2.contourArea(outline)) * ratio / perimeter)
    if len(grown) != 1:  # the reference drops what falls apart
        return None
    simplified = cv2.approxPolyDP(grown[0], 0.5, closed=True).reshape(-1, 2)
    return simplified.astype(np.float32) if len(simplified) >= 3 else None


def _shorter_side(contour: Points) -> float:
    _, (width, height), _ = cv2.minAreaRect(contour)
    return float(min(width, height))


def _score(probability: npt.NDArray[np.float32], contour: Points) -> float:
    left, top, width, height = cv2.boundingRect(contour)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [contour - np.array([left, top], np.int32)], 1)
    return float(cv2.mean(probability[top : top + height, left : left + width], mask)[0])
