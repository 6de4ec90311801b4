"""Starts a trial in a process of its own and gives its record, however it ended.

This is the seam to where trials run: knobs in, record out. Today that is a child process on this machine.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from workbench.errors import BadInput, CannotWrite
from workbench.files import child_environment
from workbench.knobs.knobs import Knobs
from workbench.knobs.observed import OBSERVED
from workbench.knobs.variables import variables_in
from workbench.measure.attach.seen import shared_folder
from workbench.measure.timing.spans import monotonic_ns
from workbench.measure.trial.events import Event, parse_event
from workbench.measure.trial.machine import MachineWatch
from workbench.measure.trial.process_tree import ProcessTree
from workbench.measure.trial.variables import left_out_note, without_deciding
from workbench.measure.trial.worker import NO_RECORD
from workbench.records import Failure, FailureKind, Phase, Program, Record
from workbench.records.run_folder import EVENTS, RECORD, STDERR, new_run_folder, read_record, write_json, writing
from workbench.units import NS_PER_S, format_duration

_WORKER = ("-m", "workbench.measure.trial.worker")

_STDERR_LINES = 20
_POLL_S = 0.05

#: How often it is looked who belongs to the trial: often enough to know a worker before it is gone.
_LOOK_NS = NS_PER_S // 5


def run_trial(
    knobs: Knobs,
    runs: Path,
    *,
    program: Program | None = None,
    on_event: Callable[[Event], None] | None = None,
    cancel: threading.Event | None = None,
) -> Record:
    """Run one trial.

    Args:
        knobs: What is to be measured.
        runs: Folder of run folders; the trial makes its own in it, named by its run id.
        program: Which workbench measures; None: this one.
        on_event: Called with progress, from a thread of the launcher.
        cancel: When set, the trial is ended with all its processes.

    Returns:
        The record. A trial that failed, crashed, was killed, took too long or was cancelled has a record that says so.

    Raises:
        CannotWrite: Where no run folder can be made. A full disk after that is a record that says so.
        KeyboardInterrupt: On an interrupt, after the trial has been ended and its record written.
        Exception: What `on_event` raised, likewise.
    """
    return _Launch(knobs, runs, program, on_event or (lambda event: None)).run(cancel or threading.Event())


class _Launch:
    def __init__(self, knobs: Knobs, runs: Path, program: Program | None, on_event: Callable[[Event], None]) -> None:
        self._knobs = knobs
        self._is_foreign = program is not None
        self._program = program or Program(name="this workbench", python=sys.executable)
        self._folder = new_run_folder(runs, knobs, only_changed=program is not None)
        self._watch = MachineWatch()
        self._on_event = on_event
        self._phase: Phase = "launch"
        self._started_ns = monotonic_ns()
        self._began_ns: dict[Phase, int] = {"launch": self._started_ns}
        self._last: Event | None = None
        self._callers_error: Exception | None = None
        self._events_error: OSError | None = None
        self._left_out: dict[str, str] = {}

    def run(self, cancel: threading.Event) -> Record:
        with writing(self._folder / STDERR), (self._folder / STDERR).open("w", encoding="utf-8") as stderr:
            process = subprocess.Popen(
                [self._program.python, *_WORKER, self._folder, "--started-ns", str(self._started_ns)],
                stdin=subprocess.PIPE,  # the leash: closes when this process is gone
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                start_new_session=True,
                env=self._environment(),
            )
        tree = ProcessTree(process)
        pump = threading.Thread(target=self._pump, args=(process,), name="trial-events", daemon=True)
        pump.start()
        stopped: tuple[FailureKind, str] | None = None
        try:
            stopped = self._wait(process, tree, cancel)
        except KeyboardInterrupt:
            stopped = ("cancelled", "interrupted from the keyboard")
            raise
        finally:
            # Also after a good end: no loader worker may outlive its trial.
            tree.end()
            shutil.rmtree(shared_folder(self._folder), ignore_errors=True)
            pump.join(timeout=5.0)
            self._close(process)
            record = self._finish(process.returncode, stopped)
        if self._callers_error is not None:
            raise self._callers_error
        return record

    def _environment(self) -> dict[str, str]:
        """The trial's environment. A script that is observed gets its own from the process that observes it."""
        environment = child_environment(self._program.environment() if self._is_foreign else None)
        if self._knobs.workload == OBSERVED:
            return environment
        given, self._left_out = without_deciding(environment)
        return given | variables_in(self._knobs.env)

    def _wait(
        self, process: subprocess.Popen[str], tree: ProcessTree, cancel: threading.Event
    ) -> tuple[FailureKind, str] | None:
        """Wait for the process's end; gives the reason where it has to be stopped before."""
        timeout_s = self._knobs.timeout_s
        looked_ns = 0
        while True:
            if monotonic_ns() - looked_ns > _LOOK_NS:
                looked_ns = monotonic_ns()
                tree.look()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_POLL_S)
                return None
            if cancel.is_set():
                return "cancelled", "cancelled"
            if self._callers_error is not None:
                return "cancelled", f"whoever followed its progress failed ({self._callers_error!r})"
            if monotonic_ns() - self._started_ns > timeout_s * NS_PER_S:
                remedy = "Raise timeout_s, or lower num_steps"
                took = f"took longer than timeout_s = {format_duration(timeout_s)} ({self._how_far()})"
                return "timeout", f"{took}. {remedy}"

    def _how_far(self) -> str:
        """The phases so far with what they took, and how much of the last one was done."""
        begins = [*self._began_ns.items()]
        ends = [begin for _, begin in begins[1:]] + [monotonic_ns()]
        took = [
            f"{phase} {format_duration((end - begin) / NS_PER_S)}"
            for (phase, begin), end in zip(begins, ends, strict=True)
            if phase == begins[-1][0] or end - begin >= NS_PER_S
        ]
        last = self._last
        counted = f": {last.done} of {last.total} done" if last is not None and last.total else ""
        return f"{', '.join(took)}{counted}"

    def _pump(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            event = parse_event(line)
            if event is not None:
                self._keep(line)
                self._phase = event.phase
                self._began_ns.setdefault(event.phase, monotonic_ns())
                self._last = event
                self._tell(event)

    def _keep(self, line: str) -> None:
        """Write an event down. A full disk must not stop the pipe from being emptied: the trial would hang on it."""
        if self._events_error is None:
            try:
                with (self._folder / EVENTS).open("a", encoding="utf-8") as events:
                    events.write(line)
            except OSError as error:
                self._events_error = error

    def _tell(self, event: Event) -> None:
        """Tell the caller. Its own error must not stop the pipe from being emptied: the trial would hang on it."""
        if self._callers_error is None:
            try:
                self._on_event(event)
            except Exception as error:
                self._callers_error = error

    @staticmethod
    def _close(process: subprocess.Popen[str]) -> None:
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _finish(self, returncode: int | None, stopped: tuple[FailureKind, str] | None) -> Record:
        """The record: the trial's own, or one that says how the trial ended without writing any."""
        tail = self._stderr_tail()
        record = self._left_record()
        if record is not None:
            if record.failure is not None and record.failure.kind != "bad_input":
                failure = record.failure.model_copy(update={"stderr_tail": tail})
                record = record.model_copy(update={"failure": failure})
        else:
            kind, message = stopped or self._foreign_record() or self._no_record(returncode) or _how_it_died(returncode)
            record = Record(
                run_id=self._folder.name,
                created_at=datetime.now(UTC).isoformat(timespec="seconds"),
                status="failed",
                failure=Failure(kind=kind, phase=self._phase, message=message, stderr_tail=tail),
                knobs=self._knobs,
            )
        notes = list(record.notes)
        if self._left_out:
            notes.append(left_out_note(self._left_out))
        if self._events_error is not None:
            notes.append(f"{EVENTS} is not complete: {self._events_error.strerror or self._events_error}")
        record = record.model_copy(update={"machine": self._watch.describe(), "notes": notes})
        return self._written(record, found_no_room=returncode == NO_RECORD)

    def _written(self, record: Record, *, found_no_room: bool) -> Record:
        """The record, written. Without room for it: one that says so, or has a note where the trial's own lies."""
        try:
            write_json(self._folder / RECORD, record)
        except CannotWrite as error:
            if (self._folder / RECORD).is_file():
                note = f"{RECORD} lies there without what the launcher knows of the machine: {error}"
                return record.model_copy(update={"notes": [*record.notes, note]})
            before = "" if record.failure is None or found_no_room else f". Before that: {record.failure.message}"
            failure = Failure(kind="error", phase=self._phase, message=f"{error}{before}")
            return record.model_copy(update={"status": "failed", "failure": failure})
        return record

    def _no_record(self, returncode: int | None) -> tuple[FailureKind, str] | None:
        """Why a trial has left none, where it says that it found no room for it."""
        if returncode != NO_RECORD or self._is_foreign:
            return None
        return "error", str(CannotWrite.full(self._folder / RECORD))

    def _left_record(self) -> Record | None:
        """The record that the trial has written, where this workbench can read it."""
        try:
            return read_record(self._folder)
        except BadInput:
            return None

    def _foreign_record(self) -> tuple[FailureKind, str] | None:
        """Why a record that is there is of no use: another workbench may write another kind."""
        if not (self._folder / RECORD).is_file():
            return None
        try:
            read_record(self._folder)
        except BadInput as error:
            return "error", f"'{self._program.name}' has left a record that this workbench cannot read: {error}"
        return None

    def _stderr_tail(self) -> str:
        if not (self._folder / STDERR).is_file():
            return ""
        text = (self._folder / STDERR).read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-_STDERR_LINES:])


def _how_it_died(returncode: int | None) -> tuple[FailureKind, str]:
    if returncode == -signal.SIGKILL:
        remedy = "Lower num_workers or batch_size, or take a smaller cache"
        return "killed", f"killed from outside (SIGKILL), as the kernel does when memory runs out. {remedy}"
    if returncode is not None and returncode < 0:
        return "crash", f"crashed by signal {signal.Signals(-returncode).name}"
    return "crash", f"ended with exit code {returncode} and left no record"
