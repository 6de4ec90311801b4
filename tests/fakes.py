"""What stands in for real trials where only their records matter: one fake for all suites, given as `launch=`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from record_factory import make_record

from workbench.knobs.knobs import Knobs
from workbench.records import Failure, Machine, Program, Record
from workbench.records.run_folder import RECORD, new_run_folder, write_json


class FakeTrials:
    """Trials that end at once and leave their records (see `measure.trial.launcher.run_trial`).

    Args:
        rate: Samples per second of a trial, by its knobs and its number.
        fields: More of its record.

    Attributes:
        ran: The knobs of the trials, in the order they ran.
        programs: What measured them.
        disturbed: Numbers of trials beside which others were busy.
        before: Called before each trial with its number.
        fails: Whether a trial fails, by its knobs and its number.
    """

    def __init__(self, rate: Callable[[Knobs, int], float] = lambda knobs, number: number + 1.0, **fields: Any) -> None:
        self._rate = rate
        self._fields = fields
        self.ran: list[Knobs] = []
        self.programs: list[Program | None] = []
        self.disturbed: set[int] = set()
        self.before: Callable[[int], Any] = lambda number: None
        self.fails: Callable[[Knobs, int], bool] = lambda knobs, number: False

    def __call__(self, knobs: Knobs, runs: Path, *, program: Program | None = None, **_: object) -> Record:
        number = len(self.ran)
        self.before(number)
        self.ran.append(knobs)
        self.programs.append(program)
        folder = new_run_folder(runs, knobs)
        machine = Machine(wall_s=1.0, other_cores=float(number in self.disturbed), steal_share=0.0, load_1min=0.0)
        changes: dict[str, Any] = {"knobs": knobs, "machine": machine, **self._fields}
        if self.fails(knobs, number):
            failure = Failure(kind="error", phase="steady", message="out of luck")
            changes |= {"status": "failed", "failure": failure, "steady": None}
        record = make_record(self._rate(knobs, number), name=folder.name).model_copy(update=changes)
        write_json(folder / RECORD, record)
        return record
