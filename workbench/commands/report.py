"""`workbench report`: the comparison that the workbench was made for, on generated pages or on one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workbench.commands.options import Blocks, OutFolder, Parameters

NUM_PAGES = 128
SEED = 0
NUM_BLOCKS = 5

#: What all variants share, unless -p says otherwise: two workers, and twice as many pages counted as are generated.
COMMON = {"num_pages": NUM_PAGES, "num_workers": 2, "batch_size": 8, "num_steps": 2 * NUM_PAGES // 8}


def report(
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of pages with annotations.", show_default=f"{NUM_PAGES} drawn pages"),
    ] = None,
    parameter: Parameters = None,
    blocks: Blocks = NUM_BLOCKS,
    out: OutFolder = None,
) -> None:
    """Compare the disk baseline with three ways to load and normalize pages, on drawn pages or on your own."""
    from workbench.commands.compare import compare_variants
    from workbench.measure.comparison.variants import STUDY_VARIANTS, parse_settings
    from workbench.report.outcome import results_folder

    settings = parse_settings(parameter or (), subject="-p")
    if data is None:
        data = drawn_pages(results_folder(out))
    common = {**COMMON, "dataset": str(data.expanduser().resolve()), **settings}
    how = {"blocks": blocks}
    raise typer.Exit(compare_variants(STUDY_VARIANTS, (), common, how, out=out, title="Four ways to load pages"))


def drawn_pages(reports: Path) -> Path:
    """The folder of generated pages below `reports`, drawn where it isn't there yet."""
    from workbench.commands.console import show_progress
    from workbench.report.progress import Progress
    from workbench.workloads.ocr.synthetic.draw import VERSION, draw_pages

    folder = reports / f"pages-{NUM_PAGES}-{SEED}-v{VERSION}"
    with show_progress() as on_progress:
        return draw_pages(
            folder,
            count=NUM_PAGES,
            seed=SEED,
            on_page=lambda done, total: (
                on_progress(Progress(what="pages drawn", done=done, total=total)) if done % 16 == 0 else None
            ),
        )
