"""A trial's own process: ``python -m workbench.measure.trial.worker RUN_FOLDER --started-ns N``.

Reads `knobs.json` from the run folder, writes progress to stdout as JSON lines, and `record.json` last. Its standard
input is a leash: when it closes, whoever started the trial is gone, and the trial ends with all its processes.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import multiprocessing.process
import os
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from workbench.errors import CannotWrite, WorkbenchError
from workbench.knobs.joined import RecordedKnobs
from workbench.knobs.observed import ObservedKnobs
from workbench.measure.attach.seen import shared_folder
from workbench.measure.ranks.ranked_trial import RankedTrial, RankFailed
from workbench.measure.timing.moment import Moment
from workbench.measure.trial.events import EventWriter
from workbench.measure.trial.freezing import go_on_without_parent, pauses_file
from workbench.measure.trial.measure import Trial
from workbench.measure.trial.process_tree import end_own_session
from workbench.measure.trial.remedies import kind_of, with_remedy
from workbench.measure.trial.template import leave_modules
from workbench.observer.clock import pauses
from workbench.observer.sockets import meet_in
from workbench.records import Failure, Phase, Record
from workbench.records.run_folder import RECORD, read_knobs, write_json

if TYPE_CHECKING:
    from workbench.measure.attach.observe import Observed

#: Exit code of a trial that could not write its record.
NO_RECORD = 73  # EX_CANTCREAT of sysexits.h

#: Files that a trial holds open, so that one which can open no more can still write its record.
_SPARE_FILES = 4

#: Set when whoever has started this trial is gone: it is being ended, and what it would begin to write stays half done.
_alone = threading.Event()

#: What a worker raised, as torch gives it to the main process.
_FROM_WORKER = "in DataLoader worker process"


def main() -> int:
    """Measure, and leave a record. Returns 0 for a trial that ended well, 1 for another, `NO_RECORD` without record."""
    arguments = parse_arguments("python -m workbench.measure.trial.worker", "run one trial")
    folder: Path = arguments.folder
    hold_leash(folder)
    meet_in(str(shared_folder(folder)), multiprocessing.process)
    events = take_stdout()
    knobs = read_knobs(folder)
    trial: Trial | Observed | RankedTrial
    if isinstance(knobs, ObservedKnobs):
        from workbench.measure.attach.observe import Observed

        trial = Observed(knobs, folder, started_ns=arguments.started_ns, on_event=EventWriter(events))
    elif knobs.ranks > 1:
        trial = RankedTrial(knobs, folder, started_ns=arguments.started_ns, events_fd=events.fileno())
    else:
        trial = Trial(knobs, folder, started_ns=arguments.started_ns, on_event=EventWriter(events))
    code = leave_record(trial, knobs, folder)
    if pauses is not None:
        leave_modules(folder)
    return code


def leave_record(trial: Trial | Observed | RankedTrial, knobs: RecordedKnobs, folder: Path) -> int:
    """Run a trial and write its record, however it ends; gives the exit code of `main`."""
    try:
        with _spare_files():
            record = trial.run()
    except Exception as raised:  # a failed trial is a result: whatever it was goes into the record
        error = with_remedy(raised, folder)
        if not isinstance(error, WorkbenchError | RankFailed):  # these say all
            with contextlib.suppress(OSError):  # stderr is a file in the run folder, whose disk may be full
                traceback.print_exc()
        record = Record(
            run_id=folder.name,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            status="failed",
            failure=_failure(error, trial.phase),
            knobs=knobs,
        )
    if _alone.is_set():
        _hang()
    try:
        write_json(folder / RECORD, record)
    except CannotWrite as refused:
        with contextlib.suppress(OSError):
            print(refused, file=sys.stderr)
        return NO_RECORD
    if _alone.is_set():
        _hang()  # this process is the only one that can still clean up, and is about to
    return 0 if record.status == "ok" else 1


def _hang() -> NoReturn:
    """Wait for the end, which others see to."""
    while True:
        time.sleep(1.0)


@contextlib.contextmanager
def _spare_files() -> Iterator[None]:
    """Hold some files open within the block."""
    spare = [os.open(os.devnull, os.O_RDONLY) for _ in range(_SPARE_FILES)]
    try:
        yield
    finally:
        for descriptor in spare:
            os.close(descriptor)


def take_stdout() -> TextIO:
    """Keep standard output for events, which libraries that print must not garble: everybody else gets stderr."""
    events = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return events


def parse_arguments(program: str, what: str) -> argparse.Namespace:
    """The run folder, and when the trial was started."""
    parser = argparse.ArgumentParser(prog=program, description=what)
    parser.add_argument("folder", type=Path, help="run folder with knobs.json in it")
    parser.add_argument("--started-ns", type=int, required=True, help="time.perf_counter_ns() at the process's start")
    return parser.parse_args()


def hold_leash(folder: Path) -> None:
    """End this process and all its children when standard input closes."""
    began = Moment()
    if pauses is not None:
        go_on_without_parent()

    def wait() -> None:
        while os.read(0, 4096):
            pass
        _alone.set()
        end_own_session(began, lambda: _remove_shared(folder))

    threading.Thread(target=wait, name="leash", daemon=True).start()


def _remove_shared(folder: Path) -> None:
    """Remove what lies in memory for this trial."""
    shutil.rmtree(shared_folder(folder), ignore_errors=True)
    with contextlib.suppress(OSError):
        pauses_file(folder).unlink(missing_ok=True)


def _failure(error: Exception, phase: Phase) -> Failure:
    if isinstance(error, RankFailed):
        return error.failure
    return Failure(kind=kind_of(error), phase=phase, message=_message(error))


def _message(error: Exception) -> str:
    if isinstance(error, WorkbenchError) or kind_of(error) != "error":
        return str(error)
    text = str(error)
    if _FROM_WORKER in text:
        # torch makes a text of what a worker raised, with the traceback in it, which is in stderr.txt as well.
        return f"{text.splitlines()[-1]} (in a loader worker)"
    return f"{type(error).__name__}: {text}"


def leave(code: int) -> NoReturn:
    """End this process at once: all is written, and to take down what it has imported would take a second."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    ctypes.CDLL(None).fflush(None)  # what libraries have written
    os._exit(code)


if __name__ == "__main__":
    leave(main())
