"""`workbench run`: one set of knobs, measured; the headless face of profile.ipynb."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from workbench.commands.options import DataFolder, OutFolder, Parameters
from workbench.visible import say


def run(parameter: Parameters = None, data: DataFolder = None, out: OutFolder = None) -> None:
    """Measure one set of knobs: where does the time go?

    Example: workbench run --data pages -p cache=prepared -p num_workers=2
    """
    from workbench.commands.options import read_parameters

    raise typer.Exit(run_profile(read_parameters(parameter, data=data), out, title="Where the time goes"))


def run_profile(settings: Mapping[str, Any], out: Path | None, *, title: str) -> int:
    """Run profile.ipynb, and print what it found and where everything lies.

    Args:
        settings: Values by knob name.
        out: Folder for the results.
        title: Title of the report.

    Returns:
        The exit code.

    Raises:
        BadInput: For knobs and inputs that cannot be used.
        NotebookFailed: Where the notebook doesn't get to its end.
    """
    from workbench.commands.console import print_sentences, print_table, show_counted
    from workbench.commands.headless import exit_code, run_headless
    from workbench.explain.diagnosis.diagnose import read_advice
    from workbench.explain.figures.tables import plan_table
    from workbench.explain.words.headline import run_headline
    from workbench.measure.devices.parse_here import parse_here
    from workbench.measure.trial.inputs import check_inputs
    from workbench.measure.trial.profiled import trials_of
    from workbench.records.run_folder import read_record
    from workbench.report.outcome import describe_failure, results_folder

    knobs = parse_here(settings, subject="-p")
    with show_counted(f"{knobs.item}s looked over") as on_sample:
        check_inputs(knobs, on_sample)
    trials_s = trials_of(knobs) * knobs.timeout_s
    done = run_headless("profile", settings, results_folder(out), trials_s=trials_s, title=title)
    folder = done.results["run_folder"]
    record = read_record(folder)
    if record.failure:
        say(describe_failure(record.failure))
    advice = read_advice(folder)  # the notebook has written it
    print_sentences(["" if record.failure else run_headline(record), advice.sentence if advice else ""])
    if advice is not None and advice.steps:
        print_table(plan_table(advice.steps))
    notes = [*(record.description.notes if record.description else ()), *record.notes]
    print_sentences(f"Note: {note}" for note in notes)
    say(f"Run folder: {folder}")
    failures = [record.failure]
    if record.profiled_run_id is not None:
        with_profilers = folder.with_name(record.profiled_run_id)
        failures.append(read_record(with_profilers).failure)
        say(f"Run folder, with profilers: {with_profilers}")
        if failures[-1] is not None:
            say(describe_failure(failures[-1]))
    say(f"Report: {done.html}")
    return exit_code(failures)
