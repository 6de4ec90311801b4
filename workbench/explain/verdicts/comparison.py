"""From the records of a comparison to its comparison: the verdicts, what they cost, and what a reader should know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench.explain.checks.inactive_knobs import without_effect
from workbench.explain.verdicts.effect import (
    ended_well,
    estimate,
    judge,
    more_blocks,
    paired_log_ratios,
    rate,
    smallest_effect,
    student_interval,
)
from workbench.records import (
    Comparison,
    Memory,
    Parity,
    Policy,
    Record,
    Resolution,
    Throughput,
    VariantResult,
    Verdict,
)

#: Of the interval of a variant's own throughput, and how many blocks that takes.
_CONFIDENCE = 0.95
_MIN_RATES = 3


def compare(
    records: Mapping[str, Sequence[Record]],
    *,
    baseline: str,
    order: Sequence[Sequence[str]],
    seed: int,
    policy: Policy | None = None,
    parity: Mapping[str, Parity] | None = None,
) -> Comparison:
    """Compare variants with their baseline. The same records always make the same comparison.

    Args:
        records: By variant, in the order of the blocks; a variant that failed may have fewer.
        baseline: Name of the baseline.
        order: Names in the order they ran, block by block.
        seed: Seed of that order.
        policy: When a difference is called one.
        parity: By variant: whether its result is still the baseline's.

    Returns:
        The comparison, dated by its last trial. Variants without any trial are left out.
    """
    policy = policy or Policy()
    base = records[baseline]
    num_compared = len(records) - 1
    others = [own for name, own in records.items() if name != baseline]
    block_s = _block_s([base, *others])
    return Comparison(
        created_at=max((record.created_at for own in records.values() for record in own), default=""),
        baseline=baseline,
        num_blocks=len(order),
        seed=seed,
        order=[list(block) for block in order],
        policy=policy,
        variants=[
            _baseline(name, own)
            if name == baseline
            else _variant(name, own, base, policy, (parity or {}).get(name), num_compared)
            for name, own in records.items()
            if own
        ],
        block_s=block_s,
        resolution=_resolution(others, base, policy, block_s),
        notes=_notes(records, baseline, policy),
    )


def is_clear(records: Mapping[str, Sequence[Record]], policy: Policy) -> bool:
    """Whether further blocks would say nothing new: every variant (the first is the baseline) has a verdict."""
    base, *others = records.values()
    return all(
        has_failed(own) or judge(estimate(paired_log_ratios(own, base), policy, num_compared=len(others)), policy)
        != "inconclusive"
        for own in others
    )  # fmt: skip


def has_failed(trials: Sequence[Record]) -> bool:
    """Whether a variant has ended badly: one failed trial is enough, whatever the others say."""
    return any(record.status == "failed" for record in trials)


def _notes(records: Mapping[str, Sequence[Record]], baseline: str, policy: Policy) -> list[str]:
    base = records[baseline]
    if not base:
        return ["The baseline did not run, so nothing can be compared with it."]
    if has_failed(base):
        return ["The baseline failed, so nothing can be compared with it."]
    sound = {name: own for name, own in records.items() if name != baseline and own and not has_failed(own)}
    few = [name for name, own in sound.items() if len(paired_log_ratios(own, base)) < policy.min_blocks]
    mixed = [name for name, own in sound.items() if own[0].simulated != base[0].simulated]
    notes = []
    if few:
        notes.append(f"No verdict, for there are fewer than {policy.min_blocks} complete blocks: {_names(few)}.")
    if mixed:
        notes.append(f"Of the pair with the baseline, one ran on a simulated device and one did not: {_names(mixed)}.")
    return notes


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _baseline(name: str, own: Sequence[Record]) -> VariantResult:
    return _described(name, own, speedup=None, verdict="failed" if has_failed(own) else None)


def _variant(
    name: str,
    own: Sequence[Record],
    baseline: Sequence[Record],
    policy: Policy,
    parity: Parity | None,
    num_compared: int,
) -> VariantResult:
    ratios = paired_log_ratios(own, baseline)
    speedup = estimate(ratios, policy, num_compared=num_compared)
    verdict: Verdict = "inconclusive" if has_failed(baseline) else judge(speedup, policy)
    if has_failed(own):
        verdict = "failed"
    return _described(
        name,
        own,
        speedup=speedup,
        verdict=verdict,
        more_blocks=more_blocks(ratios, policy, num_compared=num_compared) if verdict == "inconclusive" else None,
        parity=parity,
        break_even_epochs=break_even_epochs(own, baseline),
        no_effect=without_effect(own[0], baseline[0]) if baseline else [],
    )


def _described(name: str, own: Sequence[Record], **judged: Any) -> VariantResult:
    """A variant with what its trials say by themselves."""
    return VariantResult(
        name=name,
        knobs=own[0].knobs,
        run_ids=[record.run_id for record in own],
        samples_per_s=_throughput(own),
        simulated=any(record.simulated for record in own),
        memory=_largest_memory(own),
        startup_s=_median([record.startup.total_s for record in own if record.startup]),
        cache_fill_s=_median([r.startup.cache_fill_s for r in own if r.startup and r.startup.cache_fill_s is not None]),
        failure=next((record.failure for record in own if record.failure is not None), None),
        **judged,
    )


def _resolution(
    others: Sequence[Sequence[Record]], baseline: Sequence[Record], policy: Policy, block_s: float | None
) -> Resolution | None:
    """What so many blocks can tell, by the spread of all variants' ratios around their own means, taken together."""
    ratios = [found for own in others if len(found := paired_log_ratios(own, baseline)) >= policy.min_blocks]
    if not ratios or block_s is None:
        return None
    freedom = sum(len(found) - 1 for found in ratios)
    spread = (sum(((found - found.mean()) ** 2).sum() for found in ratios) / freedom) ** 0.5
    num_blocks = max(len(found) for found in ratios)
    effect = smallest_effect(float(spread), num_blocks, policy, num_compared=len(others))
    return None if effect is None else Resolution(effect=effect, num_blocks=num_blocks, block_s=block_s)


def _block_s(variants: Sequence[Sequence[Record]]) -> float | None:
    """What a block takes: a median trial of each variant that still runs. None where trials weren't timed."""
    walls = [[record.machine.wall_s for record in own if record.machine] for own in variants if not has_failed(own)]
    return sum(float(np.median(own)) for own in walls) if walls and all(walls) else None


def break_even_epochs(own: Sequence[Record], baseline: Sequence[Record]) -> float | None:
    """After how many epochs the extra start-up of a variant has paid for itself.

    Returns:
        Epochs; None where there is no extra start-up, or where an epoch saves nothing.
    """
    pairs = [(a, b) for a, b in zip(own, baseline, strict=False) if ended_well(a, b) and a.startup and b.startup]
    if not pairs:
        return None
    extra_s = _median([a.startup.total_s - b.startup.total_s for a, b in pairs if a.startup and b.startup])
    saved_s = _median([_epoch_s(b) - _epoch_s(a) for a, b in pairs])
    if extra_s is None or saved_s is None or extra_s <= 0 or saved_s <= 0:
        return None
    return extra_s / saved_s


def _epoch_s(record: Record) -> float:
    num_pages = record.pages.num_pages if record.pages else 0
    return num_pages / rate(record)


# The interval is Student's on the log rates: of the typical trial, about which the median says the same. It describes
# one variant and decides nothing.
def _throughput(own: Sequence[Record]) -> Throughput | None:
    per_block = [record.steady.samples_per_s if record.steady else None for record in own]
    rates = np.array([one for one in per_block if one is not None])
    if len(rates) == 0:
        return None
    interval = student_interval(np.log(rates), _CONFIDENCE)
    ci95 = interval.ci95 if len(rates) >= _MIN_RATES else None
    return Throughput(median=float(np.median(rates)), ci95=ci95, per_block=per_block)


def _largest_memory(own: Sequence[Record]) -> Memory:
    def largest(name: str) -> int | None:
        return max((size for r in own if (size := getattr(r.memory, name)) is not None), default=None)

    phases: dict[str, int] = {}
    for record in own:
        for phase, size in record.memory.pss_bytes_by_phase.items():
            phases[phase] = max(size, phases.get(phase, 0))
    return Memory(
        peak_pss_bytes=largest("peak_pss_bytes"),
        pss_bytes_by_phase=phases,
        cache_bytes=largest("cache_bytes"),
        cache_readings=largest("cache_readings"),
        peak_device_bytes=largest("peak_device_bytes"),
    )


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None
