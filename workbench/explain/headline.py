"""The answer in one sentence, computed from the records."""

from __future__ import annotations

import textwrap

from workbench.explain.breakdown import UNATTRIBUTED, LaneBreakdown, bound_by_background, break_down, find_lane
from workbench.explain.verdicts.verdict_words import verdict_words
from workbench.explain.words.items import item_of, plural
from workbench.records import Comparison, Failure, Record, VariantResult
from workbench.units import format_rate, format_ratio, format_share


def run_headline(record: Record) -> str:
    """What one run says: its throughput, and what the main process spends its time on."""
    if record.failure is not None or record.steady is None:
        phase = f" while in phase '{record.failure.phase}'" if record.failure else ""
        return f"The run failed{phase}: {_why(record.failure, 'it left no steady part')}"
    item = item_of(record)
    rate = format_rate(record.steady.samples_per_s, item)
    marked = " (on a simulated device)" if record.simulated else ""
    lanes = break_down(record)
    main = find_lane(lanes, "main")
    if main is None:
        return f"{rate}{marked}; stages were not timed."
    open_lanes = [lane for lane in lanes if not lane.closes]
    doubt = "".join(f" The stages of the {lane.lane} lane do not add up to its time." for lane in open_lanes)
    finding = largest_part(main, item)
    if bound_by_background(lanes):
        busy = format_share(main.background_busy)
        finding = f"the background thread of the main process bounds the run: it is at work {busy} of the time"
    return f"{rate}{marked}; {finding}.{doubt}"


def largest_part(main: LaneBreakdown, item: str = "sample") -> str:
    """What the main process spends most of its time on: ``"the main process spends 60 % of its time ..."``.

    Args:
        main: Its lane.
        item: What one sample is called.
    """
    largest = max(main.parts, key=lambda part: part.share)
    meaning = {
        "wait": f"waiting for {plural(item)}",
        "fetch": "waiting for the device",
        "drain": "waiting for the device",
        "backlog": "waiting for its background thread",
        UNATTRIBUTED: "on something that no stage explains",
    }.get(largest.stage, f"in '{largest.stage}'")
    return f"the main process spends {format_share(largest.share)} of its time {meaning}"


def comparison_headline(comparison: Comparison) -> str:
    """Which variant is faster, by how much, and whether its result can be trusted."""
    baseline = next((one for one in comparison.variants if one.name == comparison.baseline), None)
    if baseline is None or baseline.verdict == "failed":
        failure = baseline.failure if baseline else None
        return f"Nothing can be said: the baseline failed ({_why(failure, 'it did not run')})."
    others = [one for one in comparison.variants if one is not baseline]
    sound = [one for one in others if one.verdict == "faster" and not _is_different(one)]
    wrong = [one for one in others if one.verdict == "faster" and _is_different(one)]
    warning = "".join(f" '{one.name}' is fast, and WRONG: its result is not the baseline's." for one in wrong)
    if not sound:
        return f"No variant is faster than '{baseline.name}'{_others(others)}.{warning}"
    best = max(sound, key=_speedup)
    marked = " on a simulated device" if best.simulated else ""
    unproved = "" if best.parity and best.parity.status else " (whether its result is the same was not checked)"
    sentence = f"'{best.name}' is {_factor(best)} as fast as '{baseline.name}'{marked}{unproved}"
    return f"{sentence}{_others([one for one in others if one is not best])}.{warning}"


_WHY_CHARACTERS = 160


def _others(others: list[VariantResult]) -> str:
    if not others:
        return ""
    return "; " + ", ".join(f"'{one.name}' {_told(one)}" for one in others)


def _told(one: VariantResult) -> str:
    if one.verdict == "failed":
        return f"failed ({_why(one.failure, 'no reason given')})"
    verb = "shows" if one.verdict == "no_difference" else "has" if one.verdict == "inconclusive" else "is"
    told = f"{verb} {verdict_words(one)}"
    return f"{told} ({_factor(one)})" if one.speedup else told


def _why(failure: Failure | None, otherwise: str) -> str:
    """The first line of what happened, cut where it is too long for a headline."""
    line = next(iter(failure.message.splitlines()), "") if failure else ""
    return textwrap.shorten(line, _WHY_CHARACTERS, placeholder=" ...") or otherwise


def _factor(one: VariantResult) -> str:
    assert one.speedup is not None
    interval = "" if one.speedup.ci95 is None else " [{:.2f}, {:.2f}]".format(*one.speedup.ci95)
    return f"{format_ratio(one.speedup.estimate)}{interval}"


def _speedup(one: VariantResult) -> float:
    return one.speedup.estimate if one.speedup else 0.0


def _is_different(one: VariantResult) -> bool:
    return one.parity is not None and one.parity.status == "different"
