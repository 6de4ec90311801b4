"""`workbench attach`: a training command of your own, measured as it is; a headless face of profile.ipynb."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from workbench.commands.options import OutFolder, Parameters


def attach(
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND ...", help="The training command, unchanged.")],
    steps: Annotated[int | None, typer.Option(min=1, help="Steps to count.", show_default="200")] = None,
    warmup: Annotated[
        int | None,
        typer.Option(min=0, help="Steps before them.", show_default="until the queue is as full as it stays"),
    ] = None,
    let_finish: Annotated[
        bool, typer.Option("--let-finish", help="Let it run to its end, and account for all of it.")
    ] = False,
    env: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="An environment variable; may be repeated.")
    ] = None,
    parameter: Parameters = None,
    out: OutFolder = None,
) -> None:
    """Measure a training command of your own, just as it is.

    It is run, with all that it may do to your files.

    Example: workbench attach --steps 50 -- python train.py --epochs 1
    """
    from workbench.commands.options import read_parameters
    from workbench.commands.run import run_profile

    settings = {
        **read_parameters(["workload=observed", *(parameter or ())]),
        **observed_settings(command, env or ()),
        **({} if steps is None else {"num_steps": steps}),
        **({} if warmup is None else {"warmup_steps": warmup}),
        **({"let_finish": True} if let_finish else {}),
    }
    raise typer.Exit(run_profile(settings, out, title="Where the time goes in your script"))


def observed_settings(command: Sequence[str], env: Sequence[str]) -> dict[str, str]:
    """The knobs that say which command is observed, and where."""
    return {
        "workload": "observed",
        "command": shlex.join(command),
        "folder": str(Path.cwd()),
        **({"env": shlex.join(env)} if env else {}),
    }
