"""`workbench compare`: variants compared against a baseline; the headless face of compare.ipynb."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from workbench.commands.attach import observed_settings
from workbench.commands.options import DataFolder, Minutes, Nodes, NodesTls, OutFolder, Parameters, WholeTrials
from workbench.visible import say


def compare(
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-- COMMAND ...]", help="A training command of your own, to be observed.", show_default=False
        ),
    ] = None,
    variant: Annotated[
        list[str] | None,
        typer.Option(metavar="'NAME: KNOB=VALUE ...'", help="A variant to compare; may be given several times."),
    ] = None,
    grid: Annotated[
        list[str] | None,
        typer.Option(metavar="KNOB=VALUE,VALUE", help="An axis of a grid, instead of variants; may be repeated."),
    ] = None,
    parameter: Parameters = None,
    data: DataFolder = None,
    blocks: Annotated[
        int | None,
        typer.Option(min=1, help="How often every variant runs at most.", show_default="5; with --resume as it was"),
    ] = None,
    minutes: Minutes = 0.0,
    env: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="An environment variable of the command.")
    ] = None,
    cold_cache: Annotated[
        bool, typer.Option("--cold-cache", help="Drop the data set's files from the file cache before every trial.")
    ] = False,
    whole_trials: WholeTrials = False,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Go on with a comparison: interrupted, or to have more --blocks. It runs the programs and the code "
            "that its folder names.",
        ),
    ] = None,
    nodes: Nodes = "",
    nodes_tls: NodesTls = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random, the order of the trials too.")] = None,
    out: OutFolder = None,
) -> None:
    """Compare variants with a baseline: is one faster, at what cost?

    Example: workbench compare --variant "ram: cache=decoded" --blocks 3
    """
    from workbench.commands.options import read_parameters
    from workbench.errors import BadInput, Problem

    problems = []
    if variant and grid:
        problems.append(Problem("there are both variants and a grid", remedy="Take one of them"))
    if resume is not None and (variant or grid or parameter or data or cold_cache or whole_trials or seed is not None):
        remedy = "Give --resume with --blocks, --minutes, --nodes and --out only"
        problems.append(Problem("a comparison that goes on keeps its variants and knobs", remedy=remedy))
    if problems:
        raise BadInput("comparison", problems)
    seeded = [f"seed={seed}"] if seed is not None else []
    observed = ["workload=observed"] if command else []
    common = read_parameters([*observed, *(parameter or ()), *seeded], data=data)
    if command:
        common = {**common, **observed_settings(command, env or ())}
    how = {
        "blocks": blocks,
        "minutes": minutes,
        "cold_cache": cold_cache,
        "whole_trials": whole_trials,
        "resume": str(resume) if resume else "",
        "nodes": " ".join([nodes, *([str(nodes_tls.absolute())] if nodes_tls else [])]),
    }
    raise typer.Exit(compare_variants(variant or (), grid or (), common, how, out=out, title="Comparison"))


def compare_variants(
    specs: Sequence[str],
    axes: Sequence[str],
    common: Mapping[str, Any],
    how: Mapping[str, Any],
    *,
    out: Path | None,
    title: str,
) -> int:
    """Run compare.ipynb, and print the verdicts and where everything lies.

    Args:
        specs: As `measure.comparison.variants.parse_variants` takes them.
        axes: As `measure.comparison.variants.parse_grid` takes them.
        common: Values by knob name that all variants share.
        how: The other parameters of the notebook: blocks (None: as many as there were, or the usual number), minutes,
            cold_cache, whole_trials, resume, nodes.
        out: Folder for the results.
        title: Title of the report.

    Returns:
        The exit code.

    Raises:
        BadInput: For variants that cannot run, a data set that cannot be used, a folder without a comparison.
        NotebookFailed: Where the notebook doesn't get to its end.
    """
    from workbench.commands.console import print_sentences, print_table, show_counted
    from workbench.commands.headless import exit_code, run_headless
    from workbench.explain.figures.comparison_tables import verdict_table
    from workbench.explain.words.headline import comparison_headline
    from workbench.explain.words.verdicts import why_it_ended
    from workbench.files import expanded
    from workbench.measure.comparison.variants import check_variants, choose_variants
    from workbench.measure.nodes.run import check_nodes, runner_for
    from workbench.records.run_folder import read_comparison, read_state
    from workbench.report.outcome import describe_failure, results_folder

    runner_for(how.get("nodes", ""))  # what is wrong with them is said before all else
    blocks = how["blocks"]
    if how.get("resume"):
        state = read_state(expanded(how["resume"]))
        _refuse_fewer(blocks, state.most_blocks)
        variants, blocks = state.variants, max(blocks or 1, state.most_blocks)
        out = out or expanded(how["resume"]).resolve().parent.parent  # beside the comparison that goes on
    else:
        blocks = blocks or _BLOCKS
        variants = choose_variants(list(specs), list(axes), common, blocks)
    with show_counted(f"{next(iter(variants.values())).item}s looked over") as on_sample:
        check_variants(variants, on_sample)
    check_nodes(how.get("nodes", ""), variants)
    results = results_folder(out)
    parameters = {**common, **how, "blocks": blocks, "variants": list(specs), "grid": list(axes)}
    # Twice, for every trial may be disturbed and repeated.
    trials_s = 2 * blocks * sum(knobs.timeout_s for knobs in variants.values())
    with _say_how_to_go_on(results):
        done = run_headless("compare", parameters, results, trials_s=trials_s, title=title)
    folder = done.results["comparison_folder"]
    comparison = read_comparison(folder)
    if how.get("resume") and comparison.stop is not None and read_state(folder).trials == state.trials:
        say(f"Nothing was left to run. {why_it_ended(comparison.stop)}")
    print_sentences([comparison_headline(comparison)])
    print_table(verdict_table(comparison))
    for variant in comparison.variants:
        if variant.failure is not None:
            say(f"'{variant.name}': {describe_failure(variant.failure)}")
    print_sentences(f"Note: {note}" for note in comparison.notes)
    if any(variant.verdict == "inconclusive" for variant in comparison.variants):
        say(f"For more blocks: workbench compare --resume {shlex.quote(str(folder))} --blocks N")
    say(f"Comparison: {folder}\nReport: {done.html}")
    return exit_code([variant.failure for variant in comparison.variants])


def _refuse_fewer(blocks: int | None, most_blocks: int) -> None:
    """A comparison that goes on has at least as many blocks as it was laid out for: the error budget is spent so."""
    from workbench.errors import BadInput, Problem
    from workbench.explain.words.items import counted

    if blocks is not None and blocks < most_blocks:
        what = f"it is laid out for {counted(most_blocks, 'block')} already, and {blocks} would be fewer"
        remedy = f"Leave --blocks out to run what is left of them, or give more than {most_blocks}"
        raise BadInput("--resume", [Problem(what, "--blocks", remedy)])


#: How often every variant runs at most, where nobody says.
_BLOCKS = 5


@contextmanager
def _say_how_to_go_on(results: Path) -> Iterator[None]:
    """Where the comparison is interrupted, or its notebook dies, nothing that has run is lost: say so."""
    from workbench.report.notebook_run import NotebookFailed
    from workbench.report.outcome import interrupted_comparisons

    before = set(interrupted_comparisons(results))
    try:
        yield
    except (KeyboardInterrupt, NotebookFailed):
        for folder in interrupted_comparisons(results):
            if folder not in before:
                say(
                    f"What has run is kept. Go on with: workbench compare --resume {shlex.quote(str(folder))}",
                    file=sys.stderr,
                )
        raise
