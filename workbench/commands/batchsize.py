"""`workbench batchsize`: the size of a batch from which on a larger one is no faster, or would not fit."""

from __future__ import annotations

from typing import Annotated

import typer

from workbench.commands.options import DataFolder, OutFolder, Parameters
from workbench.visible import say


def batchsize(
    parameter: Parameters = None,
    data: DataFolder = None,
    samples: Annotated[int, typer.Option(min=16, help="Samples that each trial counts, about.")] = 96,
    blocks: Annotated[int, typer.Option(min=2, help="How often two sizes are compared at most.")] = 5,
    out: OutFolder = None,
) -> None:
    """Find the batch size by measuring: memory first, then speed.

    Example: workbench batchsize -p mode=train -p device=cpu

    Memory is measured at small sizes; no size is tried whose forecast leaves too little of it free. Then each size is
    compared with half of it, until it is no faster.
    """
    from workbench.commands.console import print_sentences, show_counted
    from workbench.commands.options import read_parameters
    from workbench.commands.report import common_settings
    from workbench.errors import BadInput, Problem
    from workbench.measure.devices.parse_here import parse_here
    from workbench.measure.trial.inputs import check_inputs
    from workbench.report.batch_size import find_batch_size
    from workbench.report.outcome import results_folder

    settings = read_parameters(parameter, data=data)
    if "batch_size" in settings:
        remedy = "Leave it out"
        raise BadInput("-p", [Problem("is what is looked for", f"batch_size={settings['batch_size']}", remedy)])
    results = results_folder(out)
    knobs = parse_here(common_settings(settings, results), subject="-p")
    with show_counted(f"{knobs.item}s looked over") as on_sample:
        description = check_inputs(knobs, on_sample)
    found = find_batch_size(
        knobs,
        results,
        samples=samples,
        blocks=blocks,
        num_samples=description.num_samples if description else None,
        on_line=lambda line: print_sentences([line]),
    )
    print_sentences([found.sentence])
    for folder in found.folders:
        say(f"Comparison: {folder}")
