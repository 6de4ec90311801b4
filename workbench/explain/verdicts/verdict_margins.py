"""What would change the verdict? How far every variant is from the bounds beyond which it would get another one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workbench.explain.verdicts.verdict_words import verdict_words, what_it_needs
from workbench.records import Comparison, Parity, Policy, VariantResult
from workbench.units import format_bytes, format_duration, format_ratio, format_share

#: A smallest difference above this is one that nobody would set, and isn't spoken of.
_LARGEST_MIN_EFFECT = 1.0


@dataclass(frozen=True)
class Margins:
    """What keeps a variant at its verdict.

    Attributes:
        variant: Its name.
        verdict: The verdict in words.
        points: Sentences: the interval, the blocks, the smallest difference that counts, the result, the price.
    """

    variant: str
    verdict: str
    points: list[str]


def what_would_change(comparison: Comparison) -> list[Margins]:
    """The margins of every variant that was held against the baseline, in the order of the comparison."""
    baseline = next((one for one in comparison.variants if one.name == comparison.baseline), None)
    others = [one for one in comparison.variants if one is not baseline]
    return [Margins(one.name, verdict_words(one), list(_points(one, baseline, comparison))) for one in others]


def what_it_rests_on(comparison: Comparison) -> list[str]:
    """What all the verdicts have in common: change it, and it is another comparison."""
    baseline = next((one for one in comparison.variants if one.name == comparison.baseline), None)
    if baseline is None:
        return []
    knobs = baseline.knobs
    pages = "all pages" if knobs.num_pages is None else f"{knobs.num_pages} pages"
    rests = [
        f"Measured on {pages} of '{Path(knobs.dataset).name}', on one machine, with num_workers={knobs.num_workers} "
        f"and batch_size={knobs.batch_size} unless a variant says otherwise: with others it is another comparison."
    ]
    if any(one.simulated for one in comparison.variants):
        rests.append(
            "The device is simulated. A slower one would hide more of what loading gains, a faster one less: race on "
            "the device itself, or replay a run that was recorded on it (`replay_record`)."
        )
    kept = sum(not trial.repeated for trial in comparison.disturbed)
    if kept:
        rests.append(
            f"{kept} of the trials that count ran beside other work: on a quiet machine intervals would be narrower."
        )
    return rests


def _points(one: VariantResult, baseline: VariantResult | None, comparison: Comparison) -> Iterator[str]:
    if baseline is None or baseline.verdict == "failed":
        yield "Nothing can be said of it until the baseline runs to its end."
        return
    if one.verdict == "failed":
        phase = f" in phase '{one.failure.phase}'" if one.failure else ""
        yield f"It failed{phase}. It gets a verdict when all of its trials run to their end."
        return
    yield _interval(one, comparison)
    if needs := what_it_needs(one, comparison):
        yield f"To be decided it {needs}, if they are like those so far."
    yield from _blocks(one, baseline)
    yield from _smallest_difference(one, comparison.policy)
    yield _result(one.parity)
    yield from _price(one, baseline)


def _interval(one: VariantResult, comparison: Comparison) -> str:
    """How far the interval is from the bound, and how many times as wide it would have to be for another verdict."""
    policy = comparison.policy
    if one.speedup is None or one.speedup.ci95 is None:
        return f"It has no interval: with fewer than {policy.min_blocks} complete blocks nothing is said."
    centre, (low, high) = one.speedup.estimate, one.speedup.ci95
    least, most = _band(policy)
    told = f"Its interval [{low:.2f}, {high:.2f}]"
    if one.verdict in ("faster", "slower"):
        nearest, side = (low, "above") if one.verdict == "faster" else (high, "below")
        wider = _times(_reach(centre, nearest, 1.0))
        return (
            f"{told} ends {format_share(abs(nearest - 1.0))} {side} 1.00x, the bound; it would have to be {wider} as "
            "wide to reach it."
        )
    to_band = min(_reach(centre, low, least), _reach(centre, high, most))
    if one.verdict == "no_difference":
        return (
            f"{told} lies within [{least:.2f}, {most:.2f}], where a difference does not matter; it would have to be "
            f"{_times(to_band)} as wide to leave that band."
        )
    slower, faster = ["slower"] * (low < least), ["faster"] * (high > most)
    open_to = [*slower, "no different", *faster]
    settled, factor = "no difference", to_band
    if not least < centre < most:
        settled, nearest = ("faster", low) if centre > 1.0 else ("slower", high)
        factor = _reach(centre, nearest, 1.0)
    either = f"{', '.join(open_to[:-1])} or {open_to[-1]}"
    return (
        f"{told} leaves open whether it is {either}. Around the same estimate, {centre:.2f}x, it would have to be "
        f"{_times(factor)} as wide to say '{settled}'."
    )


def _reach(centre: float, end: float, bound: float) -> float:
    """How many times as wide an interval would have to be for one of its ends to lie on a bound."""
    half = abs(math.log(end / centre))
    return abs(math.log(bound / centre)) / half if half else math.inf


def _band(policy: Policy) -> tuple[float, float]:
    """Ratios between which a difference does not matter."""
    return 1.0 / (1.0 + policy.min_effect), 1.0 + policy.min_effect


def _blocks(one: VariantResult, baseline: VariantResult) -> Iterator[str]:
    """Whether the blocks agree, each taken by itself."""
    own, other = (each.samples_per_s.per_block if each.samples_per_s else [] for each in (one, baseline))
    ratios = [mine / theirs for mine, theirs in zip(own, other, strict=False) if mine and theirs]
    if len(ratios) < 2:
        return
    faster = sum(ratio > 1.0 for ratio in ratios)
    which = {0: "in none", len(ratios): "in each"}.get(faster, f"in {faster}")
    spread = f"{format_ratio(min(ratios))} to {format_ratio(max(ratios))}"
    yield f"Block by block it was ahead of the baseline {which} of {len(ratios)} ({spread})."


def _smallest_difference(one: VariantResult, policy: Policy) -> Iterator[str]:
    """At which smallest difference that counts the verdict would be another one."""
    if one.speedup is None or one.speedup.ci95 is None:
        return
    low, high = one.speedup.ci95
    size = max(one.speedup.estimate, 1.0 / one.speedup.estimate) - 1.0
    within = max(high - 1.0, 1.0 / low - 1.0)
    counts = f"The smallest difference that counts is {policy.min_effect * 100:g} %"
    if one.verdict in ("faster", "slower"):
        yield f"{counts}: from {format_share(size)} on it would no longer be {one.verdict}."
    elif one.verdict == "no_difference":
        yield f"{counts}: below {format_share(within)} it would be undecided."
    elif within <= _LARGEST_MIN_EFFECT:
        yield f"{counts}: from {format_share(within)} on it would be no difference."


def _result(parity: Parity | None) -> str:
    if parity is None or parity.status is None:
        return "Whether its result is the same was not checked: if it is another one, no speed makes up for it."
    if parity.status == "different":
        return "Its result is not the baseline's: no speed makes up for it until that is found and put right."
    pages = parity.pages
    if parity.status == "same" or pages is None:
        return "Its result is the baseline's; one page beyond the tolerance would turn it into a wrong one."
    return (
        f"Its pages differ by up to {pages.max_levels:.2f} levels of 255, and may by {pages.tolerance_levels:.2f}"
        f"{f' ({pages.tolerance_reason})' if pages.tolerance_reason else ''}: beyond that its result is a wrong one."
    )


def _price(one: VariantResult, baseline: VariantResult) -> Iterator[str]:
    if one.break_even_epochs is not None and one.startup_s is not None and baseline.startup_s is not None:
        extra, epochs = format_duration(one.startup_s - baseline.startup_s), f"{one.break_even_epochs:.2g}"
        yield f"It starts {extra} later, which has paid after {epochs} epochs: a shorter job is slower with it."
    own, other = one.memory.peak_pss_bytes, baseline.memory.peak_pss_bytes
    if own and other and own > other:
        ratio = format_ratio(own / other)
        yield f"It takes {format_bytes(own)} at its peak, {ratio} the baseline's: on less memory it cannot be had."


def _times(factor: float) -> str:
    if math.isinf(factor):
        return "many times"
    return f"{factor:.1f} times" if factor >= 1.05 else f"{factor:.2f} times"
