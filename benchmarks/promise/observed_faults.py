"""Faults of the machine while a script is observed: they hit the script, its loader workers, or who observes it."""

from __future__ import annotations

import shlex
import signal
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from promise.fault import Fault
from promise.machine_faults import Act, into_small_group, limit, plant_in_trial, send, worker_of

from workbench.knobs.knobs import Knobs
from workbench.knobs.observed import ObservedKnobs
from workbench.records import Phase

_SCRIPT = Path(__file__).parents[2] / "tests" / "observed_scripts" / "plain_loop.py"
_POLL_S = 0.02

#: The phases that a script is seen in.
PHASES: tuple[Phase, ...] = ("imports", "warmup", "steady")

#: More steps than a script has that takes its time for each sample.
_ENDLESS = {"num_steps": 4000, "env": "PLANT=sample"}


def observed(**knobs: Any) -> Knobs:
    """A loop of few small samples, with two loader workers."""
    command = shlex.join([sys.executable, str(_SCRIPT), "2", "fork", "map"])
    return ObservedKnobs.parse_own({"command": command, "timeout_s": 60.0, "isolated_samples": 0, **_ENDLESS, **knobs})


def script_of(trial: psutil.Process) -> psutil.Process:
    """The script that a trial observes, when it is there."""
    for _ in range(500):
        scripts = [child for child in trial.children() if _SCRIPT.name in " ".join(child.cmdline())]
        if scripts:
            return scripts[0]
        time.sleep(_POLL_S)
    raise psutil.NoSuchProcess(trial.pid)


def on_script(act: Act) -> Act:
    """What is done to the script of a trial."""
    return lambda trial: act(script_of(trial))


def on_worker(act: Act) -> Act:
    """What is done to the first loader worker of a script."""
    return lambda trial: act(worker_of(script_of(trial)))


_plant = partial(plant_in_trial, make=observed)


def _faults() -> Iterator[Fault]:
    yield from _ended()
    yield from _exhausted()
    yield from _too_late()


def _ended() -> Iterator[Fault]:
    for phase in (*PHASES, "finish"):
        ends = {"num_steps": 6} if phase == "finish" else {}
        plant = partial(_plant, act=partial(send, number=signal.SIGKILL), phase=phase, kinds=["killed"], words="memory")
        yield Fault("observer ended by SIGKILL", "observed", phase, partial(plant, **ends))
    for phase in PHASES:
        for number, kind, words in (
            (signal.SIGKILL, "killed", "memory.*lower"),
            (signal.SIGSEGV, "crash", "SIGSEGV|exit code -11"),
        ):
            act = on_script(partial(send, number=number))
            plant = partial(_plant, act=act, phase=phase, kinds=[kind], words=words)
            yield Fault(f"script ended by {number.name}", "observed", phase, plant)
    for phase in ("warmup", "steady"):
        for number in (signal.SIGKILL, signal.SIGABRT):
            act = on_worker(partial(send, number=number))
            # Of a worker that is gone when it is asked for the first batch, torch may not tell how it ended.
            kinds = ["killed", "crash"] if number == signal.SIGKILL else ["crash"]
            plant = partial(_plant, act=act, phase=phase, kinds=kinds, words=r"loader worker \(pid \d+\)")
            yield Fault(f"worker ended by {number.name}", "observed", phase, plant)


def _exhausted() -> Iterator[Fault]:
    for phase in PHASES:
        act = on_script(partial(limit, resource=psutil.RLIMIT_AS, more=-(64 << 20)))
        plant = partial(_plant, act=act, phase=phase, kinds=["error", "crash"], words="memory ran out.*Lower|thread")
        yield Fault("memory is refused", "observed", phase, plant)
        act = on_script(partial(limit, resource=psutil.RLIMIT_NOFILE, more=0))
        plant = partial(_plant, act=act, phase=phase, kinds=["error", "crash"], words="open files.*ulimit")
        yield Fault("no more open files", "observed", phase, plant)
        if Path("/sys/fs/cgroup/memory").is_dir():
            act = on_script(into_small_group)
            plant = partial(_plant, act=act, phase=phase, kinds=["killed"], words="memory.*[Ll]ower")
            yield Fault("memory of its control group runs out", "observed", phase, plant)


def _too_late() -> Iterator[Fault]:
    stop = partial(send, number=signal.SIGSTOP)
    for phase in PHASES:
        for who, act in (("observer", stop), ("script", on_script(stop)), ("worker", on_worker(stop))):
            if who == "worker" and phase == "imports":
                continue  # there is none
            # What a script had counted is kept, where there was enough of it.
            words = "timeout_s|was stopped after"
            kinds = ["timeout"] if who == "observer" else ["timeout", "ok"]
            plant = partial(_plant, act=act, phase=phase, kinds=kinds, words=words, timeout_s=20.0)
            yield Fault(f"{who} stands still", "observed", phase, plant)


FAULTS: tuple[Fault, ...] = tuple(_faults())
