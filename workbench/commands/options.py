"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Parameters = Annotated[
    list[str] | None,
    typer.Option("-p", "--parameter", metavar="KNOB=VALUE", help="Set a knob; may be given several times."),
]
OutFolder = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Folder for the results.", show_default="reports/ of the checkout"),
]
Blocks = Annotated[int, typer.Option(min=1, help="How often every variant runs at most.")]
