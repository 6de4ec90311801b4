"""Sentences about a comparison: verdicts, what undecided ones need, how it was measured, what the machine did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from workbench.explain.verdicts.strata import differs_between_nodes
from workbench.explain.words.items import counted, item_of
from workbench.records import Comparison, ComparisonState, Policy, Record, Resolution, Stop, VariantResult
from workbench.units import format_duration, format_ratio, format_share

#: Shares of the file cache that differ by less are the same.
_SAME_SHARE = 0.01

#: A difference above this is none that anybody measures for.
_LARGEST_EFFECT = 1.0

#: More blocks than these would take longer than a smaller question, or a quieter machine.
_WORTH_IT = 24

_FORKED = (
    " From the second block on, trials of a workload are forked from a process that has imported everything: their "
    "start-up is left out."
)
_ON_NODES = (
    " All trials of a block ran on one node. The effect is the mean over the nodes, and its interval goes by how far "
    "blocks scatter within each."
)

_STOPS = {
    "clear": "Sampling ended early, when every verdict was clear.",
    "blocks": "Sampling ended with the last of the planned blocks.",
    "budget": "Sampling ended when the time was up.",
    "cancelled": "Sampling was cancelled.",
    "failed": "Sampling ended when the baseline failed.",
    "lost": "Sampling ended when no node was left.",
}


def verdict_words(variant: VariantResult) -> str:
    """The verdict on a variant: ``"faster"``, ``"no detectable difference (below 1.4 %)"``, ``"not enough data"``."""
    if variant.verdict == "no_difference":
        if variant.speedup is None or variant.speedup.ci95 is None:
            return "no detectable difference"
        low, high = variant.speedup.ci95
        return f"no detectable difference (below {format_share(max(high - 1.0, 1.0 / low - 1.0))})"
    return {None: "baseline", "inconclusive": "not enough data"}.get(variant.verdict, str(variant.verdict))


def what_it_needs(variant: VariantResult, comparison: Comparison) -> str:
    """What an undecided verdict needs: ``"needs about 4 more blocks (2.1 min)"``; empty where it is decided."""
    if variant.verdict != "inconclusive" or variant.speedup is None:
        return ""
    return needs(variant.more_blocks, comparison)


def needs(more_blocks: int | None, comparison: Comparison) -> str:
    """``"needs about 4 more blocks (2.1 min)"``.

    Args:
        more_blocks: None: more than anybody would run.
        comparison: Says what a block takes.
    """
    if more_blocks is None:
        return "needs thousands of blocks: more will not decide it"
    is_worth_it = more_blocks <= _WORTH_IT
    number = more_blocks if is_worth_it else round(more_blocks, 1 - len(str(more_blocks)) + 1)
    time = "" if comparison.block_s is None else f" ({_minutes(number * comparison.block_s)})"
    text = f"needs about {number} more {_blocks(number)}{time}"
    return text if is_worth_it else f"{text}: too many to decide it sensibly"


def how_it_was_measured(comparison: Comparison) -> list[str]:
    """The rules that were fixed in advance, and how it went: a sentence or two each."""
    sentences = [_design(comparison), _rules(comparison.policy, len(comparison.others))]
    if comparison.stop is not None:
        sentences.append(why_it_ended(comparison.stop))
    return [*sentences, *_disturbances(comparison), *_file_cache(comparison)]


def why_it_ended(stop: Stop) -> str:
    """Why no further block was run, as a sentence."""
    return _STOPS[stop]


def detectable_difference(resolution: Resolution | None) -> str:
    """``"By the spread between its blocks, such a comparison detects differences from 3.1 % on in 2.1 min ..."``."""
    if resolution is None:
        return "There are too few blocks to say which differences such a comparison can detect."
    if resolution.effect > _LARGEST_EFFECT:
        return "Its blocks scatter so much that such a comparison detects no difference below 2x."
    time = _minutes(resolution.num_blocks * resolution.block_s)
    return (
        "By the spread between its blocks, such a comparison detects differences from "
        f"{format_share(resolution.effect)} on in {time} ({resolution.num_blocks} {_blocks(resolution.num_blocks)}): a "
        "difference of that size is found in nine of ten."
    )


def machine_conditions(records: Mapping[str, Sequence[Record]]) -> list[str]:
    """What the machine did while the trials of a comparison ran, in a sentence; none where nobody watched."""
    seen = [record.machine for trials in records.values() for record in trials if record.machine is not None]
    if not seen:
        return []
    others = [machine.other_cores for machine in seen]
    loads = [machine.load_1min for machine in seen]
    parts = [
        f"Beside the trials, other processes kept {np.median(others):.2f} of {counted(seen[0].num_cores, 'core')} busy "
        f"(median; {min(others):.2f} to {max(others):.2f})",
        f"the host took away {format_share(max(machine.steal_share for machine in seen))} of the cores at most",
        f"the load before a trial was {min(loads):.1f} to {max(loads):.1f}",
    ]
    frequencies = [machine.frequency_mhz for machine in seen if machine.frequency_mhz is not None]
    parts.append(f"cores ran at {_range(frequencies)} MHz" if frequencies else "their frequency cannot be read here")
    temperatures = [machine.temperature_c for machine in seen if machine.temperature_c is not None]
    parts.append(f"they had {_range(temperatures)} °C" if temperatures else "their temperature cannot be read here")
    return [f"{', '.join(parts)}."]


def no_turns(state: ComparisonState) -> list[str]:
    """Why trials took no turns, where they were to: a sentence, or none."""
    if not state.whole_because:
        return []
    return [f"One trial ran after the other, whole, and not in turns of some seconds: {state.whole_because}."]


def ratios_by_node(comparison: Comparison) -> list[str]:
    """How much faster each variant is on each node, and where nodes contradict each other: sentences."""
    sentences = []
    for variant in comparison.others:
        if not variant.by_node:
            continue
        listed = [f"{format_ratio(r.estimate)} on {r.node} ({counted(r.num_blocks, 'block')})" for r in variant.by_node]
        sentences.append(f"By node, the speed-up of '{variant.name}' is {', '.join(listed)}.")
        if differs_between_nodes(variant.by_node, comparison.policy):
            sentences.append(
                f"'{variant.name}' differs between nodes: it is faster on one and slower on another, so that there is "
                "no verdict for all of them. Compare on each node by itself."
            )
    return sentences


def _design(comparison: Comparison) -> str:
    warm_up = "A warm-up trial, which does not count, then " if comparison.warmup_run_id else ""
    slicing = comparison.policy.slicing
    if slicing is not None:
        return (
            f"{comparison.num_blocks} {_blocks(comparison.num_blocks)} of one trial of every variant, in processes of "
            f"their own that live at once and take turns: each runs for about {format_duration(slicing.slice_s)}, or "
            f"for {slicing.least_steps} of its steps where that is longer, and the others are frozen meanwhile; "
            f"{slicing.rounds} times in a block, in balanced order (seed {comparison.seed})."
            f"{_ON_NODES if comparison.nodes else _FORKED}"
        )
    return (
        f"{warm_up}{comparison.num_blocks} {_blocks(comparison.num_blocks)} of one trial of every variant, each in a "
        "fresh process, in an order that is balanced for the place in the block and for what ran just before "
        f"(seed {comparison.seed}).{_ON_NODES if comparison.nodes else ''}"
    )


def _rules(policy: Policy, num_compared: int) -> str:
    together = f", of all {num_compared} variants together" if num_compared > 1 else ""
    spread = " Variants that scatter alike from block to block share their spread." if num_compared > 1 else ""
    return (
        f"The {policy.confidence * 100:g} % intervals hold{together}, however often one looks: they are wider for "
        f"looking after each of {counted(policy.planned_blocks, 'block')}, and for blocks that are added later. A "
        "variant is faster or slower where its interval is clear of 1 and the difference is at least "
        f"{policy.min_effect * 100:g} %; with fewer than {counted(policy.min_blocks, 'block')} there is no "
        f"verdict.{spread}{_known(policy)}{_limits(policy)}"
    )


def _known(policy: Policy) -> str:
    known = policy.known_spread
    if known is None:
        return ""
    return (
        f" In {counted(known.num_comparisons, 'earlier comparison')} on a machine like this one "
        f"({counted(known.num_blocks, 'block')}) two trials of a block were {format_share(known.value)} apart "
        "(standard deviation). Where the blocks of this one scatter less, an interval rests on that if it is narrower "
        "(a self-test goes by its own blocks alone)."
    )


def _limits(policy: Policy) -> str:
    budget = f" No block was to begin that would end after {_minutes(policy.budget_s)}." if policy.budget_s else ""
    return (
        f"{budget} A trial counts as disturbed where other processes keep {format_share(policy.disturbed_share)} of "
        f"the cores busy, or the host takes {format_share(policy.disturbed_steal)} of them away."
    )


def _disturbances(comparison: Comparison) -> list[str]:
    sentences = []
    repeated = [trial for trial in comparison.disturbed if trial.repeated]
    kept = [trial for trial in comparison.disturbed if not trial.repeated]
    if repeated:
        which = "; ".join(f"'{t.variant}' in block {t.block + 1}, {', '.join(t.disturbed)}" for t in repeated)
        sentences.append(f"Disturbed and repeated: {which}. The records of both are kept.")
    count, num_trials = len(comparison.disturbed), comparison.num_trials or 0
    if count > comparison.policy.busy_share * num_trials > 0:
        sentences.append(
            f"Disturbed: {count} of {counted(num_trials, 'trial')}. This machine was hardly ever quiet, and then none "
            "is repeated; on a quiet machine fewer blocks would do."
        )
    elif kept:
        worst = max(kept, key=lambda trial: len(trial.disturbed))
        sentences.append(
            f"Of the trials that count, {len(kept)} {'was' if len(kept) == 1 else 'were'} disturbed and could not be "
            f"repeated undisturbed ('{worst.variant}' in block {worst.block + 1}: {', '.join(worst.disturbed)})."
        )
    return sentences


def _file_cache(comparison: Comparison) -> list[str]:
    files = f"{item_of(comparison)} files"
    removed = f"The {files} were removed from the file cache before every trial"
    if comparison.files_cached is None:
        return [f"{removed}; whether they were gone could not be seen."] if comparison.cold_cache else []
    least, most = comparison.files_cached
    share = format_share(least) if most - least < _SAME_SHARE else f"{format_share(least)} to {format_share(most)}"
    if comparison.cold_cache:
        return [f"{removed}: {share} of them were still there."]
    sentence = f"When trials began, {share} of the {files} were in the file cache"
    if least >= 1.0 - _SAME_SHARE:
        return [f"{sentence}."]
    return [f"{sentence}: they are not read ahead where they take more than half of the free memory."]


def _blocks(count: int) -> str:
    return "block" if count == 1 else "blocks"


def _range(values: Sequence[float]) -> str:
    low, high = round(min(values)), round(max(values))
    return f"{low}" if low == high else f"{low} to {high}"


def _minutes(seconds: float) -> str:
    if seconds >= 2 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.1f} min" if seconds >= 60 else format_duration(seconds)
