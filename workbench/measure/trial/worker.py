"""A trial's own process: ``python -m workbench.measure.trial.worker RUN_FOLDER --started-ns N``.

Reads `knobs.json` from the run folder, writes progress to stdout as JSON lines, and `record.json` last. Its standard
input is a leash: when it closes, whoever started the trial is gone, and the trial ends with all its processes.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import traceback
from datetime import UTC, datetime
from pathlib import Path

from workbench.errors import BadInput, WorkbenchError
from workbench.measure.trial.events import EventWriter
from workbench.measure.trial.measure import Trial
from workbench.records import Failure, FailureKind, Record
from workbench.records.run_folder import RECORD, read_knobs, write_json


def main() -> int:
    """Measure, and leave a record. Returns 0 for a trial that ended well, else 1."""
    arguments = _parse_arguments()
    folder: Path = arguments.folder
    _hold_leash()
    # Libraries that print must not garble the events: stdout is kept for those, everybody else gets stderr.
    events = EventWriter(os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8"))
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    knobs = read_knobs(folder)
    trial = Trial(knobs, folder, started_ns=arguments.started_ns, on_event=events)
    try:
        record = trial.run()
    except Exception as error:  # a failed trial is a result: whatever it was goes into the record
        if not isinstance(error, WorkbenchError):
            traceback.print_exc()
        record = Record(
            run_id=folder.name,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            status="failed",
            failure=Failure(kind=_kind(error), phase=trial.phase, message=_message(error)),
            knobs=knobs,
        )
    write_json(folder / RECORD, record)
    return 0 if record.status == "ok" else 1


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workbench.measure.trial.worker", description="run one trial")
    parser.add_argument("folder", type=Path, help="run folder with knobs.json in it")
    parser.add_argument("--started-ns", type=int, required=True, help="time.perf_counter_ns() at the process's start")
    return parser.parse_args()


def _hold_leash() -> None:
    """End this process and all its children when standard input closes."""

    def wait() -> None:
        while os.read(0, 4096):
            pass
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, name="leash", daemon=True).start()


def _kind(error: Exception) -> FailureKind:
    if isinstance(error, BadInput):
        return "bad_input"
    if type(error).__name__ == "LoaderDied":  # by name: importing it would import torch
        return "killed" if "Killed" in str(error) else "crash"
    return "error"


def _message(error: Exception) -> str:
    if isinstance(error, WorkbenchError) or _kind(error) != "error":
        return str(error)
    return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    sys.exit(main())
