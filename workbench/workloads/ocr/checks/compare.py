"""Does the model still get what the baseline's got? Pages, target maps and detections of two trials, by rules of OCR.

No torch here: two old runs are compared on any machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.knobs.knob import Maths, Tolerance, maths_between, tolerance_between
from workbench.records import Check, Checks, Record
from workbench.records.checks import names_of, status_of, with_coverage
from workbench.units import counted
from workbench.workload import Arrays
from workbench.workloads.ocr.checks.coverage import check_coverage
from workbench.workloads.ocr.checks.detections import OUTLINES, Outlines, check_detections
from workbench.workloads.ocr.checks.quality import COMPARED, check_quality
from workbench.workloads.ocr.checks.results import check_results
from workbench.workloads.ocr.checks.training import check_training

#: Pages are kept in half precision, which near 255 has steps of an eighth of a level.
SAME_LEVELS = 0.25

#: The fast maps are rounded to 8 bits.
TARGET_LEVELS = 1.0

#: The most that two 8-bit levels can differ; also what a value that is no number counts as.
_MAX_LEVELS = 255.0

#: Arrays with a row for each kept page.
_BY_PAGE = ("names", "images", "shrink_map", "threshold_map", "result_probability")

_ORDINARY = Tolerance(1.0, 0.5, "the same decoder, and arithmetic in another order")


def compare_samples(baseline: tuple[Record, Arrays | None], variant: tuple[Record, Arrays | None]) -> Checks:
    """Compare what two trials have kept of their pages (`samples.npz`).

    Args:
        baseline: Its record, and what it kept.
        variant: Likewise.

    Returns:
        Checks of the pages' coverage, of their pixels, of their target maps, and of the words that the shipped detector
        finds on the kept pages.
    """
    own, other = variant[1], baseline[1]
    if own is None or other is None:
        why = "the trial failed" if variant[0].failure else "checked_samples=0, or random transforms"
        return Checks(notes=[f"No pages were kept to compare ({why})."])
    if "trained_losses" in own and "trained_losses" in other:
        return Checks(checks=check_training(own, other, maths_between(baseline[0].knobs, variant[0].knobs)))
    if text := _other_pages(own, other):
        return Checks(checks=[Check(name="pages", status="different", measured="", reason=text)])
    own, other = _of_both(own, other)
    tolerance = tolerance_between(baseline[0].knobs, variant[0].knobs, _ORDINARY)
    coverage = check_coverage(own, other, tolerance)
    values = []
    maths = maths_between(baseline[0].knobs, variant[0].knobs)
    if len(own["names"]):
        pixels = _check_pixels(own, other, tolerance)
        values += [pixels, *_check_targets(own, other)]
        if pixels.status == "same":  # else the models were given other pages, and what they make of them differs too
            values += check_results(own, other, maths, on_cuda=_on_cuda(baseline[0]) or _on_cuda(variant[0]))
    quality = check_quality(own, other) if maths > Maths.SAME else None
    if (detections := check_detections(own, other)) is not None:
        values.append(detections)
    if quality is not None:
        values.append(quality)
    checks = values if coverage is None else with_coverage(coverage, values)
    both = int(np.minimum(own["times_seen"], other["times_seen"]).astype(bool).sum()) if "times_seen" in own else 0
    return Checks(checks=checks, num_samples=both, compared_scores=list(COMPARED) if quality is not None else [])


def _on_cuda(record: Record) -> bool:
    return bool(record.device and record.device.startswith("cuda"))


def _check_pixels(own: Arrays, other: Arrays, tolerance: Tolerance) -> Check:
    largest, mean = _differences(own["images"], other["images"])
    status = status_of(largest, SAME_LEVELS, tolerance.largest)
    if status == "within_tolerance" and mean > tolerance.mean:
        status = "different"
    reason = tolerance.reason
    if not np.isfinite(own["images"]).all():
        reason = "the variant's pages hold values that are not numbers"
    return Check(
        name="pixels of the kept pages",
        status=status,
        measured=f"{largest:.3g} levels at most, {mean:.3g} on average, on {counted(len(own['names']), 'page')}",
        allowed=f"{tolerance.largest:g} at most, {tolerance.mean:g} on average",
        reason=reason,
    )


def _check_targets(own: Arrays, other: Arrays) -> list[Check]:
    names = ("shrink_map", "threshold_map")
    if any((name in own) != (name in other) for name in names):
        reason = "only one of the trials makes target maps"
        return [Check(name="target maps", status="not_comparable", measured="", reason=reason)]
    if names[0] not in own:
        return []
    largest = max(_differences(own[name], other[name])[0] for name in names)
    return [
        Check(
            name="target maps",
            status=status_of(largest, SAME_LEVELS, TARGET_LEVELS),
            measured=f"{largest:.3g} levels at most",
            allowed=f"{TARGET_LEVELS:g} at most",
            reason="packed maps are rounded to 8 bits",
        )
    ]


def _of_both(own: Arrays, other: Arrays) -> tuple[Arrays, Arrays]:
    """What two trials have kept of the pages that both of them kept."""
    both = [name for name in own["names"].tolist() if name in other["names"].tolist()]
    return _only(own, both), _only(other, both)


def _only(arrays: Arrays, names: list[str]) -> Arrays:
    kept = arrays["names"].tolist()
    if kept == names:
        return arrays
    rows = np.array([kept.index(name) for name in names], np.int64)
    chosen: dict[str, npt.NDArray[Any]] = {name: arrays[name][rows] for name in _BY_PAGE if name in arrays}
    for prefix in OUTLINES:
        if f"{prefix}_on" in arrays:
            chosen |= Outlines(arrays, prefix).of_pages(rows)
    return {**arrays, **chosen}


def _other_pages(own: Arrays, other: Arrays) -> str:
    """How two data sets differ, in words; empty where they don't. Of one, trials may keep different pages."""
    name = "all_names" if "all_names" in own and "all_names" in other else "names"
    mine, theirs = own[name].tolist(), other[name].tolist()
    if mine == theirs:
        return ""
    missing = [page for page in theirs if page not in mine]
    extra = [page for page in mine if page not in theirs]
    parts = [f"without {_first(missing)}"] if missing else []
    parts += [f"with {_first(extra)} {'instead' if missing else 'besides'}"] if extra else []
    return f"the trials are not of the same pages: the variant's are {', '.join(parts) or 'in another order'}"


def _first(names: list[str]) -> str:
    shown = names_of(names)
    more = [f"and {len(names) - len(shown)} more"] if len(names) > len(shown) else []
    return ", ".join([*shown, *more])


def _differences(own: npt.NDArray[Any], other: npt.NDArray[Any]) -> tuple[float, float]:
    """The largest and the mean absolute difference in levels; what is no number differs as far as can be."""
    if own.shape != other.shape:
        return _MAX_LEVELS, _MAX_LEVELS
    with np.errstate(invalid="ignore"):  # infinity less infinity
        difference = np.abs(own.astype(np.float32) - other.astype(np.float32))
    difference = np.where(np.isfinite(difference), np.minimum(difference, _MAX_LEVELS), _MAX_LEVELS)
    return float(difference.max(initial=0.0)), float(difference.mean())
