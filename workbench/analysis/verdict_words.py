"""The verdicts of a comparison in words, and how they were come to."""

from __future__ import annotations

from workbench.records import Comparison, Policy, Resolution, VariantResult
from workbench.units import format_duration, format_share

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
    if one.more_blocks is None:
        return "needs more blocks than are worth it" if one.speedup.ci95 is not None else "needs more blocks"
    blocks = f"needs about {one.more_blocks} more block{'s' if one.more_blocks != 1 else ''}"
    if comparison.resolution is None:
        return blocks
    return f"{blocks} ({_minutes(one.more_blocks * comparison.resolution.block_s)})"


def how_it_was_measured(comparison: Comparison) -> list[str]:
    """The rules that were fixed in advance, and what became of them: a sentence or two each."""
    told = [_design(comparison), _rules(comparison.policy, len(comparison.variants) - 1)]
    if comparison.stop is not None:
        told.append(_STOPS[comparison.stop])
    told += _disturbances(comparison)
    if comparison.cold_cache:
        told.append("The pages' files were put out of the page cache before every trial.")
    return told


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
    settled = "One settling run, which counts nowhere, then " if comparison.settling_run_id else ""
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
    )


def _disturbances(comparison: Comparison) -> list[str]:
    told = []
    repeated = [trial for trial in comparison.disturbed if trial.repeated]
    kept = [trial for trial in comparison.disturbed if not trial.repeated]
    if repeated:
        which = "; ".join(f"'{t.variant}' in block {t.block + 1}, {', '.join(t.disturbed)}" for t in repeated)
        told.append(f"Disturbed and repeated: {which}. The records of both are kept.")
    if kept:
        worst = max(kept, key=lambda trial: len(trial.disturbed))
        told.append(
            f"{len(kept)} of the trials that count were disturbed, their repeats too, or had none left "
            f"('{worst.variant}' in block {worst.block + 1}: {', '.join(worst.disturbed)})."
        )
    return told


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min" if seconds >= 60 else format_duration(seconds)
