"""`workbench report`: the variants that a workload suggests, compared with its defaults."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from workbench.commands.options import DataFolder, Minutes, OutFolder, Parameters

NUM_SAMPLES = 128
SEED = 0


def report(
    data: DataFolder = None,
    parameter: Parameters = None,
    blocks: Annotated[int, typer.Option(min=1, help="How often every variant runs at most.")] = 5,
    minutes: Minutes = 4.0,
    out: OutFolder = None,
) -> None:
    """Compare the usual candidates with the defaults: one HTML page.

    Example: workbench report --data pages --blocks 3
    """
    from workbench.commands.compare import compare_variants
    from workbench.commands.options import read_parameters
    from workbench.knobs.joined import knobs_of
    from workbench.measure.comparison.variants import choose_variants
    from workbench.report.outcome import results_folder

    settings = read_parameters(parameter, data=data)
    kind = knobs_of(settings)
    choose_variants(list(kind.suggested_variants), (), {**kind.suggested_common, **settings}, blocks)  # before drawing
    common = common_settings(settings, results_folder(out))
    title = f"Ways to load {kind.item}s"
    how = {"blocks": blocks, "minutes": minutes}
    raise typer.Exit(compare_variants(list(kind.suggested_variants), (), common, how, out=out, title=title))


def common_settings(settings: Mapping[str, Any], results: Path) -> dict[str, Any]:
    """What all variants share: short trials, on the data set that is named, or on one that is drawn.

    Args:
        settings: Values by knob name, as a person gave them.
        results: Folder for the results; samples are drawn there, and found again.
    """
    from workbench.commands.offers import DrawsSamples
    from workbench.knobs.joined import knobs_of, load_workload
    from workbench.knobs.knobs import DEFAULT_WORKLOAD

    name = str(settings.get("workload", DEFAULT_WORKLOAD))
    common = {**knobs_of(settings).suggested_common, **settings}
    kind = load_workload(name)
    if "dataset" in settings or not isinstance(kind, DrawsSamples):
        return common
    folder = results / f"{kind.item}s-{NUM_SAMPLES}-{SEED}-v{kind.drawing_version()}"
    from workbench.commands.console import show_counted

    with show_counted(f"{kind.item}s drawn") as on_sample:
        kind.draw(folder, count=NUM_SAMPLES, seed=SEED, on_sample=on_sample)
    return {**common, "dataset": str(folder)}
