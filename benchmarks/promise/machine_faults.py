"""Faults of the machine while a trial runs: something is killed, time, memory, files or room run out."""

from __future__ import annotations

import contextlib
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, get_args

import psutil
from promise.fault import Fault
from promise.left_over import Watch, watched_here

from workbench.knobs.joined import parse_knobs
from workbench.knobs.knobs import Knobs
from workbench.measure.trial.events import Event
from workbench.measure.trial.launcher import run_trial
from workbench.records import Phase, Record
from workbench.records.run_folder import list_runs, read_record

#: Few, small pages, and more steps than anybody waits for.
KNOBS: Mapping[str, Any] = {
    "device": "replay",
    "replay_ms_per_sample": 1.0,
    "num_pages": 4,
    "image_size": 64,
    "batch_size": 2,
    "num_workers": 2,
    "num_steps": 4000,
    "warmup_steps": 2,
    "cache": "decoded",
    "isolated_samples": 2,
    "checked_samples": 0,
    "timeout_s": 60.0,
}

#: With these it comes to its end soon.
SHORT: Mapping[str, Any] = {"num_steps": 6}

#: The phases of a trial in their order.
PHASES: tuple[Phase, ...] = (
    "launch", "imports", "dataset", "cache", "workers", "model", "engine", "warmup", "steady", "finish", "isolated",
)  # fmt: skip
assert set(PHASES) == set(get_args(Phase))

_POLL_S = 0.02

#: Does it to the process of a trial.
Act = Callable[[psutil.Process], None]

#: Makes the knobs of a trial.
Make = Callable[..., Knobs]


def _driven(**knobs: Any) -> Knobs:
    return parse_knobs({**KNOBS, **knobs})


def plant_in_trial(
    folder: Path, act: Act, *, phase: Phase, kinds: Sequence[str], words: str = "", make: Make = _driven, **knobs: Any
) -> list[str]:
    """Run a trial, and do something to its process.

    Args:
        folder: An empty folder.
        act: What is done.
        phase: In which phase of the trial.
        kinds: How the trial may fail; with "ok" among them it may end well too.
        words: A pattern of what its message, or a note of a trial that ended well, has to hold.
        make: Makes all knobs of the trial.
        knobs: What `make` is given.

    Returns:
        Every way in which it was not survived.
    """
    with watched_here(folder) as watch:
        hit = Hit(watch, act, phase)
        record = run_trial(make(**knobs), folder / "runs", on_event=hit.on_event)
        hit.stop()
        remove_groups()
        if not hit.done:
            return [f"phase {phase} was not reached: {record.failure}", *watch.left()]
        return [*hit.lost, *untold(record, phase, kinds, words), *other_on_disk(folder, record), *watch.left()]


class Hit:
    """Does something to a trial in a phase, from the thread of its events, or as soon as its process is there.

    Attributes:
        done: Whether it was done.
        lost: What went wrong with it.
    """

    def __init__(self, watch: Watch, act: Act, phase: Phase) -> None:
        self._watch, self._act, self._phase = watch, act, phase
        self.done, self.lost = False, list[str]()
        self._over = threading.Event()
        if phase == "launch":
            threading.Thread(target=self._wait, daemon=True).start()

    def on_event(self, event: Event) -> None:
        """To be called with every event of the trial."""
        if event.phase == self._phase and not self.done:
            self._hit()

    def stop(self) -> None:
        """Wait for it no longer."""
        self._over.set()

    def _wait(self) -> None:
        while not self._over.is_set() and not self.done:
            if any(map(_is_trial, self._watch.processes())):
                self._hit()
            time.sleep(_POLL_S)

    def _hit(self) -> None:
        trials = [process for process in self._watch.processes() if _is_trial(process)]
        try:
            self._act(trials[0])
            self.done = True
        except (psutil.NoSuchProcess, IndexError):
            self.lost.append("it was gone before it could be hit")


def untold(record: Record, phase: Phase, kinds: Sequence[str], words: str) -> Iterator[str]:
    """What a record does not tell of a fault."""
    if record.failure is None:
        if "ok" not in kinds:
            yield "it ended well"
        elif not re.search(words, "\n".join(record.notes)):
            yield f"its notes say nothing of it: {record.notes}"
        return
    failure = record.failure
    if failure.kind not in kinds:
        yield f"it failed as '{failure.kind}': {failure.message}"
    if not re.search(words, failure.message) or "Traceback" in failure.message:
        yield f"its message does not say it: {failure.message}"
    if PHASES.index(failure.phase) < PHASES.index(phase):
        yield f"it says that it was in phase {failure.phase}"


def other_on_disk(folder: Path, record: Record) -> Iterator[str]:
    """Where the record that lies there is another one."""
    kept = [read_record(path) for path in list_runs(folder / "runs")]
    if [one.model_dump_json() for one in kept] != [record.model_dump_json()]:
        yield f"what lies there is not what was told: {[one.failure or one.status for one in kept]}"


def _is_trial(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return "workbench.measure.trial.worker" in process.cmdline() and process.ppid() not in _trials_pids(process)
    return False


def _trials_pids(process: psutil.Process) -> set[int]:
    """Its parent, where that is the trial: a forked worker has the same command line."""
    parent = process.parent()
    is_worker = parent is not None and "workbench.measure.trial.worker" in parent.cmdline()
    return {parent.pid} if parent is not None and is_worker else set()


def worker_of(trial: psutil.Process) -> psutil.Process:
    """Its first loader worker, when there is one."""
    for _ in range(500):
        workers = [child for child in trial.children() if child.name() == "pt_data_worker"]
        if workers:
            return workers[0]
        time.sleep(_POLL_S)
    raise psutil.NoSuchProcess(trial.pid)


def send(trial: psutil.Process, number: signal.Signals) -> None:
    """Send the trial a signal."""
    trial.send_signal(number)


def send_worker(trial: psutil.Process, number: signal.Signals) -> None:
    """Send one of its workers a signal."""
    worker_of(trial).send_signal(number)


def limit(trial: psutil.Process, resource: int, more: int, *, workers: bool = False) -> None:
    """Let it, or its workers, have no more of something than it has now, and this much beside.

    With less than it has, whatever it has given back is lost to it, too.
    """
    for process in trial.children() if workers else [trial]:
        used = {
            psutil.RLIMIT_AS: lambda process=process: process.memory_info().vms,
            psutil.RLIMIT_NOFILE: process.num_fds,
            psutil.RLIMIT_FSIZE: lambda: 0,
        }[resource]()
        allowed = max(used + more, used // 2)
        process.rlimit(resource, (allowed, allowed))


_MIB = 1 << 20

#: Where control groups of memory are, of version 1.
_GROUPS = Path("/sys/fs/cgroup/memory")


def into_small_group(trial: psutil.Process) -> None:
    """Put it into a control group that leaves it nearly nothing: the kernel kills it for the next page."""
    group = _GROUPS / f"fault-{trial.pid}"
    group.mkdir()
    (group / "memory.limit_in_bytes").write_text(str(_MIB // 4))
    (group / "cgroup.procs").write_text(str(trial.pid))


def remove_groups() -> None:
    """Remove the control groups of trials that are gone."""
    for group in _GROUPS.glob("fault-*"):
        with contextlib.suppress(OSError):
            group.rmdir()


def _faults() -> Iterator[Fault]:
    yield from _killed()
    yield from _exhausted()
    yield from _too_late()


def _killed() -> Iterator[Fault]:
    for phase in PHASES:
        ends = {} if PHASES.index(phase) <= PHASES.index("steady") else SHORT
        for number, kind, words in ((signal.SIGKILL, "killed", "memory"), (signal.SIGSEGV, "crash", "SIGSEGV")):
            plant = partial(plant_in_trial, act=partial(send, number=number), phase=phase, kinds=[kind], words=words)
            if number == signal.SIGKILL or phase in ("imports", "steady", "finish"):
                yield Fault(f"trial ended by {number.name}", "driven", phase, partial(plant, **ends))
    for phase in ("workers", "model", "warmup", "steady"):
        for number, kind in ((signal.SIGKILL, "killed"), (signal.SIGABRT, "crash")):
            act = partial(send_worker, number=number)
            plant = partial(plant_in_trial, act=act, phase=phase, kinds=[kind], words=r"loader worker \(pid \d+\)")
            yield Fault(f"worker ended by {number.name}", "driven", phase, plant, is_short=phase == "steady")
    for number in (signal.SIGKILL, signal.SIGABRT):
        act = partial(send_worker, number=number)
        plant = partial(plant_in_trial, act=act, phase="finish", kinds=["ok", "killed", "crash"])
        yield Fault(f"worker ended by {number.name}", "driven", "finish", partial(plant, **SHORT))


def _exhausted() -> Iterator[Fault]:
    for phase in ("cache", "model", "warmup", "steady"):
        act = partial(limit, resource=psutil.RLIMIT_AS, more=-64 * _MIB)
        kinds = ["error", "crash"]
        plant = partial(plant_in_trial, act=act, phase=phase, kinds=kinds, words="memory ran out.*Lower|thread")
        yield Fault("memory is refused", "driven", phase, partial(plant, timeout_s=30.0))
    if _GROUPS.is_dir():
        for phase in ("dataset", "warmup", "steady"):
            plant = partial(
                plant_in_trial, act=into_small_group, phase=phase, kinds=["killed"], words="memory.*[Ll]ower"
            )
            yield Fault("memory of its control group runs out", "driven", phase, plant)
    for phase in ("imports", "dataset", "cache", "workers", "warmup", "steady"):
        act = partial(limit, resource=psutil.RLIMIT_NOFILE, more=0)
        plant = partial(plant_in_trial, act=act, phase=phase, kinds=["error", "crash"], words="open files.*ulimit")
        yield Fault("no more open files", "driven", phase, plant, is_short=phase == "warmup")
    for phase in ("imports", "warmup", "finish"):
        act = partial(limit, resource=psutil.RLIMIT_FSIZE, more=0)
        plant = partial(plant_in_trial, act=act, phase=phase, kinds=["error", "ok"], words="cannot write|[Tt]oo large")
        yield Fault("files may not grow", "driven", phase, partial(plant, **SHORT))


def _too_late() -> Iterator[Fault]:
    for phase in PHASES[1:]:
        ends = {} if PHASES.index(phase) <= PHASES.index("steady") else SHORT
        plant = partial(plant_in_trial, act=partial(send, number=signal.SIGSTOP), phase=phase, kinds=["timeout"])
        yield Fault("stands still", "driven", phase, partial(plant, words="timeout_s", timeout_s=15.0, **ends))


FAULTS: tuple[Fault, ...] = tuple(_faults())
