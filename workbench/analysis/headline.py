"""The answer in one sentence, computed from the records."""

from __future__ import annotations

from workbench.analysis.breakdown import break_down, find_lane
from workbench.records import Comparison, Record, VariantResult
from workbench.units import format_rate, format_ratio, format_share


def run_headline(record: Record) -> str:
    """What one run says: its throughput, and what the main process spends its time on."""
    if record.failure is not None or record.steady is None:
        what = record.failure.message.splitlines()[0] if record.failure else "it left no steady part"
        phase = f" while in phase '{record.failure.phase}'" if record.failure else ""
        return f"The run failed{phase}: {what}"
    rate = format_rate(record.steady.pages_per_s)
    marked = " (on a simulated device)" if record.simulated else ""
    main = find_lane(break_down(record), "main")
    if main is None:
        return f"{rate}{marked}; stages were not timed."
    largest = max(main.parts, key=lambda part: part.share)
    meaning = {
        "wait": "waiting for pages",
        "fetch": "waiting for the device",
        "unattributed": "something that no stage explains",
    }.get(largest.stage, f"in '{largest.stage}'")
    sentence = f"{rate}{marked}; the main process spends {format_share(largest.share)} of its time {meaning}."
    return sentence if main.closes else f"{sentence} The breakdown does not close ({format_share(main.closure)})."


def comparison_headline(comparison: Comparison) -> str:
    """Which variant is faster, by how much, and whether its result can be trusted."""
    baseline = next((one for one in comparison.variants if one.name == comparison.baseline), None)
    if baseline is None or baseline.failure is not None:
        what = baseline.failure.message.splitlines()[0] if baseline and baseline.failure else "it did not run"
        return f"Nothing can be said: the baseline failed ({what})."
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


_WORDS = {
    "faster": "faster",
    "slower": "slower",
    "no_difference": "no different",
    "inconclusive": "undecided",
    "failed": "failed",
}


def _others(others: list[VariantResult]) -> str:
    if not others:
        return ""
    told = [f"'{one.name}' is {_told(one)}" if one.verdict != "failed" else f"'{one.name}' failed" for one in others]
    return "; " + ", ".join(told)


def _told(one: VariantResult) -> str:
    word = _WORDS[one.verdict or "inconclusive"]
    return f"{word} ({_factor(one)})" if one.speedup else word


def _factor(one: VariantResult) -> str:
    assert one.speedup is not None
    interval = "" if one.speedup.ci95 is None else " [{:.2f}, {:.2f}]".format(*one.speedup.ci95)
    return f"{format_ratio(one.speedup.estimate)}{interval}"


def _speedup(one: VariantResult) -> float:
    return one.speedup.estimate if one.speedup else 0.0


def _is_different(one: VariantResult) -> bool:
    return one.parity is not None and one.parity.status == "different"
