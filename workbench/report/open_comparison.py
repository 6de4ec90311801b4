"""Opens the comparison that a comparison's parameters ask for: a new one, or one that goes on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import BadInput, Problem
from workbench.files import expanded
from workbench.knobs.joined import knobs_of
from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.variants import check_variants, choose_variants, equal_variants
from workbench.records import Slicing
from workbench.report.outcome import new_comparison_folder
from workbench.report.progress import ProgressWriter
from workbench.report.rules import rules_here

_S_PER_MIN = 60.0


def open_comparison(
    results: Path,
    settings: Mapping[str, Any],
    *,
    variants: Any = (),
    grid: Any = (),
    blocks: Any = 5,
    minutes: float = 0.0,
    cold_cache: bool = False,
    whole_trials: bool = False,
    resume: str = "",
    nodes: str = "",
) -> Journal:
    """The journal of a comparison whose inputs have been checked.

    Args:
        results: Folder for results; a new comparison gets a folder in it.
        settings: Values by knob name that all variants share.
        variants: As `measure.comparison.variants.choose_variants` takes them; without any, and without a grid, those
            that the workload suggests. Two that are the same are named before anything runs.
        grid: Likewise.
        blocks: How often each variant runs at most.
        minutes: No block begins that would probably end later; 0: no limit.
        cold_cache: Whether the data set's files are removed from the file cache before every trial.
        whole_trials: Whether one trial runs after the other, where they could take turns.
        resume: Folder of a comparison that goes on; what it compares is written there.
        nodes: Where its blocks run; empty: here. What is known of the spread is of this machine.

    Raises:
        BadInput: For variants that cannot run, a data set that cannot be used, a folder without a comparison.
    """
    budget_s = minutes * _S_PER_MIN if minutes > 0 else None
    if resume:
        if variants or grid:
            problem = Problem("a comparison that goes on has its own variants", "resume", "Leave variants and grid out")
            raise BadInput("comparison", [problem])
        journal = Journal.resume(expanded(resume), num_blocks=blocks, budget_s=budget_s)
        check_variants(journal.state.variants)
        return journal
    variants = choose_variants(variants or knobs_of(settings).suggested_variants, grid, settings, blocks)
    check_variants(variants)
    for sentence in equal_variants(variants):
        ProgressWriter().on_text(sentence)
    baseline = next(iter(variants.values()))
    slicing = None if whole_trials else Slicing()
    return Journal.begin(
        new_comparison_folder(results),
        variants,
        runs=results / "runs",
        seed=baseline.seed,
        num_blocks=blocks,
        policy=rules_here(results, baseline, planned_blocks=blocks, slicing=None if nodes else slicing),
        budget_s=budget_s,
        cold_cache=cold_cache,
        slicing=slicing,
    )
