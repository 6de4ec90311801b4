"""`workbench study`: the study that the workbench began with, claim by claim; the headless face of case_study.ipynb."""

from __future__ import annotations

from typing import Annotated

import typer

from workbench.commands.options import DataFolder, OutFolder, Parameters
from workbench.visible import say

#: Trials of each variant: as many as a quarter of an hour holds on two cores.
NUM_BLOCKS = 3

#: As the notebook has them, where -p doesn't say otherwise.
DEFAULTS = {"num_pages": 404, "batch_size": 16, "num_workers": 2, "device": "replay", "replay_ms_per_sample": 3.0}

#: Drawing pages and timing the transforms: what the longest cell may take beside the trials.
_OVERHEAD_S = 900.0


def study(
    parameter: Parameters = None,
    data: DataFolder = None,
    blocks: Annotated[int, typer.Option(min=1, help="How often every variant runs.")] = NUM_BLOCKS,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A variant that is not to be compared; may be given several times."),
    ] = None,
    out: OutFolder = None,
) -> None:
    """Check the claims of the study that the workbench began with.

    Example: workbench study -p num_pages=128 --blocks 2
    """
    from workbench.commands.console import print_sentences, print_table, show_counted
    from workbench.commands.headless import exit_code, run_headless
    from workbench.commands.options import read_parameters
    from workbench.measure.trial.inputs import check_inputs
    from workbench.records.run_folder import read_comparison
    from workbench.report.outcome import results_folder

    _find_examples()
    from examples.case_study.comparison import check_study_settings
    from examples.case_study.record import read_case_study
    from examples.case_study.report import claims_table

    settings = read_parameters(parameter, data=data, defaults=DEFAULTS)
    left_out = leave_out or []
    knobs = check_study_settings(settings, left_out)
    if settings.get("dataset"):  # else pages are drawn
        with show_counted(f"{knobs.item}s looked over") as on_sample:
            check_inputs(knobs, on_sample)
    # Ten variants and a warm-up trial; twice, for every trial may be disturbed and repeated.
    trials_s = 2 * (10 * blocks + 1) * knobs.timeout_s + _OVERHEAD_S
    done = run_headless(
        "case_study",
        {**settings, "blocks": blocks, "leave_out": left_out},
        results_folder(out),
        trials_s=trials_s,
        title="The study, claim by claim",
    )
    folder = done.results["comparison_folder"]
    found = read_case_study(folder)
    print_sentences([found.headline])
    print_table(claims_table(found))
    print_sentences([*found.conclusions, *found.notes])
    say(f"Comparison: {folder}\nReport: {done.html}")
    raise typer.Exit(exit_code([variant.failure for variant in read_comparison(folder).variants]))


def _find_examples() -> None:
    """Make the package `examples` importable, here and in the notebook's kernel: it lies beside this one, or within."""
    import os
    import sys

    from workbench.files import examples_root, import_path

    if (root := str(examples_root())) not in sys.path:
        sys.path.append(root)
    os.environ["PYTHONPATH"] = import_path()
