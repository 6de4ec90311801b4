"""`workbench pages`: draws a data set of receipts and signs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def pages(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to make.")],
    count: Annotated[int, typer.Option(help="Number of pages.")] = 404,
    seed: Annotated[int, typer.Option(help="Seed of the pages: the same seed gives the same bytes.")] = 0,
) -> None:
    """Draw receipts and signs with word polygons, in the competition JSON format."""
    from workbench.commands.console import show_progress
    from workbench.data.survey import survey
    from workbench.data.synthetic.draw import draw_pages
    from workbench.panel.progress import format_progress
    from workbench.units import format_bytes

    every = max(count // 20, 1)
    with show_progress() as on_line:

        def tell(done: int, total: int) -> None:
            if done % every == 0 or done == total:
                on_line(format_progress(done, total, "pages drawn"))

        draw_pages(out, count=count, seed=seed, on_page=tell)
    found, counts = survey(out)
    size = sum(page.path.stat().st_size for page in found)
    words = f"{counts.num_words} words ({counts.num_ignored_words} of them ignored)"
    print(f"{counts.num_pages} pages with {words}, {format_bytes(size)}: {out}")
