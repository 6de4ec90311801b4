"""What lies below a folder of results, by names that only the workbench gives; and how much room it takes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from workbench.files import notebooks_dir
from workbench.records.run_folder import COMPARISON, KNOBS, RECORD, SELFTEST, STATE, TRIALS, TUNE
from workbench.report.outcome import COMPARISONS, TUNINGS
from workbench.report.self_test import SELFTESTS

#: Of a trial, and of a comparison: as `new_run_folder` and `outcome.fresh_name` make it.
STAMP = r"\d{8}-\d{6}-[0-9a-f]{6}"

_NAMED = re.compile(STAMP)
_PAGE = re.compile(rf"([a-z_]+)-({STAMP})\.(?:ipynb|html)")
_BLOCK_BYTES = 512


def runs_in(reports: Path) -> dict[str, Path]:
    """The run folders, ended or not, by name; the oldest first."""
    return dict(_folders(reports / "runs", lambda folder: any((folder / name).is_file() for name in (KNOBS, RECORD))))


def comparisons_in(reports: Path) -> dict[str, Path]:
    """The folders of comparisons, ended or not, by name; the oldest first."""
    marks = STATE, COMPARISON
    return dict(_folders(reports / COMPARISONS, lambda folder: any((folder / name).is_file() for name in marks)))


def selftests_in(reports: Path) -> dict[str, Path]:
    """The folders of self-tests, with their trials, by name; the oldest first."""
    marks = STATE, SELFTEST
    return dict(_folders(reports / SELFTESTS, lambda folder: any((folder / name).is_file() for name in marks)))


def tunings_in(reports: Path) -> dict[str, Path]:
    """The folders of searches, ended or not, by name; the oldest first."""
    return dict(_folders(reports / TUNINGS, lambda folder: (folder / TUNE).is_file()))


def pages_in(reports: Path) -> dict[str, dict[str, list[Path]]]:
    """Executed notebooks and pages by the notebook's name, then by the time of each; the oldest first."""
    known = {path.stem for path in notebooks_dir().glob("*.ipynb")}
    found: dict[str, dict[str, list[Path]]] = {}
    for path in sorted(reports.iterdir()):
        match = _PAGE.fullmatch(path.name)
        if match and match[1] in known and path.is_file() and not path.is_symlink():
            found.setdefault(match[1], {}).setdefault(match[2], []).append(path)
    return found


def trials_named(folder: Path) -> set[str]:
    """Names of the trials that the JSON files of a folder speak of, whatever their schema, and damaged ones too.

    Those of a search speak of comparisons as well.

    Files of a trial a line, too: a comparison that was interrupted has trials in no other.
    """
    found: set[str] = set()
    for path in (*folder.glob("*.json"), folder / TRIALS):
        if path.is_file():
            found.update(_NAMED.findall(path.read_text(encoding="utf-8", errors="replace")))
    return found


def num_bytes(path: Path) -> int:
    """Room that a file takes on the disk, or a folder with all in it. Links are not followed."""
    try:
        found = path.lstat().st_blocks * _BLOCK_BYTES
        if path.is_dir() and not path.is_symlink():
            with os.scandir(path) as entries:
                found += sum(_entry_bytes(entry) for entry in entries)
    except OSError:  # gone meanwhile, or not ours to read
        return 0
    return found


def _entry_bytes(entry: os.DirEntry[str]) -> int:
    if entry.is_dir(follow_symlinks=False):
        return num_bytes(Path(entry.path))
    return entry.stat(follow_symlinks=False).st_blocks * _BLOCK_BYTES


def _folders(parent: Path, is_known: Callable[[Path], bool]) -> Iterator[tuple[str, Path]]:
    """Folders of the workbench's names and with a file of it; what lies behind a link is nobody's to remove."""
    if parent.is_symlink() or not parent.is_dir():
        return
    for path in sorted(parent.iterdir()):
        if _NAMED.fullmatch(path.name) and path.is_dir() and not path.is_symlink() and is_known(path):
            yield path.name, path
