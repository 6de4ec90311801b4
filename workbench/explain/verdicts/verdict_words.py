"""The verdicts of a comparison in words, and how they were come to."""

from __future__ import annotations

from workbench.records import Comparison, Policy, Resolution, VariantResult
from workbench.units import format_duration, format_share

#: Shares of the page cache that differ by less are the same.
_SAME_SHARE = 0.01

_STOPS = {
    "clear": "Sampling ended early, when every verdict was clear.",
    "blocks": "Sampling ended with the last of the blocks that were asked for.",
    "budget": "Sampling ended when the time was up.",
    "cancelled": "Sampling was cancelled.",
    "failed": "Sampling ended when the baseline failed.",
}


def verdict_words(one: VariantResult) -> str:
    """The verdict on a variant: ``"faster"``, ``"no difference beyond 1.4 %"``, ``"not enough data"``."""
    if one.verdict == "no_difference" and one.speedup is not None and one.speedup.ci95 is not None:
        low, high = one.speedup.ci95
        return f"no difference beyond {format_share(max(high - 1.0, 1.0 / low - 1.0))}"
    return {None: "baseline", "inconclusive": "not enough data"}.get(one.verdict, str(one.verdict).replace("_", " "))


def what_it_needs(one: VariantResult, comparison: Comparison) -> str:
    """What an undecided verdict needs: ``"needs about 4 more blocks (2.1 min)"``; empty where it is decided."""
    if one.verdict != "inconclusive" or one.speedup is None:
        return ""
    return needs(one.more_blocks, comparison)


def needs(more_blocks: int | None, comparison: Comparison) -> str:
    """``"needs about 4 more blocks (2.1 min)"``.

    Args:
        more_blocks: None: more than are foreseen.
        comparison: Says what a block takes.
    """
    if more_blocks is None:
        return "needs more blocks than are worth it"
    blocks = f"needs about {more_blocks} more block{'s' if more_blocks != 1 else ''}"
    return blocks if comparison.block_s is None else f"{blocks} ({_minutes(more_blocks * comparison.block_s)})"


def how_it_was_measured(comparison: Comparison) -> list[str]:
    """The rules that were fixed in advance, and what became of them: a sentence or two each."""
    told = [_design(comparison), _rules(comparison.policy, len(comparison.variants) - 1)]
    if comparison.stop is not None:
        told.append(_STOPS[comparison.stop])
    return [*told, *_disturbances(comparison), *_page_cache(comparison)]


def what_can_be_told(resolution: Resolution | None) -> str:
    """``"By the spread between its blocks, such a comparison tells 3.1 % in 2.1 min: ..."``."""
    if resolution is None:
        return "There are too few blocks to say which differences such a comparison can tell."
    time = _minutes(resolution.num_blocks * resolution.block_s)
    return (
        f"By the spread between its blocks, such a comparison tells {format_share(resolution.effect)} in {time}: "
        f"a difference of that size is found in nine of ten, with {resolution.num_blocks} blocks."
    )


def _design(comparison: Comparison) -> str:
    settled = "A warm-up trial, which counts nowhere, then " if comparison.warmup_run_id else ""
    blocks = f"{comparison.num_blocks} block{'s' if comparison.num_blocks != 1 else ''}"
    return (
        f"{settled}{blocks} of one trial of every variant, each in a fresh process, in an order that is balanced for "
        f"slot and for what came before (seed {comparison.seed})."
    )


def _rules(policy: Policy, num_compared: int) -> str:
    together = f", of all {num_compared} variants together" if num_compared > 1 else ""
    return (
        f"The {policy.confidence * 100:g} % intervals hold{together}, however often one looks: the error budget was "
        f"laid out over {policy.planned_blocks} blocks, and {format_share(policy.kept_error)} of it is kept for blocks "
        f"that are added later. A variant is faster or slower where its interval is clear of 1 and the difference is "
        f"at least {policy.min_effect * 100:g} %; with fewer than {policy.min_blocks} blocks nothing is said."
        f"{_limits(policy)}"
    )


def _limits(policy: Policy) -> str:
    budget = f" No block was to begin that would end after {_minutes(policy.budget_s)}." if policy.budget_s else ""
    return (
        f"{budget} A trial counts as disturbed where other processes keep {format_share(policy.disturbed_share)} of "
        f"the cores busy, or the host takes {format_share(policy.disturbed_steal)} of them away."
    )


def _disturbances(comparison: Comparison) -> list[str]:
    told = []
    repeated = [trial for trial in comparison.disturbed if trial.repeated]
    kept = [trial for trial in comparison.disturbed if not trial.repeated]
    if repeated:
        which = "; ".join(f"'{t.variant}' in block {t.block + 1}, {', '.join(t.disturbed)}" for t in repeated)
        told.append(f"Disturbed and repeated: {which}. The records of both are kept.")
    count, of = len(comparison.disturbed), comparison.num_trials or 0
    if count > comparison.policy.busy_share * of > 0:
        told.append(
            f"{count} of {of} trials were disturbed: this machine was hardly ever quiet, and then none is repeated. "
            "The verdicts hold; on a quiet machine they would take fewer blocks."
        )
    elif kept:
        worst = max(kept, key=lambda trial: len(trial.disturbed))
        told.append(
            f"{len(kept)} of the trials that count were disturbed, their repeats too, or had none left "
            f"('{worst.variant}' in block {worst.block + 1}: {', '.join(worst.disturbed)})."
        )
    return told


def _page_cache(comparison: Comparison) -> list[str]:
    before = "The pages' files were put out of the page cache before every trial" if comparison.cold_cache else ""
    if comparison.files_cached is None:
        return [f"{before}; whether they were gone could not be seen."] if before else []
    least, most = comparison.files_cached
    held = format_share(least) if most - least < _SAME_SHARE else f"{format_share(least)} to {format_share(most)}"
    if before:
        return [f"{before}: {held} of them were still there."]
    told = f"When trials began, {held} of the pages' files were in the page cache"
    if least >= 1.0 - _SAME_SHARE:
        return [f"{told}."]
    return [f"{told}: they are not read ahead where they take more than half of the free memory."]


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min" if seconds >= 60 else format_duration(seconds)
