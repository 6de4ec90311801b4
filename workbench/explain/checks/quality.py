"""Are the figures of quality still the baseline's? One check for each figure that a workload gives."""

from __future__ import annotations

import math

from workbench.records import Check, Record, Score
from workbench.records.checks import status_of
from workbench.units import counted


def compare_scores(baseline: Record, variant: Record, *, has_samples: bool) -> list[Check]:
    """Compare the figures of quality of two trials.

    Args:
        baseline: The record of the baseline's trial.
        variant: Likewise.
        has_samples: Whether samples of the two were compared. Without that, figures of a replay device, which computes
            nothing, agree whatever the model would have been given.
    """
    found = []
    for name in dict.fromkeys([*baseline.quality, *variant.quality]):
        own, other = variant.quality.get(name), baseline.quality.get(name)
        if own is None or other is None:
            which = "variant" if other is None else "baseline"
            found.append(_not_comparable(name, "", f"only the {which} has this figure"))
        else:
            found.append(_compare(name, own, other, has_samples=has_samples))
    return found


def _compare(name: str, own: Score, other: Score, *, has_samples: bool) -> Check:
    unit = f" {own.unit}" if own.unit else ""
    measured = f"{own.value:.4g}{unit} over {counted(own.num_samples, 'sample')} (baseline: {other.value:.4g}{unit})"
    if own.num_samples != other.num_samples:
        reason = f"scored on {counted(own.num_samples, 'sample')}, and the baseline's on {other.num_samples}"
        return Check(name=name, status="different", measured=measured, reason=reason)
    if own.value == other.value == 0.0:
        return _not_comparable(name, measured, "zero on both sides proves nothing")
    if math.isnan(own.value) and math.isnan(other.value):
        return _not_comparable(name, measured, "not a number on either side")
    difference = abs(own.value - other.value)
    # What is not a number on one side compares as larger than anything.
    difference = math.inf if math.isnan(difference) else difference
    status = status_of(difference, 0.0, own.tolerance)
    is_simulated = "simulated" in (own.origin, other.origin)
    if status != "different" and is_simulated and not has_samples:
        return _not_comparable(name, measured, "the replay device computes nothing, so this proves nothing")
    note = own.note or other.note
    return Check(name=name, status=status, measured=measured, allowed=f"{own.tolerance:g} apart", reason=note)


def _not_comparable(name: str, measured: str, reason: str) -> Check:
    return Check(name=name, status="not_comparable", measured=measured, reason=reason)
