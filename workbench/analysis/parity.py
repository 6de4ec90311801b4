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
Arrays = dict[str, npt.NDArray[Any]]


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

#: The most that two 8-bit levels can differ; also what a value that is no number counts as.
_MAX_LEVELS = 255.0


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
        return Parity(status="different", notes=[_other_pages(own["names"].tolist(), other["names"].tolist())])
    else:
        pages = _page_parity(own, other, tolerance_for(baseline_record.knobs, variant_record.knobs), notes)
        targets = _target_parity(own, other, notes)
    detections = _detection_parity(baseline_record, variant_record, notes)
    if pages is None and detections and detections.status != "different" and _is_simulated(variant_record):
        notes.append("The replay device predicts the targets, so without pages its detections prove nothing.")
        detections = None
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
    """Pages that both runs have kept, side by side; those that differ most come first."""
    own, other = _load(variant), _load(baseline)
    if own is None or other is None or own["images"].shape[1:] != other["images"].shape[1:]:
        return []
    theirs_of = dict(zip(other["names"].tolist(), other["images"], strict=True))
    samples = []
    for name, mine in zip(own["names"].tolist(), own["images"], strict=True):
        if name in theirs_of:
            difference = _difference(mine, theirs_of[name]).max(axis=2)
            samples.append(PageSample(name, _as_pixels(theirs_of[name]), _as_pixels(mine), difference))
    return sorted(samples, key=lambda sample: -float(sample.difference.max()))[:count]


def _load(folder: Path) -> Arrays | None:
    path = folder / PAGES
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays) if len(arrays["names"]) else None


def _other_pages(own: list[str], other: list[str]) -> str:
    missing, extra = [one for one in other if one not in own], [one for one in own if one not in other]
    parts = [f"without {', '.join(missing)}"] if missing else []
    parts += [f"with {', '.join(extra)} instead" if missing else f"with {', '.join(extra)} besides"] if extra else []
    return f"The runs are not of the same pages: the variant's are {', '.join(parts) or 'in another order'}."


def _page_parity(own: Arrays, other: Arrays, tolerance: Tolerance, notes: list[str]) -> PageParity:
    largest, mean = _differences(own["images"], other["images"])
    if not np.isfinite(own["images"]).all():
        notes.append("The variant's pages hold values that are no numbers.")
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


def _target_parity(own: Arrays, other: Arrays, notes: list[str]) -> TargetParity | None:
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
        notes.append("Detections were not scored on both sides.")
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


def _is_simulated(record: Record) -> bool:
    return record.quality is not None and (record.simulated or record.quality.origin == "simulated")


def _differences(own: npt.NDArray[Any], other: npt.NDArray[Any]) -> tuple[float, float]:
    if own.shape != other.shape:
        return _MAX_LEVELS, _MAX_LEVELS
    difference = _difference(own, other)
    return float(difference.max(initial=0.0)), float(difference.mean())


def _difference(own: npt.NDArray[Any], other: npt.NDArray[Any]) -> Levels:
    """Absolute difference in levels; a value that is no number on one side differs as far as can be."""
    with np.errstate(invalid="ignore"):  # infinity less infinity
        difference = np.abs(own.astype(np.float32) - other.astype(np.float32))
    return np.where(np.isfinite(difference), np.minimum(difference, _MAX_LEVELS), _MAX_LEVELS).astype(np.float32)


def _worst(statuses: list[ParityStatus]) -> ParityStatus | None:
    ranks: tuple[ParityStatus, ...] = ("same", "within_tolerance", "different")
    return max(statuses, key=ranks.index, default=None)


def _as_pixels(levels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    finite = np.nan_to_num(levels.astype(np.float32), nan=0.0, posinf=_MAX_LEVELS, neginf=0.0)
    return np.clip(np.round(finite), 0, 255).astype(np.uint8)
