"""The run that a person names, and what a stage costs in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from workbench.errors import BadInput, Problem
from workbench.records.run_folder import RECORD, list_runs, read_record

LAST = "last"


def find_run(name: str, runs: Path) -> Path:
    """The folder of a run.

    Args:
        name: Its folder, its name below `runs`, or ``"last"``: the newest without profilers that ended well; of the two
            beside a run with profilers that is the one before, which its report is about.
        runs: Folder of run folders.

    Raises:
        BadInput: Where there is none.
    """
    if name == LAST:
        found = _newest_clean(runs)
        if found is not None:
            return found
        remedy = "Measure one first: workbench run"
        raise BadInput("RUN", [Problem(f"there is no run below {runs} that ended well", remedy=remedy)])
    for folder in (Path(name).expanduser(), runs / name):
        if (folder / RECORD).is_file():
            return folder
    remedy = "Name a folder of reports/runs, or 'last'; workbench history lists them"
    raise BadInput("RUN", [Problem(f"there is no run '{name}'", remedy=remedy)])


def _newest_clean(runs: Path) -> Path | None:
    """The newest run that ended well; one with profilers only where there is no other."""
    with_profilers: Path | None = None
    clean: Path | None = None
    for folder in reversed(list(list_runs(runs))):
        record = read_record(folder)
        if record.status != "ok":
            continue
        overhead = record.profiler_overhead
        if clean is not None:
            if overhead is not None and clean.name in overhead.run_ids[1:]:
                return runs / overhead.run_ids[0]
            return clean
        if record.knobs.profilers:
            with_profilers = with_profilers or folder
        else:
            clean = folder
    return clean or with_profilers


def stage_costs_below(runs: Path) -> Callable[[str, str], float]:
    """What a stage costs in another run, in seconds a sample: for questions such as ``"read from RUN"``.

    Raises (when called):
        BadInput: Where there is no such run, or it has no such stage.
    """

    def cost(name: str, stage: str) -> float:
        record = read_record(find_run(name, runs))
        rows = [row for row in (record.isolated.stages or record.stages) if row.name == stage]
        num_samples = max((row.count for row in rows if row.per == "sample"), default=0)
        if not num_samples:
            raise BadInput("what if", [Problem(f"run '{name}' has no stage '{stage}' that is done for every sample")])
        return sum(row.total_s for row in rows) / num_samples

    return cost
