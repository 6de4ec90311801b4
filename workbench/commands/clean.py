"""`workbench clean`: old results go, and what was left behind; the newest stay."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.commands.options import OutFolder
from workbench.visible import say

if TYPE_CHECKING:
    from workbench.explain.table import Table
    from workbench.report.removable import Removable


def clean(
    keep: Annotated[
        int,
        typer.Option(
            min=1, help="How many stay, the newest: of comparisons, of other trials, of the pages of each notebook."
        ),
    ] = 50,
    cache_days: Annotated[
        float, typer.Option(min=0.0, help="Entries of the caches go that were not used for so long.")
    ] = 30.0,
    yes: Annotated[bool, typer.Option("--yes", help="Remove without asking. There is no way back.")] = False,
    out: OutFolder = None,
) -> None:
    """Remove old results and leftovers; the newest stay.

    What would go is shown first. A comparison stays with all of its trials, or goes with those that no other one needs.
    What is in use stays; so does whatever the workbench has not made itself, and reports/reference.

    Nothing can be brought back. A new comparison knows from the last 20 how far results scatter on this machine: with
    fewer kept than that, it knows less, and may need more blocks.

    Example: workbench clean --keep 50
    """
    from workbench.commands.console import print_table
    from workbench.report.outcome import results_folder
    from workbench.report.removable import removable
    from workbench.report.removal import remove
    from workbench.report.stale import left_behind, unused_caches
    from workbench.units import format_bytes

    reports = results_folder(out)
    going = [*removable(reports, keep), *left_behind(reports), *unused_caches(cache_days)]
    if not going:
        say(f"Nothing is to be removed: {reports} holds no more than the newest {keep} of each.")
        return
    print_table(_table(going))
    is_asked = sys.stdin.isatty() and sys.stdout.isatty()
    if not yes and not is_asked:
        say("Nothing was removed. To remove it, for good: the same command with --yes")
        return
    if not yes and not typer.confirm("Remove all of this? It cannot be brought back."):
        say("Nothing was removed.")
        return
    done = remove(going)
    for line in done.left:
        say(f"Left: {line}", file=sys.stderr)
    say(f"Removed; {format_bytes(done.num_bytes)} are free again.")
    raise typer.Exit(1 if done.left else 0)


def _table(going: Sequence[Removable]) -> Table:
    """A row for each kind, and how much room all of them take."""
    from workbench.explain.table import make_table, number
    from workbench.units import counted, format_bytes

    counts, sizes = Counter(thing.kind for thing in going), Counter[str]()
    for thing in going:
        sizes[thing.kind] += thing.num_bytes
    first = {kind: next(thing for thing in going if thing.kind == kind).paths[0].name for kind in counts}
    trials = sum(len(thing.paths) - 1 for thing in going if thing.kind == "comparison")
    below = {"comparison": f"with {counted(trials, 'trial')}"}
    rows = [
        (kind, number(str(count), below.get(kind, "")), number(format_bytes(sizes[kind])), first[kind])
        for kind, count in counts.items()
    ]
    caption = f"{format_bytes(sum(sizes.values()))} would be free again."
    return make_table(("what", "count", "size", "the oldest"), rows, caption=caption)
