"""`workbench compare`: variants raced against a baseline; the headless face of compare.ipynb."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from workbench.commands.options import Blocks, OutFolder, Parameters


def compare(
    variant: Annotated[
        list[str] | None,
        typer.Option(metavar="'NAME: KNOB=VALUE ...'", help="A variant to race; may be given several times."),
    ] = None,
    grid: Annotated[
        list[str] | None,
        typer.Option(metavar="KNOB=VALUE,VALUE", help="An axis of a grid, instead of variants; may be repeated."),
    ] = None,
    parameter: Parameters = None,
    blocks: Blocks = 5,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random, the order of the trials too.")] = None,
    out: OutFolder = None,
) -> None:
    """Race variants against a baseline: which is faster, by how much, and at what price?"""
    from workbench.errors import BadInput, Problem
    from workbench.trial.variants import parse_settings

    if variant and grid:
        raise BadInput("comparison", [Problem("there are both variants and a grid", remedy="Take one of them")])
    seeded = [f"seed={seed}"] if seed is not None else []
    common = parse_settings([*(parameter or ()), *seeded], subject="-p")
    raise typer.Exit(race_variants(variant or (), grid or (), common, blocks=blocks, out=out, title="Comparison"))


def race_variants(
    specs: Sequence[str], axes: Sequence[str], common: Mapping[str, Any], *, blocks: int, out: Path | None, title: str
) -> int:
    """Run compare.ipynb, and print the verdicts and where everything lies.

    Returns:
        The exit code.

    Raises:
        BadInput: For variants that cannot run, or a data set that cannot be used.
        NotebookFailed: Where the notebook doesn't get to its end.
    """
    from workbench.analysis.headline import comparison_headline
    from workbench.commands.console import print_table
    from workbench.commands.headless import exit_code, run_headless
    from workbench.commands.verdict_lines import COLUMNS, verdict_lines
    from workbench.report.outcome import describe_failure, results_folder
    from workbench.run_store import read_comparison
    from workbench.trial.variants import check_variants, choose_variants

    variants = choose_variants(list(specs), list(axes), common, blocks)
    check_variants(variants)
    parameters = {**common, "variants": list(specs), "grid": list(axes), "blocks": blocks}
    trials_s = blocks * sum(knobs.timeout_s for knobs in variants.values())
    done = run_headless("compare", parameters, results_folder(out), trials_s=trials_s, title=title)
    folder = done.results["comparison_folder"]
    comparison = read_comparison(folder)
    print(comparison_headline(comparison))
    print_table(COLUMNS, list(verdict_lines(comparison)))
    for one in comparison.variants:
        if one.failure is not None:
            print(f"'{one.name}': {describe_failure(one.failure)}")
    print(f"Comparison: {folder}\nReport: {done.html}")
    return exit_code([variant.failure for variant in comparison.variants])
