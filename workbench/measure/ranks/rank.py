"""One rank of a trial: ``python -m workbench.measure.ranks.rank RUN_FOLDER --started-ns N``.

Torchrun's agent starts it. It is a trial by itself, in the folder `rank-N` of the run, that exchanges gradients with
the others. Rank 0 tells of its progress.
"""

from __future__ import annotations

import multiprocessing.process
import os

from workbench.measure.attach.seen import shared_folder
from workbench.measure.ranks.ranked_trial import folder_of
from workbench.measure.timing.ranks import leave_ranks
from workbench.measure.trial.events import Event, EventWriter
from workbench.measure.trial.measure import Trial
from workbench.measure.trial.worker import hold_leash, leave, leave_record, parse_arguments, take_stdout
from workbench.observer.sockets import meet_in
from workbench.records.run_folder import read_knobs


def main() -> int:
    """Measure, and leave a record. Returns what the worker of a trial returns."""
    arguments = parse_arguments("python -m workbench.measure.ranks.rank", "run one rank of a trial")
    number = int(os.environ["RANK"])
    folder = folder_of(arguments.folder, number)
    hold_leash(folder)
    meet_in(str(shared_folder(arguments.folder)), multiprocessing.process)
    events = EventWriter(take_stdout())
    knobs = read_knobs(folder)
    on_event = events if number == 0 else _unheard
    trial = Trial(knobs, folder, started_ns=arguments.started_ns, on_event=on_event, is_rank=True)
    code = leave_record(trial, knobs, folder)
    if code == 0:
        leave_ranks()
    return code


def _unheard(event: Event) -> None:
    """Nobody follows."""


if __name__ == "__main__":
    leave(main())
