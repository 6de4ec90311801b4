"""What has been measured so far: the comparisons and trials below a folder of reports."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from workbench.errors import BadInput
from workbench.knobs.format import format_settings
from workbench.knobs.knobs import Knobs
from workbench.records import Comparison, Record
from workbench.records.run_folder import (
    COMPARISON,
    EVENTS,
    RECORD,
    STATE,
    is_there,
    list_runs,
    read_comparison,
    read_record,
    read_state,
)


@dataclass(frozen=True)
class History:
    """What a folder of reports holds, oldest first.

    Attributes:
        comparisons: With the folder of each.
        trials: The records of single trials, those of comparisons among them.
        interrupted: Folders of comparisons that have not come to an end.
        damaged: What could not be read, and why.
        unfinished: Run folders without a record: of trials that were killed with their launcher, or are running.
        unread: How many older comparisons and trials there are that were not read.
    """

    comparisons: list[tuple[Path, Comparison]] = field(default_factory=list)
    trials: list[Record] = field(default_factory=list)
    interrupted: list[Path] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    unfinished: list[Path] = field(default_factory=list)
    unread: tuple[int, int] = 0, 0


def read_history(reports: Path, *, newest: tuple[int, int] | None = None) -> History:
    """What lies below `reports` and can be read; what cannot is named, and passed over.

    Args:
        reports: The folder.
        newest: How many comparisons and trials are read at most, the newest: a record takes milliseconds to read, and
            there may be thousands. None: all of them.
    """
    begun_comparisons = sorted((reports / "comparisons").glob("*/"))
    compared = [folder for folder in begun_comparisons if is_there(folder / COMPARISON)]
    ended = list(list_runs(reports / "runs"))
    most_comparisons, most_trials = newest or (len(compared), len(ended))
    unread = max(0, len(compared) - most_comparisons), max(0, len(ended) - most_trials)
    history = History(unread=unread)
    for folder in begun_comparisons:
        if is_there(folder / STATE) and not is_there(folder / COMPARISON):
            try:
                read_state(folder)  # with a damaged one it cannot go on
                history.interrupted.append(folder)
            except BadInput as error:
                history.damaged.append(str(error))
    for folder in compared[unread[0] :]:
        try:
            history.comparisons.append((folder, read_comparison(folder)))
        except BadInput as error:
            history.damaged.append(str(error))
    for folder in ended[unread[1] :]:
        try:
            history.trials.append(read_record(folder))
        except BadInput as error:
            history.damaged.append(str(error))
    begun = sorted(path.parent for path in (reports / "runs").glob(f"*/{EVENTS}"))
    history.unfinished.extend(folder for folder in begun if not is_there(folder / RECORD))
    history.trials.sort(key=lambda record: record.created_at)
    return history


def changed_knobs(knobs: Knobs, *, without: Collection[str] = ()) -> str:
    """The knobs that aren't at their default, but for how it is measured; with the profilers, which cost time.

    Args:
        knobs: The knobs.
        without: Names of those that stand elsewhere.
    """
    changed = {name: value for name, value in knobs.compared().items() if name not in without}
    if knobs.profilers:
        changed["profilers"] = knobs.profilers
    if "dataset" in changed:
        changed["dataset"] = Path(str(changed["dataset"])).name
    return format_settings(changed) or "defaults"


def machine_of(record: Record) -> str:
    """The machine that a trial ran on, as far as its record says."""
    environment = record.environment
    return f"{environment.cpu}, {environment.cores_text}" if environment else "unknown machine"
