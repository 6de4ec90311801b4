"""Is the result still the same? Pages, target maps and detections of a variant, held against the baseline's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.records import (
    CoverageParity,
    DetectionParity,
    PageParity,
    Parity,
    ParityStatus,
    Record,
    TargetParity,
)
from workbench.records.run_folder import PAGES
from workbench.workloads.ocr.checks.coverage import compare_coverage
from workbench.workloads.ocr.checks.detections import Matched, match_detections
from workbench.workloads.ocr.checks.tolerances import (
    HMEAN_DIFFERENCE,
    MATCHED_SHARE,
    SAME_LEVELS,
    TARGET_LEVELS,
    Tolerance,
    tolerance_for,
)

Levels = npt.NDArray[np.float32]
Arrays = dict[str, npt.NDArray[Any]]

#: Pages that are named where they differ.
_SHOWN = 5

#: The most that two 8-bit levels can differ; also what a value that is no number counts as.
_MAX_LEVELS = 255.0


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
    pages = targets = coverage = None
    own, other = _load(variant), _load(baseline)
    if own is None or other is None:
        notes.append("No pages were kept to compare (checked_samples=0, or random transforms).")
    elif other_pages := _other_pages(own, other):
        return Parity(status="different", notes=[other_pages])
    else:
        own, other = _of_both(own, other)
        tolerance = tolerance_for(baseline_record.knobs, variant_record.knobs)
        coverage = compare_coverage(own, other, tolerance)
        notes += _coverage_notes(coverage)
        if len(own["names"]):
            pages = _page_parity(own, other, tolerance, notes)
            targets = _target_parity(own, other, notes)
    matched = None if own is None or other is None else match_detections(own, other)
    detections = _detection_parity(baseline_record, variant_record, matched, notes, has_pages=pages is not None)
    statuses = [part.status for part in (pages, targets, detections, coverage) if part is not None]
    return Parity(
        pages=pages,
        targets=targets,
        detections=detections,
        coverage=coverage,
        status=_worst(statuses) if _tells(pages, detections, coverage) else None,
        notes=notes,
    )


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
    if own is None or other is None or "images" not in own or "images" not in other:
        return []
    if own["images"].shape[1:] != other["images"].shape[1:]:
        return []
    theirs_of = dict(zip(other["names"].tolist(), other["images"], strict=True))
    samples = []
    for name, mine in zip(own["names"].tolist(), own["images"], strict=True):
        if name in theirs_of:
            difference = _difference(mine, theirs_of[name]).max(axis=2)
            samples.append(PageSample(name, _as_pixels(theirs_of[name]), _as_pixels(mine), difference))
    return sorted(samples, key=lambda sample: -float(sample.difference.max()))[:count]


def _tells(pages: PageParity | None, detections: DetectionParity | None, coverage: CoverageParity | None) -> bool:
    """Whether there is enough for a status: prints alone show that something is wrong, and not that all is well."""
    return pages is not None or detections is not None or (coverage is not None and coverage.status == "different")


def _of_both(own: Arrays, other: Arrays) -> tuple[Arrays, Arrays]:
    """What two runs have kept of the pages that both of them kept."""
    both = [name for name in own["names"].tolist() if name in other["names"].tolist()]
    return _only(own, both), _only(other, both)


def _only(arrays: Arrays, names: list[str]) -> Arrays:
    kept = arrays["names"].tolist()
    if kept == names:
        return arrays
    rows = np.array([kept.index(name) for name in names], np.int64)
    chosen: Arrays = {
        name: arrays[name][rows] for name in ("names", "images", "shrink_map", "threshold_map") if name in arrays
    }
    if "detected_on" in arrays:
        place = {row: number for number, row in enumerate(rows.tolist())}
        of_them = np.isin(arrays["detected_on"], rows)
        points = np.split(arrays["detected_points"], np.cumsum(arrays["detected_lengths"])[:-1])
        parts = [part for part, wanted in zip(points, of_them, strict=False) if wanted]
        chosen["detected_points"] = np.concatenate([np.empty((0, 2), np.float32), *parts])
        chosen["detected_lengths"] = arrays["detected_lengths"][of_them]
        chosen["detected_on"] = np.array([place[on] for on in arrays["detected_on"][of_them].tolist()], np.int64)
    return {**arrays, **chosen}


def _load(folder: Path) -> Arrays | None:
    path = folder / PAGES
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def _other_pages(own: Arrays, other: Arrays) -> str:
    """How two data sets differ, in words; empty where they don't. Of one, runs may keep different pages."""
    name = "all_names" if "all_names" in own and "all_names" in other else "names"
    mine, theirs = own[name].tolist(), other[name].tolist()
    if mine == theirs:
        return ""
    missing, extra = [one for one in theirs if one not in mine], [one for one in mine if one not in theirs]
    parts = [f"without {_first(missing)}"] if missing else []
    parts += [f"with {_first(extra)} {'instead' if missing else 'besides'}"] if extra else []
    return f"The runs are not of the same pages: the variant's are {', '.join(parts) or 'in another order'}."


def _first(names: list[str]) -> str:
    more = [f"and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return ", ".join([*names[:_SHOWN], *more])


def _page_parity(own: Arrays, other: Arrays, tolerance: Tolerance, notes: list[str]) -> PageParity:
    largest, mean = _differences(own["images"], other["images"])
    if not np.isfinite(own["images"]).all():
        notes.append("The variant's pages hold values that are no numbers.")
    status: ParityStatus = "different"
    if largest <= SAME_LEVELS:
        status = "same"
    elif largest <= tolerance.max_levels and mean <= tolerance.mean_levels:
        status = "within_tolerance"
    return PageParity(
        max_levels=largest,
        mean_levels=mean,
        tolerance_levels=tolerance.max_levels,
        tolerance_reason=tolerance.reason,
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
    within: ParityStatus = "within_tolerance" if largest <= TARGET_LEVELS else "different"
    return TargetParity(max_levels=largest, status="same" if largest <= SAME_LEVELS else within)


def _detection_parity(
    baseline: Record, variant: Record, matched: Matched | None, notes: list[str], *, has_pages: bool
) -> DetectionParity | None:
    """What the trials' own models found, where it proves something; and the shipped detector on the kept pages."""
    statuses: list[ParityStatus] = []
    difference = missing = None
    if baseline.quality is None or variant.quality is None:
        notes.append("The trials' own detections were not scored on both sides.")
    elif baseline.quality.hmean == variant.quality.hmean == 0.0:
        # 0.000 against 0.000 proves nothing.
        notes.append("Nothing was detected on either side, so the trials' own detections prove nothing.")
    else:
        difference = variant.quality.hmean - baseline.quality.hmean
        missing = variant.quality.num_pages - baseline.quality.num_pages
        near = missing == 0 and abs(difference) <= HMEAN_DIFFERENCE
        if near and _is_simulated(variant) and not has_pages:
            notes.append("The replay device predicts the targets, so without pages its detections prove nothing.")
            difference = missing = None
        else:
            statuses.append("same" if near and difference == 0.0 else "within_tolerance" if near else "different")
    if matched is not None and matched.both + matched.isolated > 0:
        near = 2 * matched.both >= MATCHED_SHARE * (2 * matched.both + matched.isolated)
        statuses.append("same" if matched.alike else "within_tolerance" if near else "different")
    worst = _worst(statuses)
    if worst is None:
        return None
    return DetectionParity(
        hmean_difference=difference,
        num_pages_difference=missing,
        matched_words=None if matched is None else matched.both,
        unmatched_words=None if matched is None else matched.isolated,
        status=worst,
    )


def _coverage_notes(coverage: CoverageParity | None) -> list[str]:
    if coverage is None:
        return []
    notes = []
    if coverage.missing:
        notes.append(f"Pages did not come as often as the others: {', '.join(coverage.missing)}.")
    if coverage.repeated:
        notes.append(f"Pages came more often than the others: {', '.join(coverage.repeated)}.")
    if coverage.wrong:
        notes.append(f"{coverage.num_wrong} pages are not what the baseline had: {', '.join(coverage.wrong)}.")
    if coverage.exchanged:
        notes.append(f"These hold the image of another page: {', '.join(coverage.exchanged)}.")
    return notes


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
