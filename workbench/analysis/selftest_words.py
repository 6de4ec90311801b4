"""What a self-test says, in words."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.records import FalseVerdicts, Planted, SelfTest, Share
from workbench.units import format_duration, format_share


def selftest_lines(test: SelfTest) -> Iterator[str]:
    """All that it says, a line a figure."""
    yield machine_line(test)
    yield (
        f"{test.num_blocks} blocks of trials that take {format_duration(test.trial_s)} each; two identical trials of a "
        f"block differ by {format_share(test.spread)} (standard deviation); {test.disturbed} trials were disturbed."
    )
    yield f"Identical variants were told apart: {_false(test.false_verdicts)}."
    yield f"If one of them had always run first: {_false(test.pinned)}."
    for one in test.planted:
        yield _planted(one, test)
    for tell in test.tellable:
        what = "no verdict" if tell.effect is None else f"differences from {format_share(tell.effect)} on"
        yield f"In {tell.minutes:g} min ({tell.num_blocks} blocks of two such trials): {what}."
    yield from test.notes


def machine_line(test: SelfTest | None) -> str:
    """``"This machine can tell 3.0 % in 4 minutes (two variants, trials of 4.1 s): ..."``."""
    if test is None:
        return "Which differences this machine can tell at all, and how often it errs, says `workbench selftest`."
    told = [tell for tell in test.tellable if tell.effect is not None]
    if not told:
        return "This machine's self-test was too short to say which differences it can tell."
    tell = next((one for one in told if one.minutes >= 4.0), told[-1])
    wrong = test.false_verdicts.resampled
    return (
        f"This machine can tell {format_share(tell.effect)} in {tell.minutes:g} minutes (two variants, trials of "
        f"{format_duration(test.trial_s)}); its self-test of {test.created_at[:10]} told identical variants apart in "
        f"{format_share(wrong.share)} of {wrong.of} comparisons."
    )


def _false(rates: FalseVerdicts) -> str:
    return f"{_share(rates.real)} real comparisons, {_share(rates.resampled)} resampled ones"


def _planted(one: Planted, test: SelfTest) -> str:
    return (
        f"'{one.stage}' slowed by {format_share(one.planted)} of the whole: found in {_share(one.found)} comparisons "
        f"of up to {test.most_blocks} blocks, after {one.median_blocks:g} of them (median); estimated at "
        f"{format_share(one.estimate)}; the interval held it in {_share(one.covered)}."
    )


def _share(share: Share) -> str:
    if share.share is None:
        return "none of 0"
    low, high = share.ci95
    return f"{share.count} of {share.of} ({format_share(share.share)} [{low * 100:.1f}, {high * 100:.1f}])"
