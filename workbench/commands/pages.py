"""`workbench pages`: a data set of drawn receipts and signs; and any data set as shards."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Form(StrEnum):
    """How a data set is written."""

    files = "files"
    webdataset = "webdataset"


def pages(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to make.")],
    count: Annotated[int, typer.Option(metavar="PAGES", help="Number of pages.")] = 404,
    seed: Annotated[int, typer.Option(help="Seed of the pages: the same seed gives the same pages.")] = 0,
    to: Annotated[Form, typer.Option(help="Image files with a JSON file, or tar files as WebDataset reads them.")] = (
        Form.files
    ),
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Convert this data set, in any format that can be read.")
    ] = None,
    shards: Annotated[int | None, typer.Option(min=1, help="Number of tar files.", show_default="by size")] = None,
) -> None:
    """Draw photographs of receipts and signs with their words; or write those, or a data set, as shards."""
    from workbench.errors import BadInput, Problem

    problems = []
    if data is not None and to is Form.files:
        problems.append(Problem("a data set is converted to shards only", "--data", "Add --to webdataset"))
    if shards is not None and to is Form.files:
        problems.append(Problem("only shards are counted", "--shards", "Add --to webdataset"))
    if problems:
        raise BadInput("pages", problems)
    if to is Form.webdataset:
        _write_shards(out, data, count=count, seed=seed, num_shards=shards)
    else:
        _draw(out, count=count, seed=seed)


def _draw(out: Path, *, count: int, seed: int) -> None:
    from workbench.units import format_bytes
    from workbench.workloads.ocr.synthetic.draw import draw_pages, holds_pages, read_manifest

    there = holds_pages(out, count=count, seed=seed)
    with _progress("pages drawn") as on_page:
        draw_pages(out, count=count, seed=seed, on_page=on_page)
    manifest = read_manifest(out)
    assert manifest is not None
    print("These pages were there already: nothing was drawn." if there else f"Drawn with seed {seed}.")
    print(f"{out}: {manifest.count} pages, {manifest.num_words} words, {format_bytes(manifest.num_bytes)}")


def _write_shards(out: Path, data: Path | None, *, count: int, seed: int, num_shards: int | None) -> None:
    from workbench.units import format_bytes
    from workbench.workloads.ocr.pages.shards import write_shards
    from workbench.workloads.ocr.pages.survey import survey
    from workbench.workloads.ocr.synthetic.draw import draw_pages

    with tempfile.TemporaryDirectory() as drawn:
        if data is None:
            data = Path(drawn) / "pages"
            with _progress("pages drawn") as on_page:
                draw_pages(data, count=count, seed=seed, on_page=on_page)
        found, counts = survey(data)
        with _progress("pages written") as on_page:
            written = write_shards(found, counts, out, num_shards=num_shards, on_page=on_page)
    size = sum(shard.path.stat().st_size for shard in written)
    print(f"{out}: {counts.num_pages} pages, {counts.num_words} words, {len(written)} shards, {format_bytes(size)}")


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    from workbench.commands.console import show_progress
    from workbench.report.progress import Progress

    with show_progress() as on_progress:

        def on_page(done: int, total: int) -> None:
            # In a pipe each of these is a line: about twenty are enough.
            if done == total or done % max(1, total // 20) == 0:
                on_progress(Progress(what=what, done=done, total=total))

        yield on_page
