"""What stands in for real trials where only their records matter: fakes for all suites."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from record_factory import make_record

from workbench.knobs.knobs import Knobs
from workbench.measure.comparison.sliced_block import NoRoom
from workbench.records import Failure, Machine, Program, Record, Slicing
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


class FakeBlocks:
    """Blocks in turns that end at once (see `measure.comparison.sliced_block.run_sliced_block`).

    Args:
        trials: Gives their trials.

    Attributes:
        orders: The orders of the slices of each block.
        templates: What its trials were to be forked from.
        fails_beside: Numbers of workers with which a trial runs by itself only.
        no_room: Whether the trials do not fit into memory.
    """

    def __init__(self, trials: FakeTrials) -> None:
        self.trials = trials
        self.orders: list[Sequence[Sequence[str]]] = []
        self.templates: list[object] = []
        self.fails_beside: set[int] = set()
        self.no_room = False

    def __call__(
        self, variants: Mapping[str, Knobs], runs: Path, orders: Sequence[Sequence[str]], slicing: Slicing,
        *, template: object, cancel: object = None, **_: object,
    ) -> dict[str, Record]:  # fmt: skip
        if self.no_room:
            raise NoRoom("there is no room for 'b' beside the others")
        self.orders.append(orders)
        self.templates.append(template)
        found = {}
        fails = self.trials.fails
        self.trials.fails = lambda knobs, number: knobs.num_workers in self.fails_beside or fails(knobs, number)
        for name in variants:
            found[name] = self.trials(variants[name], runs, cancel=cancel)
        self.trials.fails = fails
        return found
