"""Does an observed script still train on the same? Rules for the samples that were looked at when it had been counted.

Samples that are made twice with the same seeds, and come out equal, must be equal between two trials as well. Samples
that do not are random by a generator of their own: of these only form and statistics can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workbench.explain.checks.samples import ORDINARY, WHOLE, Arrays, Pair, compare_pair, whole_pairs
from workbench.knobs.knob import Tolerance, tolerance_between
from workbench.records import Check, Checks, Record
from workbench.records.checks import names_of
from workbench.units import counted

#: Means of random samples may differ by as much of their own standard deviation.
_ALIKE = 0.5

#: What the name of an array of one sample begins with; its number follows.
_SINGLE = f"{WHOLE}sample-"


def compare_looks(baseline: tuple[Record, Arrays | None], variant: tuple[Record, Arrays | None]) -> Checks:
    """Compare the samples of two observed trials.

    Args:
        baseline: Its record, and the arrays of its `samples.npz`.
        variant: Likewise.
    """
    own, other = variant[1], baseline[1]
    if own is None or other is None or "is_random" not in own or "is_random" not in other:
        return Checks(notes=["No samples were looked at (checked_samples=0, or the script ended before)."])
    if int(own["num_samples"]) != int(other["num_samples"]):
        counts = f"{int(own['num_samples'])} samples (baseline: {int(other['num_samples'])})"
        reason = "the trials are not of the same data set: their times can be compared, and no samples"
        return Checks(checks=[Check(name="samples", status="not_comparable", measured=counts, reason=reason)])
    is_random = bool(own["is_random"].any() or other["is_random"].any())
    tolerance = tolerance_between(baseline[0].knobs, variant[0].knobs, ORDINARY)
    checks = list(_alike(own, other) if is_random else _same(own, other, tolerance))
    return Checks(checks=checks, num_samples=len(own["numbers"]))


def _same(own: Arrays, other: Arrays, tolerance: Tolerance) -> Iterator[Check]:
    count = counted(len(own["numbers"]), "sample")
    if np.array_equal(own["digests"], other["digests"]):
        yield Check(name="values of the samples", status="same", measured=f"equal in {count}, made with the same seeds")
        return
    found = [compare_pair(pair, tolerance) for pair in whole_pairs(_by_row(own), _by_row(other))]
    # Of those that were kept one by one there may be many: only the ones that differ are named.
    found += [check for pair in _one_by_one(own, other) if (check := compare_pair(pair, tolerance)).status != "same"]
    if not found:
        wrong = np.flatnonzero(own["digests"] != other["digests"]).tolist()
        yield Check(
            name="values of the samples",
            status="different",
            measured=f"not equal in {len(wrong)} of {count}",
            samples=names_of([str(number) for number in wrong]),
        )
    yield from found


def _alike(own: Arrays, other: Arrays) -> Iterator[Check]:
    single = (pair for pair in _one_by_one(own, other) if pair.own.shape == pair.other.shape)  # a size may be random
    yield from (_alike_pair(pair) for pair in (*whole_pairs(_by_row(own), _by_row(other)), *single))


def _by_row(arrays: Arrays) -> Arrays:
    """All but the arrays of single samples: those that have a row for each sample."""
    return {name: values for name, values in arrays.items() if not name.startswith(_SINGLE)}


def _one_by_one(own: Arrays, other: Arrays) -> Iterator[Pair]:
    """The arrays of single samples, [1, ...] each: of a batch that is a list, where they may be of several sizes."""
    for name in sorted(own.keys() & other.keys()):
        if name.startswith(_SINGLE):
            number = int(name.removeprefix(_SINGLE).partition(".")[0])
            yield Pair(name.removeprefix(WHOLE), [number], own[name], other[name])


def _alike_pair(pair: Pair) -> Check:
    name = f"form of '{pair.name}'"
    if pair.own.shape != pair.other.shape or pair.own.dtype != pair.other.dtype:
        measured = f"{pair.own.dtype} {pair.own.shape[1:]} (baseline: {pair.other.dtype} {pair.other.shape[1:]})"
        return Check(name=name, status="different", measured=measured)
    mine, theirs = pair.own.astype(np.float64), pair.other.astype(np.float64)
    spread = float(theirs.std()) or 1.0
    off = abs(float(mine.mean()) - float(theirs.mean())) / spread
    reason = "random transforms give another sample each time: only form and statistics can be compared"
    return Check(
        name=f"form and statistics of '{pair.name}'",
        status="within_tolerance" if off <= _ALIKE else "different",
        measured=f"means {off:.2f} standard deviations apart",
        allowed=f"{_ALIKE:g}",
        reason=reason,
    )
