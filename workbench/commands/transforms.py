"""`workbench transforms`: what each transform costs, in place and alone; the headless face of transforms.ipynb."""

from __future__ import annotations

from workbench.commands.options import OutFolder, Parameters


def transforms(parameter: Parameters = None, out: OutFolder = None) -> None:
    """Time each transform of the chain where it stands, and beside it alone on the full page."""
    from workbench.analysis.transform_findings import transform_headline
    from workbench.commands.headless import run_headless
    from workbench.knobs import Knobs
    from workbench.report.outcome import results_folder
    from workbench.trial.study import check_study, read_study
    from workbench.trial.variants import parse_settings
    from workbench.workloads.preflight import check_inputs

    settings = parse_settings(parameter or (), subject="-p")
    knobs = Knobs.parse(settings, subject="-p")
    check_study(knobs)
    check_inputs(knobs)
    values = {name: getattr(knobs, name) for name in settings}
    done = run_headless(
        "transforms", values, results_folder(out), trials_s=2 * knobs.timeout_s, title="What does each transform cost?"
    )
    print(transform_headline(read_study(done.results["study"])))
    print(f"Figures: {done.results['study']}\nReport: {done.html}")
