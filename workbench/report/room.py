"""Is there room for more results? It is said before a trial runs, and not when the disk is full."""

from __future__ import annotations

import shutil
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.report.results_on_disk import comparisons_in, num_bytes, pages_in, runs_in, selftests_in, tunings_in
from workbench.units import format_bytes

#: What results should take at most. Nothing is refused for it: whoever keeps more has a reason.
BOUND_BYTES = 10 * 10**9

#: From this share of it on it is said.
_SAID_FROM = 0.8

#: How many of the last trials are asked what the next one takes.
_ASKED = 5

_REMEDY = "Remove old ones: workbench clean --keep 50"


class NoRoom(WorkbenchError):
    """The disk has less free room than one of the last trials has taken."""


def check_room(reports: Path) -> str:
    """Say how much room results take, where that is much.

    Args:
        reports: The folder of results, which is there.

    Returns:
        A sentence; empty as long as they take little.

    Raises:
        NoRoom: Where one more trial would fill the disk.
    """
    needed = max(map(num_bytes, list(runs_in(reports).values())[-_ASKED:]), default=0)
    free = shutil.disk_usage(reports).free
    if free < needed:
        sizes = f"{format_bytes(free)} are free, and one of the last {_ASKED} trials took {format_bytes(needed)}"
        raise NoRoom(f"{reports}: there is no room for one more trial ({sizes}). {_REMEDY}, or --out DIR")
    taken = results_bytes(reports)
    if taken < _SAID_FROM * BOUND_BYTES:
        return ""
    return f"{reports}: results take {format_bytes(taken)}, and should take {format_bytes(BOUND_BYTES)}. {_REMEDY}"


def results_bytes(reports: Path) -> int:
    """Room that all takes which `workbench clean` could remove: some 90 µs a trial."""
    kinds = (runs_in, comparisons_in, tunings_in, selftests_in)
    folders = [folder for kind in kinds for folder in kind(reports).values()]
    pages = [path for by_time in pages_in(reports).values() for paths in by_time.values() for path in paths]
    return sum(map(num_bytes, [*folders, *pages]))
