"""`workbench check`: is this checkout slower than a reference, measured side by side on this machine?"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from workbench.commands.options import DataFolder, Minutes, Nodes, NodesTls, OutFolder, Parameters
from workbench.visible import say

#: What the change is called beside its reference.
CANDIDATE = "this checkout"

EXIT_CODES = {"passed": 0, "slower": 1, "failed": 1, "cannot_tell": 3}


def check(
    against: Annotated[
        str,
        typer.Option(metavar="REFERENCE", help="A git revision, a Python with another workbench installed, or knobs."),
    ],
    max_slowdown: Annotated[str, typer.Option(metavar="SHARE", help="What is allowed: 5% or 0.05.")] = "5%",
    parameter: Parameters = None,
    data: DataFolder = None,
    blocks: Annotated[int, typer.Option(min=1, help="How often both run at most.")] = 12,
    minutes: Minutes = 0.0,
    summary: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the Markdown summary there as well.")
    ] = None,
    nodes: Nodes = "",
    nodes_tls: NodesTls = None,
    out: OutFolder = None,
) -> None:
    """For continuous integration: is this checkout slower?

    Example: workbench check --against main --max-slowdown 5%

    Exit code 0: no. 1: yes, or a trial failed. 2: bad input. 3: undecided.
    """
    from workbench.commands.console import show_progress
    from workbench.commands.options import read_parameters
    from workbench.commands.report import common_settings
    from workbench.explain.verdicts import gate
    from workbench.files import checkout_dir
    from workbench.knobs.joined import knobs_of
    from workbench.measure.comparison.journal import Journal
    from workbench.measure.comparison.reference import check_reference, open_reference
    from workbench.measure.comparison.variants import check_variants, equal_variants
    from workbench.measure.devices.parse_here import parse_here
    from workbench.measure.nodes.run import check_nodes, runner_for
    from workbench.records import Slicing
    from workbench.records.run_folder import write_text
    from workbench.report.outcome import new_comparison_folder, results_folder, save_comparison
    from workbench.report.progress import ProgressWriter, counted_progress
    from workbench.report.rules import rules_here
    from workbench.report.verdicts import compare_run

    allowed = _share(max_slowdown)
    run = runner_for(nodes, nodes_tls or "")
    settings = read_parameters(parameter, data=data)
    # All but the data set, before samples are drawn.
    undrawn = {**knobs_of(settings).suggested_common, **settings}
    parse_here(undrawn, subject="-p")
    check_reference(against, undrawn, checkout_dir())
    results = results_folder(out)
    common = common_settings(settings, results)
    knobs = parse_here(common, subject="-p")
    with (
        tempfile.TemporaryDirectory() as scratch,
        open_reference(against, common, checkout_dir(), Path(scratch)) as reference,
        show_progress() as on_progress,
    ):
        variants = {reference.name: reference.knobs, CANDIDATE: knobs}
        check_variants(variants, counted_progress(f"{knobs.item}s looked over", on_progress))
        check_nodes(nodes, variants, nodes_tls or "")
        writer = ProgressWriter(on_progress, item=knobs.item)
        for sentence in equal_variants(variants, [reference.name] if reference.program else []):
            writer.on_text(sentence)
        journal = Journal.begin(
            new_comparison_folder(results),
            variants,
            runs=results / "runs",
            seed=reference.knobs.seed,
            num_blocks=blocks,
            policy=rules_here(results, reference.knobs, planned_blocks=blocks, slicing=None if nodes else Slicing()),
            programs={reference.name: reference.program} if reference.program else None,
            budget_s=minutes * 60.0 or None,
            slicing=Slicing(),
        )
        compared = run(
            journal,
            is_clear=lambda records: gate.is_clear(records, journal.state.policy, most_slowdown=allowed),
            on_trial=writer.on_trial,
        )
        comparison = compare_run(compared)
    folder = save_comparison(comparison, journal.folder)
    text = gate.summary(comparison, most_slowdown=allowed)
    for path in (folder / "summary.md", *([summary] if summary is not None else [])):
        write_text(path, text)
    say(gate.brief(comparison, most_slowdown=allowed))
    say(f"Comparison: {folder}\nHow it was measured: {folder / 'summary.md'}")
    raise typer.Exit(EXIT_CODES[gate.answer(comparison, most_slowdown=allowed)])


def _share(text: str) -> float:
    """0.05 from ``"5%"`` or ``"0.05"``."""
    from workbench.errors import BadInput, Problem

    number = text.strip()
    try:
        share = float(number.removesuffix("%")) / 100.0 if number.endswith("%") else float(number)
    except ValueError:
        share = -1.0
    if not 0.0 < share < 1.0:
        problem = Problem(f"'{text}' is not a share between 0 and 1", remedy="Write 5% or 0.05")
        raise BadInput("--max-slowdown", [problem])
    return share
