"""From a comparison to its comparison: the verdicts, and the parity of every variant's first run with the baseline's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from workbench.explain.verdicts.comparison import compare, is_clear
from workbench.explain.verdicts.machine_words import machine_words
from workbench.measure.comparison.run import ComparisonRun
from workbench.records import Comparison, Policy, Record
from workbench.workloads.ocr.checks.pages import compare_pages


def compare_run(compared: ComparisonRun) -> Comparison:
    """Compare the variants of a comparison with its baseline, the first of them."""
    state, runs = compared.state, Path(compared.state.runs)
    baseline = next(iter(compared.records))
    # The first block's runs are those that kept pages.
    first = {name: records[0] for name, records in compared.records.items() if records}
    parity = {
        name: compare_pages(runs / first[baseline].run_id, runs / record.run_id, first[baseline], record)
        for name, record in first.items()
        if name != baseline and baseline in first
    }
    counted = [trial for trial in state.trials if not trial.repeated]
    cached = [trial.files_cached_share for trial in counted if trial.files_cached_share is not None]
    comparison = compare(
        compared.records, baseline=baseline, order=compared.order, seed=state.seed, policy=state.policy, parity=parity
    )
    return comparison.model_copy(
        update={
            "stop": state.stop,
            "warmup_run_id": state.warmup_run_id,
            "cold_cache": state.cold_cache,
            "files_cached": (min(cached), max(cached)) if cached else None,
            "num_trials": len(state.trials),
            "disturbed": [trial for trial in state.trials if trial.disturbed],
            "notes": [*comparison.notes, *machine_words(compared.records), *compared.notes],
        }
    )


def stopping_rule(policy: Policy) -> Callable[[Mapping[str, Sequence[Record]]], bool]:
    """Says of the records of a comparison so far whether every verdict is clear."""
    return lambda records: is_clear(records, policy)


def best_variant(comparison: Comparison) -> str:
    """Name of the variant to look at beside the baseline; the baseline's own where there is none.

    The fastest of those that are surely faster; without any, the one of the largest estimate above 1. None that failed
    or whose result is another.
    """
    best, best_rank = comparison.baseline, (False, 1.0)
    for one in comparison.variants:
        is_sound = one.failure is None and not (one.parity and one.parity.status == "different")
        if one.speedup is not None and is_sound:
            rank = (one.verdict == "faster", one.speedup.estimate)
            if rank > best_rank:
                best, best_rank = one.name, rank
    return best


def typical_run(records: Sequence[Record]) -> Record:
    """The run of median throughput; the first one where none ended well."""
    ended_well = [(record.steady.samples_per_s, number) for number, record in enumerate(records) if record.steady]
    return records[sorted(ended_well)[len(ended_well) // 2][1] if ended_well else 0]
