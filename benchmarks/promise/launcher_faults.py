"""Faults of what has started a trial: it is killed in each phase, and the trial goes with it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from promise.fault import Fault
from promise.left_over import Watch
from promise.machine_faults import KNOBS, PHASES, SHORT

from workbench.files import child_environment
from workbench.records import Phase
from workbench.records.run_folder import list_runs, read_record

_LAUNCHER = """
import json, sys
from pathlib import Path
from workbench.knobs.joined import parse_knobs
from workbench.measure.trial.launcher import run_trial
knobs = parse_knobs(json.loads(sys.argv[2]))
run_trial(knobs, Path(sys.argv[1]), on_event=lambda event: print(event.phase, flush=True))
"""


def plant_killed_launcher(folder: Path, *, phase: Phase) -> list[str]:
    """Start a trial in a process of its own, and kill that; every way in which something of it stays, or lies.

    Args:
        folder: An empty folder.
        phase: When.
    """
    watch, runs = Watch(folder), folder / "runs"
    knobs = {**KNOBS, **(SHORT if PHASES.index(phase) > PHASES.index("steady") else {})}
    words = [sys.executable, "-c", _LAUNCHER, str(runs), json.dumps(knobs)]
    with subprocess.Popen(
        words, env=child_environment(watch.environment), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        was_reached = any(line.strip() == phase for line in process.stdout)
        process.kill()
    lost = [] if was_reached else [f"phase {phase} was not reached"]
    records = [read_record(path) for path in list_runs(runs)]
    early = PHASES.index(phase) <= PHASES.index("steady")
    lost += ["a record says that all went well" for record in records if early and record.status == "ok"]
    return [*lost, *watch.left()]


def _faults() -> Iterator[Fault]:
    for phase in PHASES[1:]:
        yield Fault("launcher killed", "driven", phase, partial(plant_killed_launcher, phase=phase))


FAULTS: tuple[Fault, ...] = tuple(_faults())
