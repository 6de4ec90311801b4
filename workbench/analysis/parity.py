"""Is the result still the same? Pages, target maps and detections of a variant, held against the baseline's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.knobs import Knobs
from workbench.records import DetectionParity, PageParity, Parity, ParityStatus, Record, TargetParity
from workbench.run_store import PAGES

Levels = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Tolerance:
    """How far pages may differ, in 8-bit levels, and why.

    Attributes:
        max_levels: At any pixel.
        mean_levels: On the average.
        reason: Why so much is allowed.
    """

    max_levels: float
    mean_levels: float
    reason: str


#: Sample pages are kept in half precision, which near 255 has steps of an eighth of a level.
_SAME_LEVELS = 0.25

_SAME_DECODER = Tolerance(1.0, 0.5, "the same decoder, and arithmetic in another order")
_OTHER_DECODER = Tolerance(
    64.0, 1.0, "JPEG decoders interpolate colour and round differently: much at edges, little on the average"
)
_TARGET_LEVELS = 1.0
_HMEAN_DIFFERENCE = 0.005


def tolerance_for(baseline: Knobs, variant: Knobs) -> Tolerance:
    """What two sets of knobs may differ in."""
    return _SAME_DECODER if baseline.image_decoder == variant.image_decoder else _OTHER_DECODER


def compare_pages(baseline: Path, variant: Path, baseline_record: Record, variant_record: Record) -> Parity:
    """Hold a variant's run against the baseline's.

    Args:
        baseline: Its run folder.
        variant: Its run folder.
        baseline_record: Its record.
        variant_record: Its record.

    Returns:
        The parity; parts that one of the runs has left nothing of are None, with a note.
    """
    notes: list[str] = []
    pages = targets = None
    own, other = _load(variant), _load(baseline)
    if own is None or other is None:
        notes.append("No pages were kept to compare (parity_pages=0, or random transforms).")
    elif own["names"].tolist() != other["names"].tolist():
        notes.append("The runs are not of the same pages.")
        return Parity(status="different", notes=notes)
    else:
        pages = _page_parity(own, other, tolerance_for(baseline_record.knobs, variant_record.knobs))
        targets = _target_parity(own, other, notes)
    detections = _detection_parity(baseline_record, variant_record, notes)
    statuses = [part.status for part in (pages, targets, detections) if part is not None]
    return Parity(pages=pages, targets=targets, detections=detections, status=_worst(statuses), notes=notes)


@dataclass(frozen=True)
class PageSample:
    """A page of both runs, to be looked at.

    Attributes:
        name: The page.
        baseline: uint8 [S, S, 3], RGB.
        variant: uint8 [S, S, 3], RGB.
        difference: float32 [S, S], largest difference of the channels, in levels.
    """

    name: str
    baseline: npt.NDArray[np.uint8]
    variant: npt.NDArray[np.uint8]
    difference: Levels


def page_samples(baseline: Path, variant: Path, count: int = 2) -> list[PageSample]:
    """The first pages that both runs have kept, side by side."""
    own, other = _load(variant), _load(baseline)
    if own is None or other is None:
        return []
    samples = []
    for name, mine, theirs in zip(own["names"][:count], own["images"], other["images"], strict=False):
        difference = np.abs(mine.astype(np.float32) - theirs.astype(np.float32)).max(axis=2)
        samples.append(PageSample(str(name), _as_pixels(theirs), _as_pixels(mine), difference))
    return samples


def _load(folder: Path) -> dict[str, npt.NDArray[np.generic]] | None:
    path = folder / PAGES
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def _page_parity(own: dict[str, Any], other: dict[str, Any], tolerance: Tolerance) -> PageParity:
    largest, mean = _differences(own["images"], other["images"])
    status: ParityStatus = "different"
    if largest <= _SAME_LEVELS:
        status = "same"
    elif largest <= tolerance.max_levels and mean <= tolerance.mean_levels:
        status = "within_tolerance"
    return PageParity(
        max_levels=largest,
        mean_levels=mean,
        tolerance_levels=tolerance.max_levels,
        num_pages=len(own["names"]),
        status=status,
    )


def _target_parity(own: dict[str, Any], other: dict[str, Any], notes: list[str]) -> TargetParity | None:
    names = ("shrink_map", "threshold_map")
    if any((name in own) != (name in other) for name in names):
        notes.append("Only one of the runs makes target maps.")
        return None
    if names[0] not in own:
        return None
    largest = max(_differences(own[name], other[name])[0] for name in names)
    within: ParityStatus = "within_tolerance" if largest <= _TARGET_LEVELS else "different"
    return TargetParity(max_levels=largest, status="same" if largest <= _SAME_LEVELS else within)


def _detection_parity(baseline: Record, variant: Record, notes: list[str]) -> DetectionParity | None:
    if baseline.quality is None or variant.quality is None:
        return None
    if baseline.quality.hmean == variant.quality.hmean == 0.0:
        # 0.000 against 0.000 proves nothing.
        notes.append("Nothing was detected on either side, so the detections prove nothing.")
        return None
    difference = variant.quality.hmean - baseline.quality.hmean
    missing = variant.quality.num_pages - baseline.quality.num_pages
    status: ParityStatus = "different"
    if missing == 0 and abs(difference) <= _HMEAN_DIFFERENCE:
        status = "same" if difference == 0.0 else "within_tolerance"
    return DetectionParity(hmean_difference=difference, num_pages_difference=missing, status=status)


def _differences(own: npt.NDArray[Any], other: npt.NDArray[Any]) -> tuple[float, float]:
    if own.shape != other.shape:
        return 255.0, 255.0
    difference = np.abs(own.astype(np.float32) - other.astype(np.float32))
    return float(difference.max(initial=0.0)), float(difference.mean())


def _worst(statuses: list[ParityStatus]) -> ParityStatus | None:
    ranks: tuple[ParityStatus, ...] = ("same", "within_tolerance", "different")
    return max(statuses, key=ranks.index, default=None)


def _as_pixels(levels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    return np.clip(np.round(levels.astype(np.float32)), 0, 255).astype(np.uint8)
