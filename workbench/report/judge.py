"""From a race to its comparison: the verdicts, and the parity of every variant's first run with the baseline's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from workbench.analysis.comparison import compare
from workbench.analysis.parity import compare_pages
from workbench.records import Comparison, Record
from workbench.trial.race import Race


def judge_race(raced: Race, runs: Path) -> Comparison:
    """Compare the variants of a race with its baseline, the first of them.

    Args:
        raced: The race.
        runs: Folder of its run folders.
    """
    baseline = next(iter(raced.records))
    # The first block's runs are those that kept pages.
    first = {name: records[0] for name, records in raced.records.items() if records}
    parity = {
        name: compare_pages(runs / first[baseline].run_id, runs / record.run_id, first[baseline], record)
        for name, record in first.items()
        if name != baseline and baseline in first
    }
    return compare(raced.records, baseline=baseline, order=raced.order, seed=raced.seed, parity=parity)


def best_variant(comparison: Comparison) -> str:
    """Name of the fastest variant that is surely faster and gives the same result; else the baseline's."""
    faster = [one for one in comparison.variants if one.speedup and one.verdict == "faster"]
    sound = [one for one in faster if one.parity is None or one.parity.status != "different"]
    speedups = {one.name: one.speedup.estimate for one in sound if one.speedup}
    return max(speedups, key=lambda name: speedups[name], default=comparison.baseline)


def typical_run(records: Sequence[Record]) -> Record:
    """The run of median throughput; the first one where none ended well."""
    ended_well = [(record.steady.pages_per_s, number) for number, record in enumerate(records) if record.steady]
    return records[sorted(ended_well)[len(ended_well) // 2][1] if ended_well else 0]
