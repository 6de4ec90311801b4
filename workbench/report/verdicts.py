"""From the trials of a comparison to its verdicts, with the checks of every variant's first trial."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from workbench.errors import BadInput
from workbench.explain.checks.runs import compare_runs
from workbench.explain.verdicts.comparison import compare, is_clear
from workbench.explain.words.engine import building_notes
from workbench.explain.words.verdicts import machine_conditions, no_turns, ratios_by_node
from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.run import ComparisonRun
from workbench.measure.comparison.variants import equal_variants
from workbench.records import Comparison, Record, VariantResult
from workbench.records.run_folder import read_record


def compare_run(compared: ComparisonRun) -> Comparison:
    """The verdicts of a comparison's trials; the first variant is the baseline."""
    state, runs = compared.state, Path(compared.state.runs)
    baseline = next(iter(compared.records))
    # The first block's trials are those that kept samples.
    first = {name: records[0] for name, records in compared.records.items() if records}
    checks = {
        name: compare_runs(runs, first[baseline], record)
        for name, record in first.items()
        if name != baseline and baseline in first
    }
    counted = [trial for trial in state.trials if not trial.repeated]
    cached = [trial.files_cached_share for trial in counted if trial.files_cached_share is not None]
    comparison = compare(
        compared.records, baseline=baseline, order=compared.order, seed=state.seed, policy=state.policy, checks=checks
    )
    return comparison.model_copy(
        update={
            "stop": state.stop,
            "warmup_run_id": state.warmup_run_id,
            "cold_cache": state.cold_cache,
            "files_cached": (min(cached), max(cached)) if cached else None,
            "num_trials": len(state.trials),
            "disturbed": [trial for trial in state.trials if trial.disturbed],
            "notes": [
                *equal_variants(state.variants, state.programs),
                *comparison.notes,
                *ratios_by_node(comparison),
                *building_notes(compared.records, baseline),
                *machine_conditions(compared.records),
                *compared.notes,
                *no_turns(state),
            ],
        }
    )


def stopping_rule(journal: Journal) -> Callable[[Mapping[str, Sequence[Record]]], bool]:
    """Whether every verdict is clear, by the records of a comparison so far and by its rules as they are then."""
    return lambda records: is_clear(records, journal.state.policy)


def best_variant(comparison: Comparison) -> str:
    """Name of the variant to look at beside the baseline; the baseline's own where there is none.

    The fastest of those whose verdict is "faster"; without any, the one of the largest estimate above 1. Variants that
    failed or whose result is different are left out.
    """
    best, best_rank = comparison.baseline, (False, 1.0)
    for variant, speedup in _sound(comparison):
        rank = (variant.verdict == "faster", speedup)
        if rank > best_rank:
            best, best_rank = variant.name, rank
    return best


def _sound(comparison: Comparison) -> list[tuple[VariantResult, float]]:
    """The variants that ran and whose result is not a different one, each with its estimated speed-up."""
    return [
        (variant, variant.speedup.estimate)
        for variant in comparison.others
        if variant.failure is None and variant.speedup and not (variant.checks and variant.checks.is_different)
    ]


def pictured_variant(comparison: Comparison) -> str | None:
    """Name of the variant whose samples are shown beside the baseline's: the best, or the first where none is faster.

    Returns:
        None where no other variant ran, or the results of all of them are different.
    """
    best = best_variant(comparison)
    if best != comparison.baseline:
        return best
    return next((variant.name for variant, _ in _sound(comparison)), None)


def typical_run(records: Sequence[Record], runs: Path | None = None) -> Record:
    """The run of median throughput; the first one where none ended well.

    Args:
        records: At least one.
        runs: Folder of the run folders: a comparison of thousands keeps records without details, and this one is read
            from there.
    """
    ended_well = [(record.steady.samples_per_s, number) for number, record in enumerate(records) if record.steady]
    typical = records[sorted(ended_well)[len(ended_well) // 2][1] if ended_well else 0]
    if runs is not None:
        with contextlib.suppress(BadInput):
            return read_record(runs / typical.run_id)
    return typical
