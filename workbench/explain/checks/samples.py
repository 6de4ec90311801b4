"""Is the model given the same samples? Rules for any workload, on what `measure.trial.sample_recorder` has kept.

Of every sample there is a digest of its values, of a few all values. Equal digests are equal samples. Where they are
not, the values of the kept samples say how far apart they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.knobs.knob import Tolerance, tolerance_between
from workbench.records import Check, Checks, CheckStatus, Record
from workbench.records.checks import names_of, status_of, with_coverage
from workbench.units import counted

#: Differences are scaled so that the range of the baseline's values is that of 8-bit levels. What is not a number on
#: one side only counts as the largest of them.
LEVELS = 255.0

#: What is allowed where no knob says otherwise.
ORDINARY = Tolerance(1.0, 0.5, "the same values, by arithmetic in another order")

Values = npt.NDArray[Any]
Arrays = Mapping[str, Values]

#: How the arrays of samples that were kept whole are named.
WHOLE = "whole/"


def compare_samples(baseline: tuple[Record, Arrays | None], variant: tuple[Record, Arrays | None]) -> Checks:
    """Compare what two trials have kept of their samples.

    Args:
        baseline: Its record, and the arrays of its `samples.npz`.
        variant: Likewise.

    Returns:
        A check that every sample came, once an epoch; one of the digests of all samples; where these differ, one of
        each array of the samples that were kept whole.
    """
    own, other = variant[1], baseline[1]
    if own is None or other is None or "digests" not in own or "digests" not in other:
        return Checks(notes=["No samples were kept to compare (checked_samples=0, or random samples)."])
    if len(own["digests"]) != len(other["digests"]):
        reason = "the trials are not of the same data set"
        measured = f"{counted(len(own['digests']), 'sample')} (baseline: {len(other['digests'])})"
        return Checks(checks=[Check(name="samples", status="different", measured=measured, reason=reason)])
    both = (own["times_seen"] > 0) & (other["times_seen"] > 0)
    digests = _compare_digests(own, other, both)
    values = [digests]
    if digests.status == "not_comparable":
        tolerance = tolerance_between(baseline[0].knobs, variant[0].knobs, ORDINARY)
        values = _with_whole(digests, list(_compare_whole(own, other, tolerance)))
    return Checks(checks=with_coverage(_coverage(own), values), num_samples=int(both.sum()))


def _coverage(own: Arrays) -> Check:
    """Whether every sample came as often as the others: of whole epochs and a part, all counts are neighbours."""
    seen = own["times_seen"]
    fewest = int(seen.sum()) // max(len(seen), 1)
    missing = np.flatnonzero(seen < fewest).tolist()
    repeated = np.flatnonzero(seen > fewest + 1).tolist()
    faults = [f"{len(missing)} came less often than the others"] if missing else []
    faults += [f"{len(repeated)} came more often"] if repeated else []
    return Check(
        name="every sample once an epoch",
        status="different" if faults else "same",
        measured=", ".join(faults) or f"{int((seen > 0).sum())} of {counted(len(seen), 'sample')} came",
        samples=names_of([str(number) for number in missing or repeated]),
    )


def _compare_digests(own: Arrays, other: Arrays, both: npt.NDArray[np.bool_]) -> Check:
    """Equal digests are equal samples. Others prove nothing yet, unless they are those of another sample."""
    name, count = "values of all samples", int(both.sum())
    if not count:
        return Check(name=name, status="not_comparable", measured="", reason="the trials have no sample in common")
    wrong = np.flatnonzero((own["digests"] != other["digests"]) & both).tolist()
    if not wrong:
        return Check(name=name, status="same", measured=f"equal in {counted(count, 'sample')}")
    number_of = {digest: number for number, digest in enumerate(other["digests"].tolist()) if both[number]}
    swapped = [number for number in wrong if number_of.get(own["digests"][number], number) != number]
    if swapped:
        return Check(
            name=name,
            status="different",
            measured=f"{len(swapped)} of {counted(count, 'sample')} with the values of another sample",
            samples=names_of([str(number) for number in swapped]),
        )
    return Check(
        name=name,
        status="not_comparable",
        measured=f"not equal in {len(wrong)} of {counted(count, 'sample')}",
        reason="how far apart they are is known only of samples that were kept whole",
        samples=names_of([str(number) for number in wrong]),
    )


def _with_whole(digests: Check, whole: list[Check]) -> list[Check]:
    """The checks of the kept samples, with what they say of all the others."""
    if whole and all(check.status == "same" for check in whole):
        reason = "the samples that were kept whole are equal, so nothing explains why these are not"
        digests = digests.model_copy(update={"status": "different", "reason": reason})
    return [digests, *whole]


@dataclass(frozen=True)
class Pair:
    """An array of the samples that both trials have kept whole.

    Attributes:
        name: What it is called in a batch.
        numbers: Numbers of the samples.
        own: The variant's values, [K, ...].
        other: The baseline's.
    """

    name: str
    numbers: list[int]
    own: Values
    other: Values

    @property
    def range(self) -> tuple[float, float]:
        """Least and largest of the baseline's values; of none, 0 and 0."""
        if self.other.dtype == np.uint8:
            return 0.0, LEVELS
        finite = self.other[np.isfinite(self.other)].astype(np.float64)
        return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)

    @property
    def is_exact(self) -> bool:
        """Whether its values name or count something: integers that are not the levels of an image."""
        is_image = self.other.dtype == np.uint8 and self.other.ndim > 2
        return self.other.dtype.kind in "iub" and not is_image


def whole_pairs(own: Arrays, other: Arrays) -> Iterator[Pair]:
    """The arrays that both trials have of the samples that both have kept whole."""
    mine, theirs = (arrays["numbers"].tolist() if "numbers" in arrays else [] for arrays in (own, other))
    numbers = [number for number in theirs if number in mine]
    if not numbers:
        return
    for name in sorted(set(own) & set(other)):
        if name.startswith(WHOLE):
            rows = (own[name][[mine.index(n) for n in numbers]], other[name][[theirs.index(n) for n in numbers]])
            yield Pair(name.removeprefix(WHOLE), numbers, *rows)


def _compare_whole(own: Arrays, other: Arrays, tolerance: Tolerance) -> Iterator[Check]:
    yield from (compare_pair(pair, tolerance) for pair in whole_pairs(own, other))
    of_one = {name.removeprefix(WHOLE) for name in set(own) ^ set(other) if name.startswith(WHOLE)}
    for name in sorted(of_one):
        reason = "only one of the trials has this array"
        yield Check(name=f"values of '{name}'", status="different", measured="", reason=reason)


def compare_pair(pair: Pair, tolerance: Tolerance) -> Check:
    """Compare one array of the samples that both trials have."""
    name = f"values of '{pair.name}'"
    if pair.own.shape != pair.other.shape:
        measured = f"of shape {pair.own.shape[1:]} (baseline: {pair.other.shape[1:]})"
        return Check(name=name, status="different", measured=measured)
    if pair.is_exact:
        return _compare_exact(name, pair)
    levels = differences(pair.own, pair.other, pair.range)
    by_sample = levels.reshape(len(levels), -1).max(axis=1, initial=0.0)
    largest, mean = float(levels.max(initial=0.0)), float(levels.mean()) if levels.size else 0.0
    status: CheckStatus = status_of(largest, 0.0, tolerance.largest)
    if status == "within_tolerance" and mean > tolerance.mean:
        status = "different"
    is_broken = not np.isfinite(pair.own).all() and np.isfinite(pair.other).all()
    low, high = pair.range
    return Check(
        name=name,
        status=status,
        measured=(
            f"{largest:.3g} levels at most, {mean:.3g} on average, on {counted(len(pair.numbers), 'sample')} "
            f"(255 levels: the range {low:.3g} to {high:.3g})"
        ),
        allowed=f"{tolerance.largest:g} at most, {tolerance.mean:g} on average",
        reason="the variant's hold values that are not numbers" if is_broken else tolerance.reason,
        samples=_worst(pair, by_sample > 0.0, by_sample) if status == "different" else [],
    )


def _compare_exact(name: str, pair: Pair) -> Check:
    wrong = (pair.own != pair.other).reshape(len(pair.own), -1).any(axis=1)
    return Check(
        name=name,
        status="different" if wrong.any() else "same",
        measured=f"not equal in {int(wrong.sum())} of {counted(len(wrong), 'sample')}" if wrong.any() else "equal",
        allowed="equal",
        samples=_worst(pair, wrong, wrong.astype(np.float32)),
    )


def _worst(pair: Pair, wrong: npt.NDArray[np.bool_], by_sample: Values) -> list[str]:
    order = np.argsort(-by_sample, kind="stable").tolist()
    return names_of([str(pair.numbers[row]) for row in order if wrong[row]])


def differences(own: Values, other: Values, levels: tuple[float, float]) -> npt.NDArray[np.float32]:
    """How far values differ from the baseline's, in 255ths of a range; NaN differs from nothing but a number.

    Args:
        own: The variant's values.
        other: The baseline's, of the same shape.
        levels: Least and largest value of the range.
    """
    own, other = own.astype(np.float64), other.astype(np.float64)
    low, high = levels
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):  # infinity less infinity; no range at all
        scaled = np.abs(own - other) * (LEVELS / np.float64(high - low))
    scaled = np.where(np.isfinite(scaled), np.minimum(scaled, LEVELS), LEVELS)
    is_equal = (own == other) | (np.isnan(own) & np.isnan(other))
    return np.where(is_equal, 0.0, scaled).astype(np.float32)
