"""`workbench transforms`: what each transform costs, in place and isolated; the headless face of transforms.ipynb."""

from __future__ import annotations

from workbench.commands.options import DataFolder, OutFolder, Parameters
from workbench.visible import say


def transforms(parameter: Parameters = None, data: DataFolder = None, out: OutFolder = None) -> None:
    """Time each transform of the chain, in its place and isolated.

    Example: workbench transforms -p transforms=albumentations
    """
    from workbench.commands.console import print_sentences, show_counted
    from workbench.commands.headless import run_headless
    from workbench.commands.offers import TimesTransforms, ask_for
    from workbench.commands.options import read_parameters
    from workbench.measure.devices.parse_here import parse_here
    from workbench.measure.trial.inputs import check_inputs
    from workbench.report.outcome import results_folder

    settings = read_parameters(parameter, data=data)
    knobs = parse_here(settings, subject="-p")
    workload = ask_for(TimesTransforms, knobs.workload, "time its transforms one by one")
    workload.check_transforms(knobs)
    with show_counted(f"{knobs.item}s looked over") as on_sample:
        description = check_inputs(knobs, on_sample)
    done = run_headless(
        "transforms",
        settings,
        results_folder(out),
        trials_s=2 * knobs.timeout_s,
        title="What does each transform cost?",
    )
    notes = [f"Note: {note}" for note in (description.notes if description else ())]
    print_sentences([workload.transforms_headline(done.results["study"]), *notes])
    say(f"Figures: {done.results['study']}\nReport: {done.html}")
