"""Which results can go: all but the newest, without those that are in use or that something newer rests on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.records.in_use import is_held
from workbench.records.run_folder import EVENTS, RECORD, STDERR
from workbench.report.results_on_disk import (
    comparisons_in,
    num_bytes,
    pages_in,
    runs_in,
    selftests_in,
    trials_named,
    tunings_in,
)

#: What has changed within this time may be about to be read by whoever has made it.
_FRESH_S = 60.0

#: A trial that nobody holds and that has left no record may be that of a workbench that doesn't say what it holds.
_QUIET_S = 3600.0

_Age = Callable[[Path], float]


@dataclass(frozen=True)
class Removable:
    """Something that can go, whole or not at all.

    Attributes:
        kind: What it is, for people: "comparison".
        paths: Folders and files. Where the first one cannot go, none does: a comparison stays with its trials.
        num_bytes: Room that they take together.
    """

    kind: str
    paths: tuple[Path, ...]
    num_bytes: int


def removable(reports: Path, keep: int, *, now_s: Callable[[], float] = time.time) -> list[Removable]:
    """What can go of a folder of results.

    The newest comparisons stay with all of their trials, and beside them the newest of the other trials, with what
    belongs to them: the same trial with profilers, or without. So do the newest searches with their comparisons. What
    is held (see `records.in_use`) stays, and whatever has changed just now.

    Args:
        reports: The folder.
        keep: How many stay: of comparisons, searches, other trials, self-tests, and pages of each notebook.
        now_s: Gives the time, as files have it.
    """

    def age_s(path: Path) -> float:
        return now_s() - _changed_s(path)

    runs, comparisons = runs_in(reports), comparisons_in(reports)
    named = {name: trials_named(folder) for name, folder in comparisons.items()}
    tunings = tunings_in(reports)
    old_tunings = _going(tunings, keep, age_s)
    searched = _all_of(trials_named(folder) for name, folder in tunings.items() if name not in old_tunings)
    going = [name for name in _going(comparisons, keep, age_s) if name not in searched]
    needed = _all_of(named[name] for name in comparisons if name not in going) | (searched & runs.keys())
    compared = _all_of(named[name] for name in going) - needed
    begun = {name for name, folder in runs.items() if _is_unfinished(folder)}
    single = {name: folder for name, folder in runs.items() if name not in begun | needed | compared}
    too_old = set(_going(single, keep, age_s))
    kept = (needed | (single.keys() - too_old)) & runs.keys()
    needed |= _all_of(trials_named(runs[name]) for name in kept)
    taken: set[str] = set()
    found = []
    for name in going:
        own = sorted(named[name] & runs.keys() - needed - taken - begun)
        taken.update(own)
        found.append(_of("comparison", comparisons[name], *(runs[other] for other in own)))
    found += [_of("trial", runs[name]) for name in sorted(too_old - needed)]
    dead = [runs[name] for name in sorted(begun - needed) if not is_held(runs[name]) and age_s(runs[name]) > _QUIET_S]
    found += [_of("trial without a record", folder) for folder in dead]
    found += [_of("search", tunings[name]) for name in old_tunings]
    tests = selftests_in(reports)
    found += [_of("self-test", tests[name]) for name in _going(tests, keep, age_s)]
    return found + list(_pages(reports, keep, age_s))


def _pages(reports: Path, keep: int, age_s: _Age) -> Iterator[Removable]:
    for by_time in pages_in(reports).values():
        for paths in list(by_time.values())[:-keep]:
            if min(map(age_s, paths)) > _FRESH_S:
                yield _of("page", *paths)


def _going(folders: dict[str, Path], keep: int, age_s: _Age) -> list[str]:
    """Names of all but the newest, the oldest first, but for what is in use."""
    old = list(folders)[:-keep]
    return [name for name in old if not is_held(folders[name]) and age_s(folders[name]) > _FRESH_S]


def _is_unfinished(folder: Path) -> bool:
    """Whether a trial has begun there and left no record. A study of transforms leaves neither, and is none."""
    return not (folder / RECORD).is_file() and any((folder / name).exists() for name in (EVENTS, STDERR))


def _changed_s(folder: Path) -> float:
    """When something in a folder has changed last, or a file; now, where that cannot be said."""
    try:
        inside: Sequence[Path] = list(folder.iterdir()) if folder.is_dir() else ()
        return max(path.lstat().st_mtime for path in (folder, *inside))
    except OSError:
        return time.time()


def _all_of(sets: Iterable[set[str]]) -> set[str]:
    return set().union(*sets)


def _of(kind: str, *paths: Path) -> Removable:
    return Removable(kind, paths, sum(map(num_bytes, paths)))
