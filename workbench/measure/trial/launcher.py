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
from workbench.measure.profilers.memory_over_time import tree_pss_bytes
from workbench.measure.timing.spans import monotonic_ns
from workbench.measure.trial.events import Event, parse_event
from workbench.measure.trial.freezing import Freezer, pauses_file
from workbench.measure.trial.machine import MachineWatch
from workbench.measure.trial.process_tree import ProcessTree
from workbench.measure.trial.template import Forked, Template
from workbench.measure.trial.variables import left_out_note, without_deciding
from workbench.measure.trial.worker import NO_RECORD
from workbench.observer.clock import VARIABLE as PAUSES
from workbench.observer.clock import Pauses
from workbench.records import Failure, FailureKind, Machine, Phase, Program, Record, Slice
from workbench.records.in_use import Hold
from workbench.records.run_folder import EVENTS, RECORD, STDERR, new_run_folder, read_record, write_json, writing
from workbench.units import NS_PER_S, format_duration

_WORKER = ("-m", "workbench.measure.trial.worker")

#: Why a trial was stopped.
Stopped = tuple[FailureKind, str]
INTERRUPTED: Stopped = "cancelled", "interrupted from the keyboard"

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
    launch = Launch(knobs, runs, program=program, on_event=on_event)
    watch = MachineWatch()
    stopped: Stopped | None = None
    try:
        launch.start()
        while (stopped := launch.look(cancel)) is None and not launch.has_ended:
            launch.wait(_POLL_S)
    except KeyboardInterrupt:
        stopped = INTERRUPTED
        raise
    finally:
        launch.end(stopped)
        record = launch.record(watch.describe())
    launch.raise_callers_error()
    return record


class Launch:
    """One trial from the start of its process to its record; whoever has made it looks after it.

    Args:
        knobs: As for `run_trial`.
        runs: Likewise.
        program: Likewise.
        on_event: Likewise.
        in_turns: Whether it takes turns with other trials: then it can be frozen, and counts until `finish` is called.
        template: What it is forked from, where that is the same to what is measured; None: it is started anew.

    Attributes:
        phase: What the trial is doing, by its last event.
        freezer: Freezes it, and lets it go on; None where it takes no turns.
    """

    def __init__(
        self,
        knobs: Knobs,
        runs: Path,
        *,
        program: Program | None = None,
        on_event: Callable[[Event], None] | None = None,
        in_turns: bool = False,
        template: Template | None = None,
    ) -> None:
        self._knobs = knobs
        self._is_foreign = program is not None
        self._program = program or Program(name="this workbench", python=sys.executable)
        self._folder = new_run_folder(runs, knobs, only_changed=program is not None)
        self._hold = Hold(self._folder)  # `workbench clean` leaves it alone
        self._on_event = on_event or (lambda event: None)
        self.phase: Phase = "launch"
        self._started_ns = monotonic_ns()
        self._began_ns: dict[Phase, int] = {"launch": self._started_ns}
        self._looked_ns = 0
        self._last: Event | None = None
        self._steps: tuple[tuple[float, int], tuple[float, int]] | None = None
        self._callers_error: Exception | None = None
        self._events_error: OSError | None = None
        self._left_out: dict[str, str] = {}
        self._template = template if in_turns and template and self._can_be_forked() else None
        self._process: subprocess.Popen[str] | Forked | None = None
        self._stopped: Stopped | None = None
        self._pauses = Pauses.make(str(pauses_file(self._folder))) if in_turns else None
        self.freezer: Freezer | None = None
        self._slices: list[Slice] | None = None
        self._wall_s = 0.0
        self._has_been_ended = False

    def start(self) -> None:
        """Start its process.

        Raises:
            CannotWrite: Where its run folder cannot be written to.
        """
        if self._template is not None and not self._template.is_alive:
            self._template = None
        arguments = [str(self._folder), "--started-ns", str(self._started_ns)]
        with writing(self._folder / STDERR), (self._folder / STDERR).open("w", encoding="utf-8") as stderr:
            process: subprocess.Popen[str] | Forked
            if self._template is not None:
                process = self._template.fork(arguments, self._environment(), stderr)
            else:
                process = subprocess.Popen(
                    [self._program.python, *_WORKER, *arguments],
                    stdin=subprocess.PIPE,  # the leash: closes when this process is gone
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    text=True,
                    start_new_session=True,
                    env=self._environment(),
                )
        self._process = process
        self._tree = ProcessTree(process)
        if self._pauses is not None:
            self.freezer = Freezer(process.pid, self._pauses)
        self._pump_thread = threading.Thread(target=self._pump, args=(process,), name="trial-events", daemon=True)
        self._pump_thread.start()

    def _can_be_forked(self) -> bool:
        """Whether nothing that is settled at imports is another than in all trials."""
        return not self._is_foreign and self._knobs.workload != OBSERVED and not self._knobs.env

    def look(self, cancel: threading.Event | None = None) -> Stopped | None:
        """See to it, now and then; gives the reason where it has to be stopped."""
        if monotonic_ns() - self._looked_ns > _LOOK_NS:
            self._looked_ns = monotonic_ns()
            self._tree.look()
        if cancel is not None and cancel.is_set():
            return "cancelled", "cancelled"
        if self._callers_error is not None:
            return "cancelled", f"whoever followed its progress failed ({self._callers_error!r})"
        timeout_s = self._knobs.timeout_s
        if self.ran_s > timeout_s:
            took = f"took longer than timeout_s = {format_duration(timeout_s)} ({self._how_far()})"
            return "timeout", f"{took}. Raise timeout_s, or lower num_steps"
        return None

    def wait(self, seconds: float) -> None:
        """Wait for its end, but no longer than this."""
        assert self._process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    @property
    def has_ended(self) -> bool:
        """Whether its process is gone."""
        return self._process is not None and self._process.poll() is not None

    @property
    def ran_s(self) -> float:
        """Since when it has been running, without the time for which it was frozen."""
        frozen_ns = 0 if self.freezer is None else self.freezer.frozen_ns
        return (monotonic_ns() - self._started_ns - frozen_ns) / NS_PER_S

    @property
    def step_s(self) -> float | None:
        """What a step takes, by its warm-up or by its counted steps so far; None where too few are known."""
        if self._steps is None:
            return None
        (first_s, first), (last_s, last) = self._steps
        return (last_s - first_s) / (last - first) if last > first else None

    @property
    def memory_bytes(self) -> int:
        """What its processes hold now."""
        assert self._process is not None
        return tree_pss_bytes(self._process.pid)

    def finish(self) -> None:
        """Let a trial that takes turns end: it has counted enough. Frozen later, it is in no slice any more."""
        if self._pauses is not None and self.freezer is not None:
            self._slices = list(self.freezer.slices)
            self._pauses.end()

    def end(self, stopped: Stopped | None = None) -> None:
        """End all of its processes; also after a good end, for no loader worker may outlive its trial.

        Args:
            stopped: Why, where it had not come to its end.
        """
        if self._process is None or self._has_been_ended:
            return
        self._has_been_ended = True
        self._stopped = stopped
        if self.freezer is not None:
            self.freezer.thaw()
        self._wall_s = self.ran_s
        self._tree.end()
        shutil.rmtree(shared_folder(self._folder), ignore_errors=True)
        pauses_file(self._folder).unlink(missing_ok=True)
        self._pump_thread.join(timeout=5.0)
        self._close(self._process)

    def raise_callers_error(self) -> None:
        """Raise what `on_event` has raised."""
        if self._callers_error is not None:
            raise self._callers_error

    def _environment(self) -> dict[str, str]:
        """The trial's environment. A script that is observed gets its own from the process that observes it."""
        environment = child_environment(self._program.environment() if self._is_foreign else None)
        if self._pauses is not None:
            environment[PAUSES] = str(pauses_file(self._folder))
        if self._knobs.workload == OBSERVED:
            return environment
        given, self._left_out = without_deciding(environment)
        return given | variables_in(self._knobs.env)

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

    def _pump(self, process: subprocess.Popen[str] | Forked) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            event = parse_event(line)
            if event is not None:
                self._keep(line)
                self.phase = event.phase
                self._began_ns.setdefault(event.phase, monotonic_ns())
                if event.phase in ("warmup", "steady") and event.done:
                    at = self.ran_s, event.done
                    is_new = self._steps is None or self._last is None or self._last.phase != event.phase
                    self._steps = (at, at) if is_new or self._steps is None else (self._steps[0], at)
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
    def _close(process: subprocess.Popen[str] | Forked) -> None:
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def record(self, machine: Machine) -> Record:
        """Its record, when it has ended: its own, or one that says how it ended without writing any.

        Args:
            machine: What the machine did meanwhile.
        """
        returncode = None if self._process is None else self._process.returncode
        tail = self._stderr_tail()
        record = self._left_record()
        if record is not None:
            if record.failure is not None and record.failure.kind != "bad_input":
                failure = record.failure.model_copy(update={"stderr_tail": tail})
                record = record.model_copy(update={"failure": failure})
        else:
            told = self._stopped or self._foreign_record() or self._no_record(returncode)
            kind, message = told or _how_it_died(returncode)
            record = Record(
                run_id=self._folder.name,
                created_at=datetime.now(UTC).isoformat(timespec="seconds"),
                status="failed",
                failure=Failure(kind=kind, phase=self.phase, message=message, stderr_tail=tail),
                knobs=self._knobs,
            )
        notes = list(record.notes)
        if self._left_out:
            notes.append(left_out_note(self._left_out))
        if self._events_error is not None:
            notes.append(f"{EVENTS} is not complete: {self._events_error.strerror or self._events_error}")
        machine = machine.model_copy(update={"wall_s": self._wall_s})
        so_far = [] if self.freezer is None else self.freezer.slices
        slices = so_far if self._slices is None else self._slices
        known = {"machine": machine, "notes": notes, "slices": slices, "forked": self._template is not None}
        record = record.model_copy(update=known)
        self._hold.release()
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
            failure = Failure(kind="error", phase=self.phase, message=f"{error}{before}")
            return record.model_copy(update={"status": "failed", "failure": failure})
        return record

    def _no_record(self, returncode: int | None) -> tuple[FailureKind, str] | None:
        """Why a trial has left none, where it says that it found no room for it."""
        said = returncode == NO_RECORD and not self._is_foreign
        return ("error", str(CannotWrite.full(self._folder / RECORD))) if said else None

    def _left_record(self) -> Record | None:
        """The record that the trial has written, where this workbench can read it."""
        try:
            return read_record(self._folder)
        except BadInput:
            return None

    def _foreign_record(self) -> tuple[FailureKind, str] | None:
        """Why a record that is there is of no use: another workbench may write another kind."""
        try:
            read_record(self._folder)
        except BadInput as error:
            why = f"'{self._program.name}' has left a record that this workbench cannot read: {error}"
            return ("error", why) if (self._folder / RECORD).is_file() else None
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
