"""What a self-test says, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.records import FalseVerdicts, Planted, SelfTest, Share
from workbench.units import counted, format_duration, format_share


def selftest_lines(test: SelfTest) -> Iterator[str]:
    """All that it says, a line for each figure."""
    yield machine_line(test)
    yield (
        f"{counted(test.num_blocks, 'block')} with {test.num_identical} identical variants in each, {_trials(test)}; "
        f"two identical trials of a block differ by {format_share(test.spread)} (standard deviation); "
        f"disturbed: {counted(test.disturbed, 'trial')}."
    )
    for rates in test.false_verdicts:
        yield f"Identical variants were called different {_false(rates)}."
    began = "ran" if test.policy.slicing is None else "was started"
    low, high = test.first_slot.ci95 or (float("nan"), float("nan"))
    yield (
        f"Whichever identical variant {began} first in its block had {test.first_slot.estimate:.3f} "
        f"[{low:.3f}, {high:.3f}] times the throughput of the last one. Had one of them always done so, they "
        f"would have been called different {_false(test.pinned)}."
    )
    for planted in test.planted:
        yield _planted(planted, test)
    for row in test.detectable:
        what = "no verdict" if row.effect is None else f"differences from {format_share(row.effect)} on"
        yield f"In {row.minutes:g} min ({counted(row.num_blocks, 'block')} of two such trials): {what}."
    yield (
        "Intervals are of 95 %. Real comparisons share no trial; resampled ones are drawn from the same blocks, and "
        "their intervals come from leaving out each block in turn."
    )
    yield from test.notes


def machine_line(test: SelfTest | None) -> str:
    """``"This machine can detect a difference of 3.0 % in 4 minutes (two variants, trials of 4.1 s): ..."``."""
    if test is None:
        return "`workbench selftest` measures which differences this machine can detect, and how often it errs."
    found = [row for row in test.detectable if row.effect is not None]
    if not found:
        return "This machine's self-test was too short to say which differences it can detect."
    row = next((row for row in found if row.minutes >= 4.0), found[-1])
    wrong = test.false_verdicts[0]
    return (
        f"This machine can detect a difference of {format_share(row.effect)} in {row.minutes:g} minutes (two variants, "
        f"{_trials(test)}); its self-test of {test.created_at[:10]} called identical "
        f"variants different in {wrong.real.count} of {wrong.real.of} real comparisons and in "
        f"{format_share(wrong.resampled.share)} of resampled ones."
    )


def _trials(test: SelfTest) -> str:
    """``"trials of 11 s that take turns"``."""
    return f"trials of {format_duration(test.trial_s)}{'' if test.policy.slicing is None else ' that take turns'}"


def _false(rates: FalseVerdicts) -> str:
    counts = f"{_share(rates.real)} real, {_share(rates.resampled)} resampled comparisons"
    return f"in {counts} (up to {counted(rates.most_blocks, 'block')})"


def _planted(planted: Planted, test: SelfTest) -> str:
    return (
        f"'{planted.stage}' slowed by {format_share(planted.planted)} of the whole ({planted.asked * 100:g} % was "
        f"asked for), up to {counted(test.most_blocks, 'block')}: found in {_share(planted.real)} real, "
        f"{_share(planted.found)} resampled comparisons, in the median after block {planted.median_blocks:g}; "
        f"estimated at {format_share(planted.estimate)}; the interval held it in {_share(planted.covered)}."
    )


def _share(share: Share) -> str:
    if share.share is None:
        return "none of 0"
    low, high = share.ci95
    return f"{share.count} of {share.of} ({format_share(share.share)} [{low * 100:.1f}, {high * 100:.1f}])"
