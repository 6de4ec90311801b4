"""From the records of a comparison to its verdicts, what each variant costs, and what a reader should know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench.explain.verdicts.effect import (
    ended_well,
    estimate,
    more_blocks,
    rate,
    smallest_effect,
    student_interval,
    verdict_of,
)
from workbench.explain.verdicts.spread import Spread, spreads_to_go_by, worth_of
from workbench.explain.verdicts.strata import by_node, differs_between_nodes, judged_log_ratios, node_name
from workbench.knobs.advice import inactive_in_both
from workbench.records import (
    Checks,
    Comparison,
    Memory,
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
    checks: Mapping[str, Checks] | None = None,
) -> Comparison:
    """Compare variants with their baseline. The same records always make the same comparison.

    Args:
        records: By variant, in the order of the blocks; a variant that failed may have fewer.
        baseline: Name of the baseline.
        order: Names in the order they ran, block by block.
        seed: Seed of that order.
        policy: When a difference is called one.
        checks: By variant: whether its result is still the baseline's.

    Returns:
        The comparison, dated by its last trial. Variants without any trial are left out.
    """
    policy = policy or Policy()
    base = records[baseline]
    num_compared = len(records) - 1
    others = [trials for name, trials in records.items() if name != baseline]
    block_s = _block_s([base, *others])
    every = [*base, *(record for trials in others for record in trials)]
    return Comparison(
        created_at=max((record.created_at for record in every), default=""),
        item=every[0].item if every else "sample",
        baseline=baseline,
        num_blocks=len(order),
        seed=seed,
        order=[list(block) for block in order],
        nodes=[node_name(record) for record in base] if any(record.node for record in base) else [],
        policy=policy,
        variants=[
            _baseline(name, trials)
            if name == baseline
            else _variant(name, records, base, policy, (checks or {}).get(name), num_compared)
            for name, trials in records.items()
            if trials
        ],
        description=next((record.description for record in base if record.description is not None), None),
        block_s=block_s,
        resolution=_resolution(others, base, policy, block_s),
        notes=_notes(records, baseline, policy),
    )


def is_clear(records: Mapping[str, Sequence[Record]], policy: Policy) -> bool:
    """Whether further blocks would say nothing new: every variant (the first is the baseline) has a verdict."""
    base, *others = records.values()
    alive = [trials for trials in others if not has_failed(trials)]
    ratios = [judged_log_ratios(trials, base) for trials in alive]
    return all(
        verdict_of(
            estimate(own, policy, num_compared=len(others), others=ratios[:number] + ratios[number + 1 :]), policy
        )
        != "inconclusive"
        and not differs_between_nodes(by_node(alive[number], base), policy)
        for number, own in enumerate(ratios)
    )


def has_failed(trials: Sequence[Record]) -> bool:
    """Whether a variant has ended badly: one failed trial is enough, whatever the others say."""
    return any(record.status == "failed" for record in trials)


def _notes(records: Mapping[str, Sequence[Record]], baseline: str, policy: Policy) -> list[str]:
    base = records[baseline]
    if not base:
        return ["The baseline did not run, so nothing can be compared with it."]
    if has_failed(base):
        return ["The baseline failed, so nothing can be compared with it."]
    sound = {name: trials for name, trials in records.items() if name != baseline and trials and not has_failed(trials)}
    few = [name for name, trials in sound.items() if len(judged_log_ratios(trials, base)) < policy.min_blocks]
    mixed = [name for name, trials in sound.items() if trials[0].simulated != base[0].simulated]
    shorter = [name for name, trials in records.items() if _counts_differ(trials)]
    notes = []
    if shorter:
        notes.append(f"Not all trials counted as many steps (timeout_s ended some before): {_names(shorter)}.")
    if few:
        further = len({node_name(record) for record in base}) - 1
        least = f"{policy.min_blocks} complete blocks" + (
            f", and one for each further node ({further})" * bool(further)
        )
        notes.append(f"No verdict, because there are fewer than {least}: {_names(few)}.")
    if changed := _of_other_data(records):
        what = "No verdict, because their data set was changed between trials; let it be, and compare again"
        notes.append(f"{what}: {_names(changed)}.")
    if mixed:
        notes.append(f"One of the variant and the baseline ran on a simulated device, the other not: {_names(mixed)}.")
    return notes


def _of_other_data(records: Mapping[str, Sequence[Record]]) -> list[str]:
    """The variants whose trials have not all seen the same samples."""
    found = []
    for name, trials in records.items():
        seen: dict[str, set[str]] = {}  # by node: copies on two machines have other times, and are compared beforehand
        for record in trials:
            if record.description and record.description.content is not None:
                seen.setdefault(node_name(record), set()).add(record.description.content)
        if any(len(contents) > 1 for contents in seen.values()):
            found.append(name)
    return found


def _counts_differ(trials: Sequence[Record]) -> bool:
    """Whether trials of the same knobs have counted other numbers of steps; of those in turns, time decides."""
    return len({record.steady.num_steps for record in trials if record.steady is not None and not record.slices}) > 1


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _baseline(name: str, trials: Sequence[Record]) -> VariantResult:
    return _described(name, trials, speedup=None, verdict="failed" if has_failed(trials) else None)


def _variant(
    name: str,
    records: Mapping[str, Sequence[Record]],
    baseline: Sequence[Record],
    policy: Policy,
    checks: Checks | None,
    num_compared: int,
) -> VariantResult:
    trials = records[name]
    ratios = judged_log_ratios(trials, baseline)
    others = [
        judged_log_ratios(its, baseline)
        for other, its in records.items()
        if other != name and its is not baseline and not has_failed(its)
    ]
    speedup = estimate(ratios, policy, num_compared=num_compared, others=others)
    on_nodes = by_node(trials, baseline)
    is_open = has_failed(baseline) or bool(_of_other_data({name: trials, "": baseline}))
    is_open = is_open or differs_between_nodes(on_nodes, policy)
    verdict: Verdict = "inconclusive" if is_open else verdict_of(speedup, policy)
    if has_failed(trials):
        verdict = "failed"
    return _described(
        name,
        trials,
        speedup=speedup,
        verdict=verdict,
        more_blocks=more_blocks(ratios, policy, num_compared=num_compared, others=others)
        if verdict == "inconclusive" and not is_open
        else None,
        by_node=on_nodes,
        checks=checks,
        break_even_epochs=break_even_epochs(trials, baseline) if verdict == "faster" else None,
        inactive=_inactive(trials[0], baseline[0]) if baseline else [],
    )


def _inactive(variant: Record, baseline: Record) -> list[str]:
    found = inactive_in_both(variant.situation, baseline.situation)
    return [f"{name} changes nothing here: {reason}" for name, reason in found.items()]


def _described(name: str, trials: Sequence[Record], **compared: Any) -> VariantResult:
    """A variant with what its trials say by themselves."""
    startups = [record.startup for record in trials if record.startup and not record.forked]
    return VariantResult(
        name=name,
        knobs=trials[0].knobs,
        run_ids=[record.run_id for record in trials],
        samples_per_s=_throughput(trials),
        simulated=any(record.simulated for record in trials),
        memory=_largest_memory(trials),
        startup_s=_median([startup.total_s for startup in startups]),
        cache_fill_s=_median([startup.cache_fill_s for startup in startups if startup.cache_fill_s is not None]),
        failure=next((record.failure for record in trials if record.failure is not None), None),
        **compared,
    )


def _resolution(
    others: Sequence[Sequence[Record]], baseline: Sequence[Record], policy: Policy, block_s: float | None
) -> Resolution | None:
    """What this many blocks can detect, by the spread of all variants' ratios around their own means, pooled.

    Or by what earlier comparisons say, where verdicts may rest on that.
    """
    ratios = [found for trials in others if len(found := judged_log_ratios(trials, baseline)) >= policy.min_blocks]
    if not ratios or block_s is None:
        return None
    freedom = sum(len(found) - 1 for found in ratios)
    spread = (sum(((found - found.mean()) ** 2).sum() for found in ratios) / freedom) ** 0.5
    num_blocks = max(len(found) for found in ratios)
    num_run = max(map(len, others))
    spreads = spreads_to_go_by(Spread(float(spread), worth_of(len(ratios))), policy.known_spread)
    effects = [smallest_effect(each, num_blocks, policy, num_compared=len(others)) for each in spreads]
    effect = min((effect for effect in effects if effect is not None), default=None)
    return None if effect is None else Resolution(effect=effect, num_blocks=num_run, block_s=block_s)


def _block_s(variants: Sequence[Sequence[Record]]) -> float | None:
    """What a block takes: a median trial of each variant that still runs. None where trials weren't timed."""
    walls = [
        [record.machine.wall_s for record in trials if record.machine] for trials in variants if not has_failed(trials)
    ]
    return sum(float(np.median(times)) for times in walls) if walls and all(walls) else None


def break_even_epochs(variant: Sequence[Record], baseline: Sequence[Record]) -> float | None:
    """After how many epochs the extra start-up of a variant has paid for itself.

    Returns:
        Epochs; None where there is no extra start-up, or where an epoch saves nothing.
    """
    pairs = [(a, b) for a, b in zip(variant, baseline, strict=False) if ended_well(a, b) and _started_anew(a, b)]
    if not pairs:
        return None
    extra_s = _median([a.startup.total_s - b.startup.total_s for a, b in pairs if a.startup and b.startup])
    saved_s = _median([_epoch_s(b) - _epoch_s(a) for a, b in pairs])
    if extra_s is None or saved_s is None or extra_s <= 0 or saved_s <= 0:
        return None
    return extra_s / saved_s


def _started_anew(*records: Record) -> bool:
    """Whether what their start-up took is that of trials by themselves."""
    return all(record.startup is not None and not record.forked for record in records)


def _epoch_s(record: Record) -> float:
    num_samples = record.description.num_samples if record.description else 0
    return num_samples / rate(record)


def _throughput(trials: Sequence[Record]) -> Throughput | None:
    per_block = [rate(record) if record.steady else None for record in trials]
    rates = np.array([rate for rate in per_block if rate is not None])
    if len(rates) == 0:
        return None
    typical = student_interval(np.log(rates), _CONFIDENCE)
    if len(rates) < _MIN_RATES:
        typical = typical.model_copy(update={"ci95": None})
    return Throughput(median=float(np.median(rates)), geometric_mean=typical, per_block=per_block)


def _largest_memory(trials: Sequence[Record]) -> Memory:
    """The largest of every figure, each for itself."""
    memories = [record.memory for record in trials]

    def largest(name: str) -> int | None:
        return max((size for memory in memories if (size := getattr(memory, name)) is not None), default=None)

    phases: dict[str, int] = {}
    for memory in memories:
        for phase, size in memory.pss_bytes_by_phase.items():
            phases[phase] = max(size, phases.get(phase, 0))
    return Memory(
        peak_pss_bytes=largest("peak_pss_bytes"),
        pss_bytes_by_phase=phases,
        cache_bytes=largest("cache_bytes"),
        cache_readings=largest("cache_readings"),
        cache_was_filled=any(memory.cache_was_filled for memory in memories),
        peak_device_bytes=largest("peak_device_bytes"),
        device_process_bytes=largest("device_process_bytes"),
    )


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None
