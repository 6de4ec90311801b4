"""Faults of searches: interrupted in each of their parts, with files that are gone or damaged, and trials that die."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from promise.fault import Fault
from promise.interrupt_faults import Moment, command, hit
from promise.left_over import Watch

from workbench.files import child_environment
from workbench.records import Tuning
from workbench.records.run_folder import COMPARISON, RECORD, TUNE, list_runs, read_tuning

#: Short trials: two of the baseline (one warms up), and two of values; then the blocks, and the fresh comparison.
_GRID = ("--grid", "cache=none,decoded", "--grid", "transport=torch,ring", "--minutes", "2")

_KNOBS = ("num_steps=60", "checked_samples=2")

#: Where a search is, by the number of its trials.
WARM_UP, OF_A_VALUE, IN_BLOCKS = Moment("warm-up"), Moment("trial of a value", 2), Moment("blocks", 5)

Damage = Callable[[Path], object]


def words_of(results: Path) -> list[str]:
    """The command of a search of few small pages."""
    return [*command("tune", results, *_KNOBS), *_GRID]


def plant_and_go_on(folder: Path, *, number: signal.Signals, at: Moment, damage: Damage) -> list[str]:
    """Interrupt a search, damage something of it, and go on: it comes to an answer, and what has run counts.

    Args:
        folder: An empty folder.
        number: The signal.
        at: When it is sent.
        damage: Is given the folder of the search before it goes on.

    Returns:
        Every way in which it was not survived.
    """
    watch, results = Watch(folder), folder / "results"
    lost = hit(watch, words_of(results), results, number=number, at=at)
    lost += watch.left(temporary=number != signal.SIGKILL)
    lost += [f"there is a page: {path.name}" for path in results.glob("*.html")]
    found = list(results.glob(f"tunings/*/{TUNE}"))
    if len(found) != 1:
        return [*lost, f"{len(found)} searches are there"]
    said = (folder / "said.txt").read_text()
    if number != signal.SIGKILL and "workbench tune --resume" not in said:
        lost.append(f"it does not say how to go on: {said[-300:]}")
    before = read_tuning(found[0].parent)
    damage(found[0].parent)
    code, text, tuning = _go_on(folder, found[0].parent)
    if code != 0 or "Traceback" in text:
        return [*lost, f"it does not go on (exit code {code}): {text[-500:]}"]
    return [*lost, *_not_whole(tuning, before, results, is_damaged=damage is not _nothing)]


def _nothing(tuning: Path) -> None:
    """Nothing is damaged."""


def _go_on(folder: Path, tuning: Path) -> tuple[int, str, Tuning]:
    watch = Watch(folder / "again")
    words = [sys.executable, "-m", "workbench", "tune", "--resume", str(tuning), "--minutes", "2"]
    ended = subprocess.run(words, capture_output=True, text=True, env=child_environment(watch.environment), timeout=400)
    return ended.returncode, ended.stdout + ended.stderr, read_tuning(tuning)


def _not_whole(tuning: Tuning, before: Tuning, results: Path, *, is_damaged: bool) -> list[str]:
    """What a search lacks that has come to its end."""
    lost = []
    if tuning.stop != "done":
        lost.append(f"it has not come to its end: {tuning.stop}")
    if not is_damaged and [v.run_id for v in tuning.values][: len(before.values)] != [v.run_id for v in before.values]:
        lost.append("short trials that had run do not count any more")
    names = [*tuning.comparisons, *([tuning.confirmation] if tuning.confirmation else [])]
    missing = [name for name in names if not (results / "comparisons" / name / COMPARISON).is_file()]
    kept = [name for name in before.comparisons if name not in names]
    lost += [f"comparison {name} has no end" for name in missing if not is_damaged]
    lost += [f"comparison {name} is lost" for name in kept]
    if not list(results.glob("tune-*.html")):
        lost.append("there is no page")
    return lost


def plant_damage(folder: Path, damage: Damage, *, words: str) -> list[str]:
    """Damage the file of a search that was interrupted: it is refused by name, and nothing is written.

    Args:
        folder: An empty folder.
        damage: Is given the folder of the search.
        words: What has to be said.

    Returns:
        Every way in which it was not survived.
    """
    watch, results = Watch(folder), folder / "results"
    lost = hit(watch, words_of(results), results, number=signal.SIGINT, at=OF_A_VALUE)
    (path,) = results.glob(f"tunings/*/{TUNE}")
    damage(path.parent)
    runs = len(list(list_runs(results / "runs")))
    words_given = [sys.executable, "-m", "workbench", "tune", "--resume", str(path.parent)]
    ended = subprocess.run(words_given, capture_output=True, text=True, env=child_environment(watch.environment))
    if ended.returncode != 2 or words not in ended.stderr or "Traceback" in ended.stderr:
        lost.append(f"exit code {ended.returncode}: {ended.stderr[-400:]}")
    if len(list(list_runs(results / "runs"))) != runs:
        lost.append("something has run")
    return lost


def _cut(tuning: Path) -> None:
    path = tuning / TUNE
    path.write_bytes(path.read_bytes()[:200])


def _without_records(tuning: Path) -> None:
    """All records of short trials but the baseline's are gone."""
    found = read_tuning(tuning)
    for value in found.values:
        if value.settings and value.run_id is not None:
            (Path(found.runs) / value.run_id / RECORD).unlink()


def _without_runs(tuning: Path) -> None:
    shutil.rmtree(Path(read_tuning(tuning).runs))


def _without_comparison(tuning: Path) -> None:
    """The folder of the comparison that was under way is gone."""
    for name in read_tuning(tuning).comparisons:
        shutil.rmtree(tuning.parent.parent / "comparisons" / name)


def _faults() -> Sequence[Fault]:
    moments = (WARM_UP, OF_A_VALUE, IN_BLOCKS)
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
    interrupted = [
        Fault(
            f"{number.name}, and on",
            "search",
            at.name,
            partial(plant_and_go_on, number=number, at=at, damage=_nothing),
        )
        for number in signals
        for at in moments
    ]
    damaged = [
        Fault("records of values gone, and on", "search", OF_A_VALUE.name,
              partial(plant_and_go_on, number=signal.SIGINT, at=OF_A_VALUE, damage=_without_records)),
        Fault("comparison gone, and on", "search", IN_BLOCKS.name,
              partial(plant_and_go_on, number=signal.SIGKILL, at=IN_BLOCKS, damage=_without_comparison)),
        Fault("cut", "search", f"middle of {TUNE}", partial(plant_damage, damage=_cut, words=TUNE)),
        Fault("runs gone", "search", "before it goes on",
              partial(plant_damage, damage=_without_runs, words="the folder of its trials is gone")),
    ]  # fmt: skip
    return [*interrupted, *damaged]


FAULTS = tuple(_faults())
