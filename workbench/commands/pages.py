"""`workbench pages`: a data set of drawn receipts and signs, or any data set, as files or shards."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.visible import say

if TYPE_CHECKING:
    from workbench.records import Count, Description

#: Pages lie as files in one of the drawer's layouts; as this, they are packed into tar files.
SHARDS = "webdataset"


def pages(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to make.")],
    count: Annotated[int, typer.Option(metavar="PAGES", help="Number of pages.")] = 404,
    seed: Annotated[int, typer.Option(help="Seed of the pages, and of their parts: the same gives the same.")] = 0,
    to: Annotated[
        str,
        typer.Option(
            metavar="LAYOUT",
            help="ufo: images and a JSON file, which the workbench reads. For training programs: ufo_split, icdar2015, "
            "doctr, yolo, paddleocr, mmocr. webdataset: tar files.",
        ),
    ] = "ufo",
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Convert this data set, in any format that can be read.")
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", metavar="KNOB=VALUE", help="How --data is read: annotation_format=none, ..."),
    ] = None,
    shards: Annotated[int | None, typer.Option(min=1, help="Number of tar files.", show_default="by size")] = None,
) -> None:
    """Draw receipts and signs, or convert a data set.

    Into the files of a training program, or shards.

    Example: workbench pages --count 404 --out pages --seed 0 --to yolo
    """
    from workbench.commands.console import show_counted
    from workbench.commands.offers import DrawsSamples, WritesSamples, WritesShards, ask_for
    from workbench.commands.options import read_parameters
    from workbench.errors import BadInput, Problem, unknown_name
    from workbench.knobs.knobs import DEFAULT_WORKLOAD

    drawer = ask_for(DrawsSamples, DEFAULT_WORKLOAD, "draw pages")
    if to not in (*drawer.layouts, SHARDS):
        raise BadInput("--to", [unknown_name("layout", to, [*drawer.layouts, SHARDS])])
    problems = []
    if parameter and data is None:
        problems.append(Problem("drawn pages take no knobs", "-p", "Add --data DIR"))
    if shards is not None and to != SHARDS:
        problems.append(Problem("only shards are counted", "--shards", "Add --to webdataset"))
    if problems:
        raise BadInput("pages", problems)
    settings = read_parameters(parameter)
    if to != SHARDS and data is not None:
        converter = ask_for(WritesSamples, DEFAULT_WORKLOAD, "convert data sets")
        with _show_conversion() as (on_look, on_sample):
            written = converter.write_samples(
                data, out, layout=to, seed=seed, settings=settings, on_look=on_look, on_sample=on_sample
            )
        say("\n".join([f"{out}: {_contents(written)}", *written.notes]))
        return
    if to != SHARDS:
        with show_counted("pages drawn") as on_sample:
            drawn = drawer.draw(out, count=count, seed=seed, layout=to, on_sample=on_sample)
        say(drawn.notes[0] if drawn.notes else f"Drawn with seed {seed}.")
        say(f"{out}: {_contents(drawn)}")
        return
    writer = ask_for(WritesShards, DEFAULT_WORKLOAD, "write shards")
    with tempfile.TemporaryDirectory() as scratch:
        if data is None:
            data = Path(scratch) / "pages"
            with show_counted("pages drawn") as on_sample:
                drawer.draw(data, count=count, seed=seed, on_sample=on_sample)
        with _show_conversion() as (on_look, on_sample):
            written = writer.write_shards(
                data, out, num_shards=shards, settings=settings, on_look=on_look, on_sample=on_sample
            )
    say("\n".join([f"{out}: {_contents(written)}", *written.notes]))


@contextlib.contextmanager
def _show_conversion() -> Iterator[tuple[Callable[[int, int], None], Callable[[int, int], None]]]:
    """Shows how many pages of a data set have been looked over, and then how many are written."""
    from workbench.commands.console import show_progress
    from workbench.report.progress import counted_progress

    with show_progress() as on_progress:
        yield counted_progress("pages looked over", on_progress), counted_progress("pages written", on_progress)


def _contents(samples: Description) -> str:
    """``"404 pages, 2100 words, 105 MB"``."""
    from workbench.units import counted, format_bytes

    counts = [format_bytes(count.number) if count.name == "bytes" else _counted(count) for count in samples.counts]
    return ", ".join([counted(samples.num_samples, "page"), *counts])


def _counted(count: Count) -> str:
    """``"2100 words"``, ``"1 word"``: of names of one word, the plural is what they are called by."""
    name = count.name.removesuffix("s") if count.number == 1 and " " not in count.name else count.name
    return f"{count.number} {name}"
