"""Opens the comparison that a comparison's parameters ask for: a new one, or one that goes on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import BadInput, Problem
from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.variants import STUDY_VARIANTS, check_variants, choose_variants
from workbench.report.outcome import new_comparison_folder

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
    resume: str = "",
) -> Journal:
    """The journal of a comparison whose inputs have been looked at.

    Args:
        results: Folder for results; a new race gets a folder in it.
        settings: Values by knob name that all variants share.
        variants: As `trial.variants.choose_variants` takes them; without any, and without a grid, those of the study.
        grid: Likewise.
        blocks: How often each variant runs at most.
        minutes: No block begins that would probably end later; 0: no limit.
        cold_cache: Whether the pages' files are put out of the page cache before every trial.
        resume: Folder of a comparison that goes on; what it compares is written there.

    Raises:
        BadInput: For variants that cannot run, a data set that cannot be used, a folder that holds no race.
    """
    budget_s = minutes * _S_PER_MIN if minutes > 0 else None
    if resume:
        if variants or grid:
            problem = Problem("there are variants, and a comparison that has its own", remedy="Leave one of them out")
            raise BadInput("comparison", [problem])
        journal = Journal.resume(Path(resume).expanduser(), num_blocks=blocks, budget_s=budget_s)
        check_variants(journal.state.variants)
        return journal
    variants = choose_variants(variants or STUDY_VARIANTS, grid, settings, blocks)
    check_variants(variants)
    return Journal.begin(
        new_comparison_folder(results),
        variants,
        runs=results / "runs",
        seed=next(iter(variants.values())).seed,
        num_blocks=blocks,
        budget_s=budget_s,
        cold_cache=cold_cache,
    )
