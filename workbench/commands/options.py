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
    typer.Option(
        "--data", metavar="DIR", help="Folder of the data set.", show_default="the one of the knob `dataset`, or drawn"
    ),
]
Minutes = Annotated[float, typer.Option(min=0.0, help="No block begins that would probably end later; 0: no limit.")]
WholeTrials = Annotated[
    bool, typer.Option("--whole-trials", help="Run one trial after the other, where they could take turns.")
]

Nodes = Annotated[
    str,
    typer.Option(
        "--nodes", metavar="ADDRESS", help="Run blocks on nodes: local:2, tcp://localhost:8786, tls://host:8786."
    ),
]
NodesTls = Annotated[
    Path | None, typer.Option("--nodes-tls", metavar="DIR", help="Folder of ca.pem, cert.pem and key.pem for tls://.")
]


def read_parameters(
    parameter: Sequence[str] | None,
    *,
    data: Path | None = None,
    defaults: Mapping[str, Any] | None = None,
    subject: str = "-p",
) -> dict[str, Any]:
    """Values by knob name, of the workload that the parameters name.

    Args:
        parameter: ``knob=value`` items.
        data: Folder of the data set, of an option of its own.
        defaults: Values of knobs that are not among them.
        subject: What they are, for the message.

    Raises:
        BadInput: For a workload that cannot be had, items without ``=``, unknown names and wrong values, all of them;
            for a data set that is named twice, or that the workload has no knob for.
    """
    from workbench.errors import BadInput, Problem
    from workbench.files import expanded
    from workbench.knobs.format import split_settings
    from workbench.knobs.joined import knobs_of
    from workbench.knobs.knobs import read_settings

    items = list(parameter or ())
    texts, _ = split_settings(items)  # what is wrong with the items is said below
    kind = knobs_of({**(defaults or {}), **texts})
    rows = kind.rows()
    for name in ("data", "out"):
        if name in texts and name not in rows:
            raise BadInput(subject, [Problem(f"'{name}' is an option, and no knob", remedy=f"Write --{name} DIR")])
    settings = {**(defaults or {}), **read_settings(items, kind, subject=subject)}
    if data is None:
        return settings
    if "dataset" not in rows:
        problem = Problem("the workload has no knob for the folder of a data set", "--data", "Leave it out")
        raise BadInput("knobs", [problem])
    if "dataset" in texts:
        raise BadInput("knobs", [Problem("the data set is named twice", "--data", "Leave out -p dataset=...")])
    return {**settings, "dataset": str(expanded(data).resolve())}
