"""What a self-test says, in words."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.records import FalseVerdicts, Planted, SelfTest, Share
from workbench.units import format_duration, format_share


def selftest_lines(test: SelfTest) -> Iterator[str]:
    """All that it says, a line a figure."""
    yield machine_line(test)
    yield (
        f"{test.num_blocks} blocks with {test.num_identical} identical variants in each, trials of "
        f"{format_duration(test.trial_s)}; two identical trials of a block differ by {format_share(test.spread)} "
        f"(standard deviation); {test.disturbed} trials were disturbed."
    )
    for rates in test.false_verdicts:
        yield f"Identical variants were told apart, {_false(rates)}."
    low, high = test.first_slot.ci95 or (float("nan"), float("nan"))
    yield (
        f"Whichever identical variant ran first in its block had {test.first_slot.estimate:.3f} "
        f"[{low:.3f}, {high:.3f}] times the throughput of the last one. Had one of them always run first, they were "
        f"told apart, {_false(test.pinned)}."
    )
    for one in test.planted:
        yield _planted(one, test)
    for tell in test.tellable:
        what = "no verdict" if tell.effect is None else f"differences from {format_share(tell.effect)} on"
        yield f"In {tell.minutes:g} min ({tell.num_blocks} blocks of two such trials): {what}."
    yield (
        "Intervals are of 95 %. Real comparisons share no trial; resampled ones are drawn from the same blocks, and "
        "their intervals come from leaving out each block in turn."
    )
    yield from test.notes


def machine_line(test: SelfTest | None) -> str:
    """``"This machine can tell 3.0 % in 4 minutes (two variants, trials of 4.1 s): ..."``."""
    if test is None:
        return "Which differences this machine can tell at all, and how often it errs, says `workbench selftest`."
    told = [tell for tell in test.tellable if tell.effect is not None]
    if not told:
        return "This machine's self-test was too short to say which differences it can tell."
    tell = next((one for one in told if one.minutes >= 4.0), told[-1])
    wrong = test.false_verdicts[0]
    return (
        f"This machine can tell {format_share(tell.effect)} in {tell.minutes:g} minutes (two variants, trials of "
        f"{format_duration(test.trial_s)}); its self-test of {test.created_at[:10]} told identical variants apart in "
        f"{wrong.real.count} of {wrong.real.of} real comparisons and in {format_share(wrong.resampled.share)} of "
        f"resampled ones."
    )


def _false(rates: FalseVerdicts) -> str:
    counts = f"{_share(rates.real)} real, {_share(rates.resampled)} resampled comparisons"
    return f"up to {rates.most_blocks} blocks: {counts}"


def _planted(one: Planted, test: SelfTest) -> str:
    return (
        f"'{one.stage}' slowed by {format_share(one.planted)} of the whole ({one.asked * 100:g} % was asked for), up "
        f"to {test.most_blocks} blocks: found in {_share(one.real)} real, {_share(one.found)} resampled "
        f"comparisons, after {one.median_blocks:g} blocks (median); estimated at {format_share(one.estimate)}; the "
        f"interval held it in {_share(one.covered)}."
    )


def _share(share: Share) -> str:
    if share.share is None:
        return "none of 0"
    low, high = share.ci95
    return f"{share.count} of {share.of} ({format_share(share.share)} [{low * 100:.1f}, {high * 100:.1f}])"
