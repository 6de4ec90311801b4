"""`workbench selftest`: how often are verdicts wrong on this machine, and which differences can it detect?"""

from __future__ import annotations

from typing import Annotated

import typer

from workbench.commands.options import DataFolder, OutFolder, Parameters

#: More than fit into any time that a person would wait.
_MOST_BLOCKS = 1000


def selftest(
    minutes: Annotated[float, typer.Option(min=0.5, help="How long it may take.")] = 10.0,
    identical: Annotated[int, typer.Option(min=2, help="Identical variants in every block.")] = 2,
    parameter: Parameters = None,
    data: DataFolder = None,
    out: OutFolder = None,
) -> None:
    """Measure how often the verdicts of this machine are wrong.

    Identical variants are compared, and some that are slowed down on purpose.

    Example: workbench selftest --minutes 10
    """
    from workbench.commands.console import print_sentences, show_progress
    from workbench.commands.options import parse_here, read_parameters
    from workbench.explain.words.self_test import selftest_lines
    from workbench.measure.trial.inputs import check_inputs
    from workbench.report.outcome import fresh_name, results_folder
    from workbench.report.progress import ProgressWriter
    from workbench.report.self_test import KNOBS, SELFTESTS, run_selftest

    knobs = parse_here(read_parameters(parameter, data=data, defaults=KNOBS))
    check_inputs(knobs)
    folder = results_folder(out) / SELFTESTS / fresh_name()
    with show_progress() as on_progress:
        test = run_selftest(
            folder,
            knobs,
            num_identical=identical,
            num_blocks=_MOST_BLOCKS,
            budget_s=minutes * 60.0,
            on_trial=ProgressWriter(on_progress, item=knobs.item).on_trial,
        )
    print_sentences(selftest_lines(test))
    print(f"Self-test: {folder}")
