"""`workbench selftest`: how often are verdicts wrong on this machine, and which differences can it tell?"""

from __future__ import annotations

from typing import Annotated

import typer

from workbench.commands.options import OutFolder, Parameters


def selftest(
    minutes: Annotated[float, typer.Option(min=0.5, help="How long it may take.")] = 10.0,
    identical: Annotated[int, typer.Option(min=2, help="Identical variants in every block.")] = 2,
    parameter: Parameters = None,
    out: OutFolder = None,
) -> None:
    """ComparisonRun identical variants, and some that were slowed down on purpose: can this machine's verdicts be trusted?"""
    from workbench.commands.console import show_progress
    from workbench.explain.words.self_test import selftest_lines
    from workbench.knobs.knobs import Knobs
    from workbench.measure.comparison.variants import parse_settings
    from workbench.report.outcome import fresh_name, results_folder
    from workbench.report.progress import ProgressWriter
    from workbench.report.self_test import KNOBS, SELFTESTS, run_selftest
    from workbench.workloads.ocr.preflight import check_inputs

    knobs = Knobs.parse({**KNOBS, **parse_settings(parameter or (), subject="-p")}, subject="-p")
    check_inputs(knobs)
    folder = results_folder(out) / SELFTESTS / fresh_name()
    budget_s = minutes * 60.0
    with show_progress() as on_progress:
        test = run_selftest(
            folder,
            knobs,
            num_identical=identical,
            num_blocks=_MOST_BLOCKS,
            budget_s=budget_s,
            on_trial=ProgressWriter(on_progress).on_trial,
        )
    print("\n".join(selftest_lines(test)))
    print(f"Self-test: {folder}")


#: More than fit into any time that a person would wait.
_MOST_BLOCKS = 1000
