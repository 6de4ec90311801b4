"""Are the same words detected? Compared polygon by polygon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from workbench.records import Check, CheckStatus
from workbench.units import counted

Arrays = Mapping[str, npt.NDArray[Any]]

#: Two outlines are of the same word when their intersection over union is above this.
_MATCH_IOU = 0.5


#: The share of detected words that must be found again.
_MATCHED_SHARE = 0.97


#: Whose outlines a trial keeps: of the shipped detector, and of its own model.
OUTLINES = ("detected", "result")


@dataclass(frozen=True)
class Outlines:
    """Outlines of words on kept pages.

    Attributes:
        arrays: Of a trial.
        prefix: What the names of their arrays begin with: one of `OUTLINES`.
    """

    arrays: Arrays
    prefix: str

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        """`points` float32 [P, 2] of all outlines, their `lengths` [D], and whose they are: `on` [D]."""
        return self.arrays[f"{self.prefix}_{name}"]

    @property
    def num_pages(self) -> int:
        """Pages that were kept."""
        return len(self.arrays["names"])

    def of_pages(self, rows: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
        """The same arrays, under their names, of some of the kept pages."""
        place = {row: number for number, row in enumerate(rows.tolist())}
        wanted = np.isin(self["on"], rows)
        points = np.split(self["points"], np.cumsum(self["lengths"])[:-1])
        parts = [part for part, is_wanted in zip(points, wanted, strict=False) if is_wanted]
        return {
            f"{self.prefix}_points": np.concatenate([np.empty((0, 2), np.float32), *parts]),
            f"{self.prefix}_lengths": self["lengths"][wanted],
            f"{self.prefix}_on": np.array([place[on] for on in self["on"][wanted].tolist()], np.int64),
        }

    def shapes(self) -> list[list[Any]]:
        """Valid shapely geometries by page."""
        shapes: list[list[Any]] = [[] for _ in range(self.num_pages)]
        ends = np.cumsum(self["lengths"])
        for end, length, on in zip(ends, self["lengths"], self["on"], strict=True):
            shapes[int(on)].append(shapely.make_valid(shapely.Polygon(self["points"][end - length : end])))
        return shapes


def check_detections(own: Arrays, other: Arrays) -> Check | None:
    """Compare the words that the shipped detector finds on the kept pages; None where a trial has left none."""
    if "detected_points" not in own or "detected_points" not in other:
        return None
    outlines = Outlines(own, "detected"), Outlines(other, "detected")
    return check_outlines(
        "words of the shipped detector", *outlines, matched_share=_MATCHED_SHARE, match_iou=_MATCH_IOU
    )


def check_outlines(
    name: str, own: Outlines, other: Outlines, *, matched_share: float, match_iou: float, spared: int = 0
) -> Check:
    """Compare words outline by outline.

    Args:
        name: What is compared, as a heading.
        own: The variant's.
        other: The baseline's, of the same pages.
        matched_share: The share of words that must be found again.
        match_iou: Two outlines are of the same word when their intersection over union is above this.
        spared: Words that may be on one side only, however few there are.
    """
    total = len(own["lengths"]) + len(other["lengths"])
    if not total:
        reason = "nothing is detected on either side, which proves nothing"
        return Check(name=name, status="not_comparable", measured="0 words", reason=reason)
    pages = zip(own.shapes(), other.shapes(), strict=True)
    matched = sum(_matches(mine, theirs, match_iou) for mine, theirs in pages)
    unmatched = total - 2 * matched
    is_within = unmatched <= max((1.0 - matched_share) * total, spared)
    status: CheckStatus = "within_tolerance" if is_within else "different"
    if all(np.array_equal(own[part], other[part]) for part in ("points", "lengths", "on")):
        status = "same"
    return Check(
        name=name,
        status=status,
        measured=f"{counted(matched, 'word')} on both sides, {unmatched} on one only",
        allowed=f"{matched_share * 100:g} % found again",
    )


def _matches(mine: list[Any], theirs: list[Any], match_iou: float) -> int:
    """Pairs, each outline in one of them, nearest first."""
    if not mine or not theirs:
        return 0
    a, b = np.array(mine, object)[:, None], np.array(theirs, object)[None]
    overlap = shapely.area(shapely.intersection(a, b))
    iou = overlap / np.maximum(shapely.area(a) + shapely.area(b) - overlap, 1e-9)
    count = 0
    while iou.size and iou.max() > match_iou:
        row, column = np.unravel_index(int(iou.argmax()), iou.shape)
        iou[row], iou[:, column] = 0.0, 0.0
        count += 1
    return count
