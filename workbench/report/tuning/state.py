"""A search in its folder: `tune.json` as it grows, and the time that it has taken."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from workbench.errors import BadInput, Problem, WorkbenchError
from workbench.knobs.knobs import Knobs
from workbench.knobs.space import Axis, Space
from workbench.measure.timing.spans import Clock
from workbench.records import Comparison, MeasuredValue, Record, Tuning
from workbench.records.in_use import Hold
from workbench.records.run_folder import TUNE, read_comparison, read_record, read_tuning, write_json
from workbench.report.outcome import COMPARISONS, TUNINGS
from workbench.units import NS_PER_S

Phase = Literal["values_s", "predictions_s", "blocks_s", "confirmation_s"]


class Cancelled(WorkbenchError):
    """The search ends before its end: cancelled, or without nodes. What has run until then is on disk."""


class TuningFolder:
    """What a search has found so far, on disk after every step.

    Args:
        folder: Where `tune.json` lies.
        tuning: The search.
        clock: Reads the time.

    Attributes:
        folder: See there.
        tuning: See there; replaced as it grows.
        on_change: Called after each change that is written down.
    """

    def __init__(self, folder: Path, tuning: Tuning, clock: Clock) -> None:
        self.folder = folder
        self.tuning = tuning
        self._clock = clock
        self._hold: Hold | None = None
        self._begun: tuple[Phase, int] | None = None
        self.on_change: Callable[[Tuning], None] = lambda tuning: None
        self.change()
        self._hold = Hold(folder)  # `workbench clean` leaves it alone

    @property
    def results(self) -> Path:
        """The folder of results that it lies in."""
        return self.folder.parent.parent

    @property
    def runs(self) -> Path:
        """The folder of its trials."""
        return Path(self.tuning.runs)

    @property
    def space(self) -> Space:
        """What is searched."""
        return space_in(self.tuning)

    @property
    def confirmation(self) -> Comparison | None:
        """The comparison that confirms, where it came to a verdict."""
        tuning = self.tuning
        if tuning.verdict is None or tuning.confirmation is None:
            return None
        return read_comparison(self.results / COMPARISONS / tuning.confirmation)

    @property
    def last_comparison(self) -> Comparison | None:
        """The one that confirms, or the last one that chose; None where nothing was compared to its end."""
        for name in reversed([*self.tuning.comparisons, *filter(None, [self.tuning.confirmation])]):
            with contextlib.suppress(BadInput):
                return read_comparison(self.results / COMPARISONS / name)
        return None

    @property
    def spent_s(self) -> float:
        """Seconds of all of it, before a stop as well."""
        running_s = 0.0 if self._begun is None else (self._clock() - self._begun[1]) / NS_PER_S
        return self.tuning.spent.total_s + running_s

    @property
    def left_s(self) -> float:
        """Seconds that are left of what was given."""
        return self.tuning.budget_s - self.spent_s

    @contextlib.contextmanager
    def spending(self, phase: Phase) -> Iterator[None]:
        """The time of what is done within is that of a phase, however it ends."""
        self._begun = phase, self._clock()
        try:
            yield
        finally:
            spent = self.tuning.spent
            took_s = (self._clock() - self._begun[1]) / NS_PER_S
            self._begun = None
            self.change(spent=spent.model_copy(update={phase: getattr(spent, phase) + took_s}))

    def change(self, **fields: Any) -> None:
        """Replace fields, and write them down."""
        self.tuning = self.tuning.model_copy(update=fields)
        write_json(self.folder / TUNE, self.tuning)
        self.on_change(self.tuning)

    def record_of(self, value: MeasuredValue) -> Record | None:
        """The record of a value's trial; None where there is none, or it cannot be read any more."""
        return None if value.run_id is None else self.record_named(value.run_id)

    def record_named(self, run_id: str) -> Record | None:
        """A record of one of its trials; None where it cannot be read any more."""
        try:
            return read_record(self.runs / run_id)
        except BadInput:
            return None

    def note(self, text: str) -> None:
        """One more thing that a reader has to know."""
        if text not in self.tuning.notes:
            self.change(notes=[*self.tuning.notes, text])


def space_in(tuning: Tuning) -> Space:
    """The space of a search as it was begun."""
    baseline: Knobs = tuning.baseline
    axes = []
    for name, values in tuning.axes.items():
        # JSON has no tuples: what a value is, its knob knows.
        typed = tuple(None if value is None else baseline.typed(name, value) for value in values)
        axes.append(Axis(name, typed))
    return Space(baseline, tuple(axes))


def read_to_go_on(folder: Path) -> Tuning:
    """A search as it was left, where it can go on.

    Raises:
        BadInput: Where there is none, or the folder of its trials is gone.
    """
    tuning = read_tuning(folder)
    if not Path(tuning.runs).is_dir():
        what = "the folder of its trials is gone"
        raise BadInput(str(folder), [Problem(what, tuning.runs, "Move it back to where it was")])
    return tuning


def open_tuning(folder: Path, *, minutes: float, clock: Clock) -> TuningFolder:
    """A search that goes on.

    Args:
        folder: Where it lies.
        minutes: Minutes that it may take beyond what it has taken, where that is more than was left; 0: what was left.
        clock: Reads the time.

    Raises:
        BadInput: Where there is none, or the folder of its trials is gone.
    """
    tuning = read_to_go_on(folder)
    budget_s = max(tuning.budget_s, tuning.spent.total_s + minutes * 60.0)
    is_longer = budget_s > tuning.budget_s
    stop = None if is_longer and tuning.stop == "no_time" else tuning.stop
    more_s = None if stop is None else tuning.more_s
    return TuningFolder(folder, tuning.model_copy(update={"budget_s": budget_s, "stop": stop, "more_s": more_s}), clock)


def interrupted_tunings(reports: Path, is_new: Callable[[Path], bool] = lambda folder: True) -> list[Path]:
    """The folders of searches that have not come to their end, oldest first."""
    found = []
    for path in sorted((reports / TUNINGS).glob(f"*/{TUNE}")):
        with contextlib.suppress(BadInput):
            if is_new(path.parent) and read_tuning(path.parent).stop is None:
                found.append(path.parent)
    return found
