"""What would change the verdict? How far every variant is from the bounds beyond which it would get another one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from workbench.explain.words.items import item_of, plural
from workbench.explain.words.verdicts import verdict_words, what_it_needs
from workbench.knobs.format import format_settings
from workbench.records import Check, Checks, Comparison, Policy, VariantResult
from workbench.units import format_bytes, format_duration, format_epochs, format_ratio, format_share

#: A smallest difference above this is one that nobody would set, and is left out.
_LARGEST_MIN_EFFECT = 1.0


@dataclass(frozen=True)
class Margins:
    """What keeps a variant at its verdict.

    Attributes:
        variant: Its name.
        verdict: The verdict in words.
        points: Sentences: the interval, the blocks, the smallest difference that counts, the result, the cost.
    """

    variant: str
    verdict: str
    points: list[str]


def what_would_change(comparison: Comparison) -> list[Margins]:
    """The margins of every variant that was compared with the baseline, in the order of the comparison."""
    return [
        Margins(variant.name, verdict_words(variant), list(_points(variant, comparison)))
        for variant in comparison.others
    ]


def what_it_rests_on(comparison: Comparison) -> list[str]:
    """What all the verdicts have in common: change it, and it is another comparison."""
    baseline = comparison.base
    if baseline is None:
        return []
    knobs = baseline.knobs
    settings = {"num_workers": knobs.num_workers, "batch_size": knobs.batch_size, **knobs.compared()}
    sentences = [
        f"Measured on one machine and one data set, with {format_settings(settings)} and all else at its default, "
        "unless a variant says otherwise: with other settings it is another comparison."
    ]
    if any(variant.simulated for variant in comparison.variants):
        sentences.append(
            "The device is simulated. A slower one would hide more of what loading gains, a faster one less: compare "
            "on the device itself, or replay a run that was recorded on it (`replay_record`)."
        )
    kept = sum(not trial.repeated for trial in comparison.disturbed)
    if kept:
        sentences.append(
            f"{kept} of the trials that count ran beside other work: on a quiet machine intervals would be narrower."
        )
    return sentences


def _points(variant: VariantResult, comparison: Comparison) -> Iterator[str]:
    baseline = comparison.base
    if baseline is None or baseline.verdict == "failed":
        yield "It has no verdict until the baseline runs to its end."
        return
    if variant.verdict == "failed":
        phase = f" in phase '{variant.failure.phase}'" if variant.failure else ""
        yield f"It failed{phase}. It gets a verdict when all of its trials run to their end."
        return
    yield _interval(variant, comparison)
    if needs := what_it_needs(variant, comparison):
        yield f"If further blocks are like those so far, to be decided it {needs}."
    yield from _blocks(variant, baseline)
    yield from _smallest_difference(variant, comparison.policy)
    yield _result(variant.checks, item_of(comparison))
    yield from _cost(variant, baseline)


def _interval(variant: VariantResult, comparison: Comparison) -> str:
    """How far the interval is from the bound, and how many times as wide it would have to be for another verdict."""
    policy = comparison.policy
    if variant.speedup is None or variant.speedup.ci95 is None:
        return f"It has no interval: that takes {policy.min_blocks} complete blocks."
    centre, (low, high) = variant.speedup.estimate, variant.speedup.ci95
    least, most = _band(policy)
    subject = f"Its interval [{low:.2f}, {high:.2f}]"
    if variant.verdict in ("faster", "slower"):
        nearest, side = (low, "above") if variant.verdict == "faster" else (high, "below")
        wider = _times(_reach(centre, nearest, 1.0))
        return (
            f"{subject} ends {format_share(abs(nearest - 1.0))} {side} 1.00x, the bound; it would have to be {wider} "
            "as wide to reach it."
        )
    to_band = min(_reach(centre, low, least), _reach(centre, high, most))
    if variant.verdict == "no_difference":
        return (
            f"{subject} lies within [{least:.2f}, {most:.2f}], where a difference does not matter; it would have to be "
            f"{_times(to_band)} as wide to leave that band."
        )
    slower, faster = ["slower"] * (low < least), ["faster"] * (high > most)
    open_to = [*slower, "no different", *faster]
    verdict, factor = "no difference", to_band
    if not least < centre < most:
        verdict, nearest = ("faster", low) if centre > 1.0 else ("slower", high)
        factor = _reach(centre, nearest, 1.0)
    either = f"{', '.join(open_to[:-1])} or {open_to[-1]}"
    return (
        f"{subject} leaves open whether it is {either}. Around the same estimate, {centre:.2f}x, it would have to be "
        f"{_times(factor)} as wide to say '{verdict}'."
    )


def _reach(centre: float, end: float, bound: float) -> float:
    """How many times as wide an interval would have to be for one of its ends to lie on a bound."""
    half = abs(math.log(end / centre))
    return abs(math.log(bound / centre)) / half if half else math.inf


def _band(policy: Policy) -> tuple[float, float]:
    """Ratios between which a difference does not matter."""
    return 1.0 / (1.0 + policy.min_effect), 1.0 + policy.min_effect


def _blocks(variant: VariantResult, baseline: VariantResult) -> Iterator[str]:
    """Whether the blocks agree, each taken by itself."""
    rates = [row.samples_per_s.per_block if row.samples_per_s else [] for row in (variant, baseline)]
    ratios = [own / other for own, other in zip(*rates, strict=False) if own and other]
    if len(ratios) < 2:
        return
    faster = sum(ratio > 1.0 for ratio in ratios)
    which = {0: "in none", len(ratios): "in each"}.get(faster, f"in {faster}")
    spread = f"{format_ratio(min(ratios))} to {format_ratio(max(ratios))}"
    yield f"Block by block it was faster than the baseline {which} of {len(ratios)} ({spread})."


def _smallest_difference(variant: VariantResult, policy: Policy) -> Iterator[str]:
    """At which smallest difference that counts the verdict would be another one."""
    if variant.speedup is None or variant.speedup.ci95 is None:
        return
    low, high = variant.speedup.ci95
    size = max(variant.speedup.estimate, 1.0 / variant.speedup.estimate) - 1.0
    within = max(high - 1.0, 1.0 / low - 1.0)
    counts = f"The smallest difference that counts is {policy.min_effect * 100:g} %"
    if variant.verdict in ("faster", "slower"):
        yield f"{counts}: from {format_share(size)} on it would no longer be {variant.verdict}."
    elif variant.verdict == "no_difference":
        yield f"{counts}: below {format_share(within)} it would be undecided."
    elif within <= _LARGEST_MIN_EFFECT:
        yield f"{counts}: from {format_share(within)} on it would be no difference."


def _result(checks: Checks | None, item: str) -> str:
    if checks is None or checks.status == "not_comparable":
        return "Whether its result is the same was not checked: no speed makes up for a different one."
    if checks.is_different:
        names = ", ".join(check.name for check in checks.checks if check.status == "different")
        return f"Its result is not the baseline's ({names}): no speed makes up for that until it is put right."
    if checks.status == "cannot_tell":
        unknown = "; ".join(_allowed(check) for check in checks.checks if check.status == "cannot_tell")
        return f"Whether its result is as good cannot be told: {unknown}."
    if checks.status == "same":
        return f"Its result is the baseline's, over {checks.num_samples} {plural(item)}."
    within = "; ".join(_allowed(check) for check in checks.checks if check.status == "within_tolerance")
    return f"Its result differs within what is allowed, and beyond that it would be wrong: {within}."


def _allowed(check: Check) -> str:
    allowed = ", ".join(filter(None, (f"allowed: {check.allowed}" if check.allowed else "", check.reason)))
    return f"{check.name} by {check.measured}{f' ({allowed})' if allowed else ''}"


def _cost(variant: VariantResult, baseline: VariantResult) -> Iterator[str]:
    startups = variant.startup_s, baseline.startup_s
    if variant.break_even_epochs is not None and startups[0] is not None and startups[1] is not None:
        extra, epochs = format_duration(startups[0] - startups[1]), format_epochs(variant.break_even_epochs)
        yield f"It starts {extra} later, which has paid after {epochs}: a shorter job is slower with it."
    own, other = variant.memory.peak_pss_bytes, baseline.memory.peak_pss_bytes
    if own and other and own > other:
        ratio = format_ratio(own / other)
        yield f"It takes {format_bytes(own)} of memory at its peak, {ratio} the baseline's."


def _times(factor: float) -> str:
    if math.isinf(factor):
        return "many times"
    return f"{factor:.1f} times" if factor >= 1.05 else f"{factor:.2f} times"
