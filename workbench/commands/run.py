"""`workbench run`: one set of knobs, measured; the headless face of profile.ipynb."""

from __future__ import annotations

import typer

from workbench.commands.options import OutFolder, Parameters


def run(parameter: Parameters = None, out: OutFolder = None) -> None:
    """Measure one set of knobs: where does the time go?"""
    from workbench.commands.headless import exit_code, run_headless
    from workbench.explain.diagnosis.advice import advise
    from workbench.explain.words.headline import run_headline
    from workbench.knobs.knobs import Knobs
    from workbench.measure.comparison.variants import parse_settings
    from workbench.measure.trial.profiled import trials_of
    from workbench.records.run_folder import read_record
    from workbench.report.outcome import describe_failure, results_folder
    from workbench.workloads.ocr.preflight import check_inputs

    settings = parse_settings(parameter or (), subject="-p")
    knobs = Knobs.parse(settings, subject="-p")
    check_inputs(knobs)
    values = {name: getattr(knobs, name) for name in settings}
    trials_s = trials_of(knobs) * knobs.timeout_s
    done = run_headless("profile", values, results_folder(out), trials_s=trials_s, title="Where the time goes")
    run_folder = done.results["run_folder"]
    record = read_record(run_folder)
    print(describe_failure(record.failure) if record.failure else run_headline(record))
    if told := advise(run_folder).sentence:
        print(told)
    print(f"Run folder: {run_folder}\nReport: {done.html}")
    raise typer.Exit(exit_code([record.failure]))
