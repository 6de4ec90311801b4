"""Options that several commands share, and how they are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "-p",
        "--parameter",
        metavar="KNOB=VALUE",
        help="Set a knob; may be given several times. `workbench knobs` lists them.",
    ),
]
OutFolder = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Folder for the results.", show_default="reports/ of the checkout"),
]
DataFolder = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Folder of the data set.", show_default="drawn, where that is possible"),
]
Minutes = Annotated[float, typer.Option(min=0.0, help="No block begins that would probably end later; 0: no limit.")]


def read_parameters(
    parameter: Sequence[str] | None, *, defaults: Mapping[str, Any] | None = None, subject: str = "-p"
) -> dict[str, Any]:
    """Values by knob name, of the workload that the parameters name.

    Args:
        parameter: ``knob=value`` items.
        defaults: Values of knobs that are not among them.
        subject: What they are, for the message.

    Raises:
        BadInput: For a workload that cannot be had, items without ``=``, unknown names and wrong values: all of them.
    """
    from workbench.knobs.format import split_settings
    from workbench.knobs.joined import knobs_of
    from workbench.knobs.knobs import read_settings

    items = list(parameter or ())
    texts, _ = split_settings(items)  # what is wrong with the items is said below
    return {**(defaults or {}), **read_settings(items, knobs_of({**(defaults or {}), **texts}), subject=subject)}
