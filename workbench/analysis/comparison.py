"""From the records of a race to verdicts.

The effect of a variant is its throughput over the baseline's, paired block by block: both ran within minutes of each
other, so what the machine did meanwhile hits both. The interval comes from the blocks (Student's t on the log ratios);
steps within a trial are correlated and are no samples. A verdict needs both: an interval clear of 1, and an effect that
matters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy import stats

from workbench.analysis.no_effect import without_effect
from workbench.records import (
    Comparison,
    Interval,
    Memory,
    Parity,
    Policy,
    Record,
    Throughput,
    VariantResult,
    Verdict,
)

Samples = npt.NDArray[np.float64]


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
    return Comparison(
        created_at=max((record.created_at for own in records.values() for record in own), default=""),
        baseline=baseline,
        num_blocks=len(order),
        seed=seed,
        order=[list(block) for block in order],
        policy=policy,
        variants=[
            _variant(name, own, records[baseline], policy, (parity or {}).get(name), is_baseline=name == baseline)
            for name, own in records.items()
            if own
        ],
        notes=_notes(records, baseline, policy),
    )


def paired_log_ratios(variant: Sequence[Record], baseline: Sequence[Record]) -> Samples:
    """float64 [blocks]: log of the variant's throughput over the baseline's, of each block that ended well."""
    pairs = zip(variant, baseline, strict=False)
    return np.array([np.log(_rate(own) / _rate(other)) for own, other in pairs if _ended_well(own, other)])


def estimate(log_ratios: Samples, policy: Policy) -> Interval | None:
    """The geometric mean of ratios, with its interval where there are enough blocks for one; None without any block."""
    if len(log_ratios) == 0:
        return None
    centre = float(np.exp(log_ratios.mean()))
    if len(log_ratios) < policy.min_blocks:
        return Interval(estimate=centre, ci95=None)
    low, high = _interval(log_ratios, policy.confidence)
    return Interval(estimate=centre, ci95=(float(np.exp(low)), float(np.exp(high))))


def has_failed(trials: Sequence[Record]) -> bool:
    """Whether a variant has ended badly: one failed trial is enough, whatever the others say."""
    return any(record.status == "failed" for record in trials)


def judge(speedup: Interval | None, policy: Policy) -> Verdict:
    """The verdict on a speed-up."""
    if speedup is None or speedup.ci95 is None:
        return "inconclusive"
    low, high = speedup.ci95
    slower, faster = 1.0 / (1.0 + policy.min_effect), 1.0 + policy.min_effect
    if low > 1.0 and speedup.estimate >= faster:
        return "faster"
    if high < 1.0 and speedup.estimate <= slower:
        return "slower"
    if slower <= low and high <= faster:
        return "no_difference"
    return "inconclusive"


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


def _variant(
    name: str,
    own: Sequence[Record],
    baseline: Sequence[Record],
    policy: Policy,
    parity: Parity | None,
    *,
    is_baseline: bool,
) -> VariantResult:
    speedup = None if is_baseline else estimate(paired_log_ratios(own, baseline), policy)
    verdict: Verdict | None = None
    if has_failed(own):
        verdict = "failed"
    elif not is_baseline:
        verdict = "inconclusive" if has_failed(baseline) else judge(speedup, policy)
    startup = _median([record.startup.total_s for record in own if record.startup])
    return VariantResult(
        name=name,
        knobs=own[0].knobs,
        run_ids=[record.run_id for record in own],
        pages_per_s=_throughput(own, policy),
        speedup=speedup,
        verdict=verdict,
        parity=parity,
        simulated=any(record.simulated for record in own),
        memory=_largest_memory(own),
        startup_s=startup,
        cache_fill_s=_median([r.startup.cache_fill_s for r in own if r.startup and r.startup.cache_fill_s is not None]),
        break_even_epochs=None if is_baseline else break_even_epochs(own, baseline),
        no_effect=[] if is_baseline or not baseline else without_effect(own[0], baseline[0]),
        failure=next((record.failure for record in own if record.failure is not None), None),
    )


def break_even_epochs(own: Sequence[Record], baseline: Sequence[Record]) -> float | None:
    """After how many epochs the extra start-up of a variant has paid for itself.

    Returns:
        Epochs; None where there is no extra start-up, or where an epoch saves nothing.
    """
    pairs = [(a, b) for a, b in zip(own, baseline, strict=False) if _ended_well(a, b) and a.startup and b.startup]
    if not pairs:
        return None
    extra_s = _median([a.startup.total_s - b.startup.total_s for a, b in pairs if a.startup and b.startup])
    saved_s = _median([_epoch_s(b) - _epoch_s(a) for a, b in pairs])
    if extra_s is None or saved_s is None or extra_s <= 0 or saved_s <= 0:
        return None
    return extra_s / saved_s


def _epoch_s(record: Record) -> float:
    num_pages = record.pages.num_pages if record.pages else 0
    return num_pages / _rate(record)


# The interval is Student's on the log rates: of the typical trial, about which the median says the same.
def _throughput(own: Sequence[Record], policy: Policy) -> Throughput | None:
    per_block = [record.steady.pages_per_s if record.steady else None for record in own]
    rates = np.array([rate for rate in per_block if rate is not None])
    if len(rates) == 0:
        return None
    ci95 = None
    if len(rates) >= policy.min_blocks:
        low, high = _interval(np.log(rates), policy.confidence)
        ci95 = (float(np.exp(low)), float(np.exp(high)))
    return Throughput(median=float(np.median(rates)), ci95=ci95, per_block=per_block)


def _interval(samples: Samples, confidence: float) -> tuple[float, float]:
    error = stats.sem(samples)
    if error == 0.0:
        return float(samples.mean()), float(samples.mean())
    low, high = stats.t.interval(confidence, len(samples) - 1, samples.mean(), error)
    return float(low), float(high)


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


def _ended_well(*records: Record) -> bool:
    return all(record.status == "ok" and record.steady is not None for record in records)


def _rate(record: Record) -> float:
    assert record.steady is not None
    return record.steady.pages_per_s


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None
