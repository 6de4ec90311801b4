"""The run that a person names, and what a stage costs in it."""

from __future__ import annotations

from pathlib import Path

from workbench.errors import BadInput, Problem
from workbench.files import expanded
from workbench.records import Record
from workbench.records.run_folder import RECORD, is_there, list_runs, read_record

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
    for folder in (expanded(name), runs / name):
        if is_there(folder / RECORD):
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


class RunsBelow:
    """What other runs took (see `commands.questions.OtherRuns`).

    Args:
        runs: Folder of run folders.
    """

    def __init__(self, runs: Path) -> None:
        self._runs = runs

    def stage_s(self, run: str, stage: str) -> float:
        """What a stage takes in another run, in seconds a sample.

        Raises:
            BadInput: Where there is no such run, or it has no such stage.
        """
        record = self._read(run)
        rows = [row for row in (record.isolated.stages or record.stages) if row.name == stage]
        num_samples = max((row.count for row in rows if row.per == "sample"), default=0)
        if not num_samples:
            raise _wrong(f"run '{run}' has no stage '{stage}' that is done for every sample")
        return sum(row.total_s for row in rows) / num_samples

    def model_s(self, run: str, knob: str, value: str) -> float:
        """What the model takes in another run, in seconds a sample.

        Raises:
            BadInput: Where there is no such run, its model was not measured, or the knob is another there.
        """
        record = self._read(run)
        has = getattr(record.knobs, knob, None)
        if knob not in record.knobs.rows() or has != record.knobs.typed(knob, value):
            raise _wrong(f"run '{run}' has {knob}={has}")
        rows = [row for row in record.stages if row.lane == "device" and row.origin == "measured"]
        if not rows or record.steady is None:
            raise _wrong(f"run '{run}' has no times of a model", "Name a run with device=cuda or device=cpu")
        return sum(row.total_s for row in rows) / record.steady.num_samples

    def _read(self, run: str) -> Record:
        return read_record(find_run(run, self._runs))


def _wrong(what: str, remedy: str = "") -> BadInput:
    return BadInput("what if", [Problem(what, remedy=remedy)])
