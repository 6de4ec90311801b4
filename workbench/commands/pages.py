"""`workbench pages`: a data set of drawn receipts and signs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def pages(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to make.")],
    count: Annotated[int, typer.Option(metavar="PAGES", help="Number of pages.")] = 404,
    seed: Annotated[int, typer.Option(help="Seed of the pages: the same seed gives the same bytes.")] = 0,
) -> None:
    """Draw photographs of receipts and signs with their words, in the competition (UFO) JSON format."""
    from workbench.commands.console import show_progress
    from workbench.data.synthetic.draw import draw_pages, holds_pages, read_manifest
    from workbench.panel.progress import format_progress
    from workbench.units import format_bytes

    there = holds_pages(out, count=count, seed=seed)
    with show_progress() as on_line:

        def on_page(done: int, total: int) -> None:
            # In a pipe each of these is a line: about twenty are enough.
            if done == total or done % max(1, total // 20) == 0:
                on_line(format_progress(done, total, "pages drawn"))

        draw_pages(out, count=count, seed=seed, on_page=on_page)
    manifest = read_manifest(out)
    assert manifest is not None
    print("These pages were there already: nothing was drawn." if there else f"Drawn with seed {seed}.")
    print(f"{out}: {manifest.count} pages, {manifest.num_words} words, {format_bytes(manifest.num_bytes)}")
