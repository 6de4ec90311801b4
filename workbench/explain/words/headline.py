"""The answer in one sentence, computed from the records."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from workbench.explain.breakdown import (
    BATCH_WAIT,
    UNATTRIBUTED,
    LaneBreakdown,
    bound_by_background,
    break_down,
    find_lane,
)
from workbench.explain.words.engine import engine_warning, training_warning
from workbench.explain.words.items import item_of, plural
from workbench.explain.words.verdicts import verdict_words
from workbench.records import CheckStatus, Comparison, Failure, Record, Startup, VariantResult
from workbench.units import counted, format_duration, format_rate, format_ratio, format_share

#: Of a failure's message.
_MOST_CHARACTERS = 160

#: A phase that takes less than this share of the start-up is not named by itself.
_SMALL_PHASE = 0.03


def run_headline(record: Record) -> str:
    """What one run says: its throughput, and what the main process spends its time on."""
    return f"{profilers_note(record)}{engine_warning(record)}{training_warning(record)}{_headline(record)}"


def profilers_note(record: Record) -> str:
    """What stands before the figures of a run that profilers have slowed down; empty for a clean run."""
    if not record.knobs.profilers:
        return ""
    overhead = record.profiler_overhead
    factor = f" {format_ratio(overhead.factor)} the time of a clean run" if overhead else " time themselves"
    clean = f" (the clean run: {overhead.run_ids[0]})" if overhead else ""
    return f"With profilers ({', '.join(record.knobs.profilers)}), which take{factor}{clean}: "


def _headline(record: Record) -> str:
    if record.failure is not None or record.steady is None:
        phase = f" while in phase '{record.failure.phase}'" if record.failure else ""
        return f"The run failed{phase}: {_why(record.failure, 'it left no steady part')}"
    rate = format_rate(record.steady.samples_per_s, item_of(record))
    marked = " (on a simulated device)" if record.simulated else ""
    if record.script is not None and record.script.ranks:
        ranks = record.script.ranks
        together = format_rate(sum(rank.samples_per_s for rank in ranks), item_of(record))
        marked += f" on rank {ranks[0].rank}, {together} on all {counted(len(ranks), 'rank')}"
    if record.ranks:
        marked += f" on {counted(len(record.ranks), 'rank')} together (what follows is rank 0's)"
    lanes = break_down(record)
    main = find_lane(lanes, "main")
    if main is None:
        return f"{rate}{marked}; stages were not timed."
    wrong = [lane for lane in lanes if not lane.closes]
    doubt = "".join(f" The stages of the {lane.lane} lane do not add up to its time." for lane in wrong)
    finding = largest_part(lanes, item_of(record))
    if bound_by_background(lanes):
        busy = format_share(main.background_busy)
        finding = f"the background thread of the main process bounds the run: it is at work {busy} of the time"
    return f"{rate}{marked}; {finding}.{doubt}"


def largest_part(lanes: list[LaneBreakdown], item: str = "sample") -> str:
    """What the main process spends most of its time on: ``"60 % of the time the main process waits for a batch"``.

    Args:
        lanes: The lanes of a run, the main process's among them. Without workers it loads batches, and waits for none.
        item: What one sample is called.
    """
    main = find_lane(lanes, "main")
    assert main is not None
    largest = max(main.parts, key=lambda part: part.share)
    share = format_share(largest.share)
    if largest.stage == BATCH_WAIT and any(lane.in_main for lane in lanes):
        return f"the main process spends {share} of its time on loading {plural(item)} itself (num_workers=0)"
    if largest.stage == UNATTRIBUTED:
        return f"{share} of the main process's time is in no stage"
    if largest.kind.role == "wait":
        meaning = largest.kind.meaning.rstrip(".") or f"the main process waits in '{largest.stage}'"
        return f"{share} of the time {meaning}"
    return f"the main process spends {share} of its time in '{largest.stage}'"


def startup_words(startup: Startup) -> str:
    """How long the start-up was, by phase, the longest first: ``"127 s (warm-up steps 120 s, imports 3.51 s, ...)"``.

    The phases add up to the whole: small ones, and what lies between them, are the rest, named "other".
    """
    phases = {
        "imports": startup.imports_s,
        "data set": startup.dataset_s or 0.0,
        "cache fill": startup.cache_fill_s or 0.0,
        "model": startup.model_s or 0.0,
        "engine": startup.engine_s or 0.0,
        "building data sets and model": startup.building_s or 0.0,
        "first batch": startup.workers_s,
        "warm-up steps": startup.warmup_s,
    }
    named = {name: s for name, s in phases.items() if s >= _SMALL_PHASE * startup.total_s}
    parts = [f"{name} {format_duration(named[name])}" for name in sorted(named, key=named.__getitem__, reverse=True)]
    other_s = startup.total_s - sum(named.values())
    if other_s > 0.0005 * startup.total_s:
        parts.append(f"other {format_duration(other_s)}")
    return f"{format_duration(startup.total_s)} ({', '.join(parts)})"


#: What is not known of a result, by the status of its checks.
_UNPROVED: dict[CheckStatus, str] = {
    "not_comparable": " (whether its result is the same was not checked)",
    "cannot_tell": " (whether its result is as good cannot be told from these samples)",
}


def comparison_headline(comparison: Comparison) -> str:
    """Which variant is faster, by how much, and whether its result can be trusted."""
    baseline = comparison.base
    if baseline is None or baseline.verdict == "failed":
        failure = baseline.failure if baseline else None
        return f"There is no result: the baseline failed ({_why(failure, 'it did not run')})."
    others = comparison.others
    faster = [variant for variant in others if variant.verdict == "faster"]
    sound = [variant for variant in faster if not _is_different(variant)]
    wrong = [variant for variant in faster if _is_different(variant)]
    warning = "".join(f" '{v.name}' is faster, and WRONG: its result is not the baseline's." for v in wrong)
    if not sound:
        undecided = [variant for variant in others if variant.verdict == "inconclusive"]
        failed = [variant for variant in others if variant.verdict == "failed"]
        if undecided and len(undecided) + len(wrong) + len(failed) == len(others):
            answer = f"Not enough data yet to say whether a variant is faster than '{baseline.name}'"
            return f"{answer}{_others(others)}.{warning}"
        return f"No variant is faster than '{baseline.name}'{_others(others)}.{warning}"
    best = max(sound, key=_speedup)
    marked = " on a simulated device" if best.simulated else ""
    status = best.checks.status if best.checks is not None else "not_comparable"
    unproved = _UNPROVED.get(status, "")
    sentence = f"'{best.name}' is {_factor(best)} as fast as '{baseline.name}'{marked}{unproved}"
    return f"{sentence}{_others([variant for variant in others if variant is not best])}.{warning}"


def _others(others: Sequence[VariantResult]) -> str:
    if not others:
        return ""
    return "; " + ", ".join(f"'{variant.name}' {_verdict(variant)}" for variant in others)


def _verdict(variant: VariantResult) -> str:
    if variant.verdict == "failed":
        return f"failed ({_why(variant.failure, 'no reason given')})"
    if variant.verdict == "inconclusive":
        text = "is undecided"
    else:
        text = f"{'shows' if variant.verdict == 'no_difference' else 'is'} {verdict_words(variant)}"
    return f"{text} ({_factor(variant)})" if variant.speedup else text


def _why(failure: Failure | None, otherwise: str) -> str:
    """The first line of what happened, cut where it is too long for a headline."""
    line = next(iter(failure.message.splitlines()), "") if failure else ""
    return textwrap.shorten(line, _MOST_CHARACTERS, placeholder=" ...") or otherwise


def _factor(variant: VariantResult) -> str:
    assert variant.speedup is not None
    interval = "" if variant.speedup.ci95 is None else " [{:.2f}, {:.2f}]".format(*variant.speedup.ci95)
    return f"{format_ratio(variant.speedup.estimate)}{interval}"


def _speedup(variant: VariantResult) -> float:
    return variant.speedup.estimate if variant.speedup else 0.0


def _is_different(variant: VariantResult) -> bool:
    return variant.checks is not None and variant.checks.is_different
