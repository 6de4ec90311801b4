"""Faults of the commands: Ctrl-C, what a job's time limit sends, a terminal that is closed, and plain killing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from promise.fault import Fault
from promise.left_over import Watch

from workbench.files import child_environment
from workbench.records.run_folder import (
    COMPARISON,
    EVENTS,
    RECORD,
    STATE,
    list_runs,
    read_comparison,
    read_record,
    read_state,
)

#: Few, small pages, and more steps than anybody waits for.
ENDLESS = ("num_steps=20000",)

_COMMON = (
    "device=replay", "replay_ms_per_sample=1", "num_pages=4", "image_size=64", "batch_size=2", "num_workers=1",
    "warmup_steps=1", "isolated_samples=0", "checked_samples=0", "timeout_s=240",
)  # fmt: skip

_SCRIPT = Path(__file__).parents[2] / "tests" / "observed_scripts" / "plain_loop.py"

_BEGINS_WITHIN_S, _ENDS_WITHIN_S, _POLL_S = 90.0, 60.0, 0.05

#: How a command ends, by the signal: as a shell tells it.
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGKILL: -signal.SIGKILL}


@dataclass(frozen=True)
class Moment:
    """When a command is hit.

    Attributes:
        name: What it is called.
        trial: In which of its trials, counted from 0; None: before there is one.
        phase: In which phase of that.
    """

    name: str
    trial: int | None = 0
    phase: str = "steady"

    def has_come(self, results: Path, since_s: float) -> bool:
        """Whether it is now."""
        if self.trial is None:
            return since_s > float(self.phase)
        folders = sorted(results.glob(f"runs/*/{EVENTS}"), key=lambda path: path.parent.stat().st_ctime)
        if len(folders) <= self.trial:
            return False
        return f'"phase":"{self.phase}"' in folders[self.trial].read_text()


AT_ONCE = Moment("at once", None, "0.3")
IN_IMPORTS = Moment("while it is being imported", None, "1.5")
STEADY = Moment("steady")
FINISH = Moment("finish", 0, "finish")
SECOND = Moment("steady, second trial", 1)


def _hears_all() -> None:
    """Signals as in a terminal: what runs under nohup, or in the background of a shell, is deaf to some."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def command(name: str, results: Path, *knobs: str, in_turns: bool = False) -> list[str]:
    """A command of few small pages; a comparison with whole trials, or in turns."""
    own = {knob.partition("=")[0] for knob in knobs}
    common = (knob for knob in _COMMON if knob.partition("=")[0] not in own)
    given = [part for knob in (*common, *knobs) for part in ("-p", knob)]
    start = [sys.executable, "-m", "workbench", name, "--out", str(results)]
    if name == "attach":
        script = [sys.executable, str(_SCRIPT), "1", "fork", "map"]
        return [*start, "--steps", "20000", "-p", "timeout_s=60", "--", *script]
    if name == "compare":
        whole = [] if in_turns else ["--whole-trials"]
        return [*start, *given, "--blocks", "2", *whole, "--variant", "inline: num_workers=0"]
    if name == "report":
        return [*start, *given, "--blocks", "1"]
    if name == "check":
        return [*start, *given, "--against", "num_workers=0", "--blocks", "2"]
    return [*start, *given]


def plant_signal(
    folder: Path,
    name: str,
    *,
    number: signal.Signals,
    at: Moment,
    times: int = 1,
    knobs: Sequence[str] = ENDLESS,
    in_turns: bool = False,
) -> list[str]:
    """Start a command, and send its process group a signal; being killed hits the command alone.

    Args:
        folder: An empty folder.
        name: The command.
        number: The signal.
        at: When it is sent.
        times: How often, half a second apart.
        knobs: Beside those of all commands.
        in_turns: Whether the trials of a comparison take turns: one of them is frozen then.

    Returns:
        Every way in which it was not survived.
    """
    watch, results = Watch(folder), folder / "results"
    done = hit(watch, command(name, results, *knobs, in_turns=in_turns), results, number=number, at=at, times=times)
    return [*done, *watch.left(temporary=number != signal.SIGKILL), *half_done(results)]


def hit(
    watch: Watch, words: Sequence[str], results: Path, *, number: signal.Signals, at: Moment, times: int = 1
) -> list[str]:
    """Start a command and send it a signal; every way in which it does not end as it should."""
    said = watch.temporary.parent / "said.txt"
    began_s = time.monotonic()
    with said.open("w") as file:
        environment = child_environment(watch.environment)
        process = subprocess.Popen(
            words, stdout=file, stderr=file, env=environment, start_new_session=True, preexec_fn=_hears_all
        )
    try:
        while not at.has_come(results, time.monotonic() - began_s):
            if process.poll() is not None or time.monotonic() - began_s > _BEGINS_WITHIN_S:
                return [f"it did not come so far: {said.read_text()[-500:]}"]
            time.sleep(_POLL_S)
        for _ in range(times):
            (os.kill if number == signal.SIGKILL else os.killpg)(process.pid, number)
            time.sleep(0.5 if times > 1 else 0.0)
            if process.poll() is not None:
                break
        try:
            code = process.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            return ["the command does not end"]
        text = said.read_text()
        lost = [] if code == CODES[number] else [f"it ended with exit code {code}: {text[-300:]}"]
        return lost + (["Traceback" + text.split("Traceback", 1)[1][-600:]] if "Traceback" in text else [])
    finally:
        process.kill()
        process.wait()


def half_done(results: Path) -> Iterator[str]:
    """What lies there as if all had gone well; a notebook that was killed says that in its name."""
    for folder in list_runs(results / "runs"):
        record = read_record(folder)
        if record.failure is None and record.steady is not None and record.steady.num_steps > 10_000:
            yield f"{folder.name}: a record says that all went well"
    yield from (f"there is a page: {path.name}" for path in results.glob("*.html"))
    yield from (
        f"there is a notebook: {path.name}" for path in results.glob("*.ipynb") if ".half-done." not in path.name
    )
    yield from (f"there is a comparison: {path.parent.name}" for path in results.glob(f"comparisons/*/{COMPARISON}"))


def plant_and_resume(folder: Path, *, number: signal.Signals, at: Moment, in_turns: bool = False) -> list[str]:
    """Interrupt a comparison, and go on with it: what had run counts, and it ends as it would have without."""
    watch, results = Watch(folder), folder / "results"
    knobs = ("num_steps=300",)
    lost = hit(watch, command("compare", results, *knobs, in_turns=in_turns), results, number=number, at=at)
    lost += watch.left(temporary=number != signal.SIGKILL)
    states = list(results.glob(f"comparisons/*/{STATE}"))
    if len(states) != 1:
        return [*lost, f"{len(states)} journals are there"]
    kept = [trial.run_id for trial in read_state(states[0].parent).trials]
    watch = Watch(folder / "again")
    words = [sys.executable, "-m", "workbench", "compare", "--resume", str(states[0].parent)]
    ended = subprocess.run(words, capture_output=True, text=True, env=child_environment(watch.environment))
    if ended.returncode != 0 or "Traceback" in ended.stderr:
        return [*lost, f"it does not go on: {(ended.stdout + ended.stderr)[-500:]}"]
    trials = read_state(states[0].parent).trials
    counted = {(trial.block, trial.variant) for trial in trials if not trial.repeated}
    if len(counted) != 4 or any(variant.failure for variant in read_comparison(states[0].parent).variants):
        lost.append(f"it has not come to its end: {sorted(counted)}")
    if [trial.run_id for trial in trials][: len(kept)] != kept:
        lost.append("what had run does not count any more")
    lost += [f"trial {run_id} has no record" for run_id in kept if not (results / "runs" / run_id / RECORD).is_file()]
    return lost + watch.left()


def _faults() -> Iterator[Fault]:
    names: Mapping[int, str] = {
        signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM", signal.SIGHUP: "terminal closed", signal.SIGKILL: "killed",
    }  # fmt: skip
    subjects = {"run": "driven", "attach": "observed", "compare": "comparison", "report": "report", "check": "check"}

    def fault(name: str, number: signal.Signals, at: Moment, times: int = 1) -> Fault:
        plant: Callable[[Path], Sequence[str]] = partial(plant_signal, name=name, number=number, at=at, times=times)
        often = "" if times == 1 else f" {times} times"
        return Fault(f"{names[number]}{often}", subjects[name], f"workbench {name}, {at.name}", plant)

    for number in CODES:
        for name in ("run", "attach", "compare"):
            yield fault(name, number, STEADY)
    for name in ("run", "attach", "compare"):
        yield fault(name, signal.SIGINT, STEADY, 2)
    for number in CODES:
        plant = partial(plant_signal, name="compare", number=number, at=Moment("steady", 1), in_turns=True)
        yield Fault(names[number], "comparison", "workbench compare, in turns", plant)
    for at in (AT_ONCE, IN_IMPORTS):
        yield fault("run", signal.SIGINT, at)
    yield fault("run", signal.SIGINT, STEADY, 3)
    for number in (signal.SIGINT, signal.SIGKILL):
        yield fault("report", number, SECOND)
        yield fault("check", number, SECOND)
        plant = partial(plant_and_resume, number=number, at=Moment("third trial", 2))
        yield Fault(names[number], "comparison", "third trial, then --resume", plant)
        plant = partial(plant_and_resume, number=number, at=Moment("second block", 2), in_turns=True)
        yield Fault(names[number], "comparison", "second block in turns, then --resume", plant)


FAULTS: tuple[Fault, ...] = tuple(_faults())
