"""`workbench transforms`: what each transform costs, in place and alone; the headless face of transforms.ipynb."""

from __future__ import annotations

from workbench.commands.options import OutFolder, Parameters


def transforms(parameter: Parameters = None, out: OutFolder = None) -> None:
    """Time each transform of the chain where it stands, and beside it alone on the full page."""
    from workbench.commands.headless import run_headless
    from workbench.explain.transform_findings import transform_headline
    from workbench.knobs.knobs import Knobs
    from workbench.measure.comparison.variants import parse_settings
    from workbench.report.outcome import results_folder
    from workbench.workloads.ocr.preflight import check_inputs
    from workbench.workloads.ocr.study_process import check_study, read_study

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
