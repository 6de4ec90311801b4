"""`workbench knobs`: every setting that `-p` takes, with its values."""

from __future__ import annotations

from typing import Annotated

import typer

from workbench.commands.options import Parameters


def knobs(
    name: Annotated[list[str] | None, typer.Argument(metavar="NAME...", help="Only these knobs, in full.")] = None,
    parameter: Parameters = None,
) -> None:
    """List the knobs: values, default, and what each decides.

    Example: workbench knobs num_workers
    """
    from workbench.commands.console import print_table
    from workbench.commands.options import read_parameters
    from workbench.errors import BadInput, unknown_name
    from workbench.explain.figures.knob_tables import knob_table, knobs_tables
    from workbench.knobs.joined import knobs_of

    rows = knobs_of(read_parameters(parameter)).rows()
    if problems := [unknown_name("knob", each, rows) for each in name or () if each not in rows]:
        raise BadInput("knobs", problems)
    for table in [knob_table(rows[each]) for each in name] if name else knobs_tables(rows.values()):
        print_table(table)
