"""`workbench selftest`: how often are verdicts wrong on this machine, and which differences can it detect?"""

from __future__ import annotations

import time
from typing import Annotated

import typer

from workbench.commands.options import DataFolder, Nodes, NodesTls, OutFolder, Parameters, WholeTrials
from workbench.visible import say

#: Exit code where there was no time for a result.
CANNOT_TELL = 3

#: More than fit into any time that a person would wait.
_MOST_BLOCKS = 1000


def selftest(
    minutes: Annotated[float, typer.Option(min=0.5, help="How long it may take.")] = 10.0,
    identical: Annotated[int, typer.Option(min=2, help="Identical variants in every block.")] = 2,
    parameter: Parameters = None,
    data: DataFolder = None,
    whole_trials: WholeTrials = False,
    nodes: Nodes = "",
    nodes_tls: NodesTls = None,
    out: OutFolder = None,
) -> None:
    """Measure how often the verdicts of this machine are wrong.

    Identical variants are compared, and some that are slowed down on purpose.

    Exit code 3: the time did not do for the three blocks that a result takes.

    Example: workbench selftest --minutes 10
    """
    from workbench.commands.console import print_sentences, show_counted, show_progress
    from workbench.commands.options import read_parameters
    from workbench.explain.words.self_test import selftest_lines
    from workbench.measure.devices.parse_here import parse_here
    from workbench.measure.nodes.run import check_nodes, runner_for
    from workbench.measure.trial.inputs import check_inputs
    from workbench.records import Record
    from workbench.report.block_time import TooShort
    from workbench.report.outcome import fresh_name, results_folder
    from workbench.report.progress import ProgressWriter
    from workbench.report.self_test import KNOBS, SELFTESTS, run_selftest

    run_blocks = runner_for(nodes, nodes_tls or "") if nodes or nodes_tls else None
    knobs = parse_here(read_parameters(parameter, data=data, defaults=KNOBS), subject="-p")
    with show_counted(f"{knobs.item}s looked over") as on_sample:
        check_inputs(knobs, on_sample)
    check_nodes(nodes, {"": knobs}, nodes_tls or "")
    folder = results_folder(out) / SELFTESTS / fresh_name()
    began_s = time.monotonic()
    try:
        with show_progress() as on_progress:
            writer = ProgressWriter(on_progress, item=knobs.item)

            def on_trial(done: int, total: int, name: str, record: Record) -> None:
                used_min = (time.monotonic() - began_s) / 60.0
                writer.on_trial(done, total, f"{name} ({used_min:.1f} of {minutes:g} min)", record)

            test = run_selftest(
                folder,
                knobs,
                num_identical=identical,
                num_blocks=_MOST_BLOCKS,
                budget_s=minutes * 60.0,
                whole_trials=whole_trials,
                on_trial=on_trial,
                run_blocks=run_blocks,
            )
    except TooShort as error:
        print_sentences([*error.found, f"Cannot tell: {error}."])
        say(f"Its trials: {folder}")
        raise typer.Exit(CANNOT_TELL) from None
    print_sentences(selftest_lines(test))
    say(f"Self-test: {folder}")
