"""Is a change slower than is allowed? The answer for a continuous integration job, and its summary."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from workbench.explain.verdicts.comparison import has_failed
from workbench.explain.verdicts.effect import Samples, estimate, more_blocks
from workbench.explain.verdicts.strata import by_node, differs_between_nodes, judged_log_ratios, stratified
from workbench.explain.words.items import item_of, plural
from workbench.explain.words.verdicts import how_it_was_measured, needs
from workbench.records import CheckStatus, Comparison, Interval, Policy, Record, VariantResult
from workbench.units import format_number, format_ratio, format_share
from workbench.visible import visible

Answer = Literal["passed", "slower", "cannot_tell", "failed"]

_ANSWERS: dict[Answer, str] = {
    "passed": "Passed: not more than {most} slower than {reference}",
    "slower": "Slower: more than {most} slower than {reference}",
    "cannot_tell": "Cannot tell whether it is more than {most} slower than {reference}",
    "failed": "Failed: there is nothing to compare",
}

_CODE = re.compile(r"`([^`]+)`")

#: Up to this many ratios are named one by one.
_FEW = 6

_RESULTS: dict[CheckStatus, str] = {
    "same": "The result is the same.",
    "within_tolerance": "The result is the same within the tolerance.",
    "cannot_tell": "Whether the result is as good cannot be told from so few samples.",
    "different": "**The result is different**: no speed makes up for that.",
    "not_comparable": "Whether the result is the same could not be checked.",
}


def answer(comparison: Comparison, *, most_slowdown: float) -> Answer:
    """Whether the one variant is slower than the baseline by more than is allowed.

    Args:
        comparison: The reference is its baseline.
        most_slowdown: What is allowed, as a share: with 0.05 the variant may take 5 % longer for a sample.

    Returns:
        `passed` or `slower` where the whole interval lies on one side of what is allowed; else `cannot_tell`.
    """
    change = candidate(comparison)
    if change is None or "failed" in [variant.verdict for variant in comparison.variants]:
        return "failed"
    if differs_between_nodes(change.by_node, comparison.policy):
        return "cannot_tell"
    return _answer(change.speedup, most_slowdown)


def is_clear(records: Mapping[str, Sequence[Record]], policy: Policy, *, most_slowdown: float) -> bool:
    """Whether further blocks would say nothing new of the last of two variants against the first."""
    reference, change = records.values()
    if has_failed(change):
        return True
    if differs_between_nodes(by_node(change, reference), policy):
        return False
    return _answer(estimate(judged_log_ratios(change, reference), policy), most_slowdown) != "cannot_tell"


def candidate(comparison: Comparison) -> VariantResult | None:
    """The variant that is compared with the reference; None where it has not run."""
    return next(iter(comparison.others), None)


def summary(comparison: Comparison, *, most_slowdown: float) -> str:
    """The answer as Markdown, for a pull request; how it was measured is folded."""
    of_data = comparison.description.notes if comparison.description is not None else []
    how = [f"- {_sentence(line)}" for line in [*how_it_was_measured(comparison), *comparison.notes, *of_data]]
    folded = ["<details><summary>How it was measured</summary>", "", *how, "", "</details>"]
    return "\n".join([brief(comparison, most_slowdown=most_slowdown), *folded, ""])


def brief(comparison: Comparison, *, most_slowdown: float) -> str:
    """The answer as Markdown: a line, a small table, what its figures are, and three points at most."""
    found = answer(comparison, most_slowdown=most_slowdown)
    reference = f"`{_escaped(comparison.baseline)}`"
    lines = [
        f"### {_ANSWERS[found].format(most=format_share(most_slowdown), reference=reference)}",
        "",
        f"| | median {_escaped(plural(item_of(comparison)))}/s | speed-up | 95 % interval |",
        "|---|---|---|---|",
        *map(_row, comparison.variants),
        "",
        *_paired(comparison),
    ]
    for variant in comparison.variants:
        if variant.failure is not None:
            why = _escaped(next(iter(variant.failure.message.splitlines()), ""))
            lines.append(f"- **{_escaped(variant.name)}** failed in phase {variant.failure.phase}: {why}")
        if variant.checks is not None:
            lines.append(f"- {_RESULTS[variant.checks.status]}")
    if found == "cannot_tell":
        lines.append(f"- To tell, it {needs(_more_blocks(comparison, most_slowdown), comparison)}.")
    return "\n".join(lines).rstrip() + "\n"


def _paired(comparison: Comparison) -> list[str]:
    """Why the speed-up is not the ratio of the medians beside it."""
    ratios = np.exp(_log_ratios(comparison))
    if len(ratios) < 2:
        return []
    each = ", ".join(map(format_ratio, ratios)) if len(ratios) <= _FEW else ""
    span = each or f"{len(ratios)} of them, {format_ratio(min(ratios))} to {format_ratio(max(ratios))}"
    return [f"The speed-up is the mean of the blocks' own ratios ({span}), not the ratio of the medians.", ""]


def _row(variant: VariantResult) -> str:
    rate = format_number(variant.samples_per_s.median) if variant.samples_per_s else "-"
    rate += " (simulated device)" if variant.simulated and variant.samples_per_s else ""
    speedup = variant.speedup
    interval = "{:.3f} to {:.3f}".format(*speedup.ci95) if speedup and speedup.ci95 else "-"
    factor = format_ratio(speedup.estimate) if speedup else "-"
    return f"| {_escaped(variant.name)} | {rate} | {factor} | {interval} |"


def _answer(speedup: Interval | None, most_slowdown: float) -> Answer:
    if speedup is None or speedup.ci95 is None:
        return "cannot_tell"
    low, high = speedup.ci95
    allowed = 1.0 / (1.0 + most_slowdown)
    return "passed" if low >= allowed else "slower" if high < allowed else "cannot_tell"


def _more_blocks(comparison: Comparison, most_slowdown: float) -> int | None:
    """How many more blocks would decide, if they were like those so far; None where nodes contradict each other."""
    change = candidate(comparison)
    if change is not None and differs_between_nodes(change.by_node, comparison.policy):
        return None
    ratios = _log_ratios(comparison)
    nodes = comparison.nodes if len(comparison.nodes) == len(ratios) else [""] * len(ratios)
    return more_blocks(
        stratified(ratios, nodes),
        comparison.policy,
        is_decided=lambda interval: _answer(interval, most_slowdown) != "cannot_tell",
    )


def _log_ratios(comparison: Comparison) -> Samples:
    """float64 [blocks]: log of the variant's throughput over the reference's, of each block that both ended well."""
    pair = (candidate(comparison), comparison.base)
    own, other = (row.samples_per_s.per_block if row and row.samples_per_s else [] for row in pair)
    return np.array([np.log(a / b) for a, b in zip(own, other, strict=False) if a and b])


def _sentence(text: str) -> str:
    """A sentence whose names stay text in Markdown: only what stands between backticks is code."""
    parts = _CODE.split(" ".join(text.split()))
    return "".join(f"`{visible(part)}`" if place % 2 else _escaped(part) for place, part in enumerate(parts))


def _escaped(text: str) -> str:
    """Text that stays text in a Markdown table."""
    text = visible(" ".join(text.splitlines()))
    for mark in "\\`*_[]<>|":
        text = text.replace(mark, f"\\{mark}")
    return text
