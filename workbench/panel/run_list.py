"""The runs that lie in the reports folder, whoever made them: this panel, an earlier one, papermill or a command."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import BadInput
from workbench.knobs.knobs import Knobs
from workbench.records import Failure, Record
from workbench.records.run_folder import STATE, list_runs, read_record, read_state


@dataclass(frozen=True)
class RunSummary:
    """What the list says of a run.

    Attributes:
        run_id: Its name, which is its folder's.
        created_at: When it ended, UTC, ISO 8601.
        knobs: Its knobs.
        samples_per_s: Throughput of the steady part; None where it failed.
        simulated: Whether that rests on the replay device.
        closure_main: Share of the main process's time that its stages explain, 0..1.
        closure_worker: Likewise of the workers'.
        peak_bytes: Peak memory of its processes.
        gpu: Name of its CUDA device, where it had one.
        failure: Why it ended badly; None where it didn't.
        plain_run_ids: The runs without profilers that tell what its profilers cost.
    """

    run_id: str
    created_at: str
    knobs: Knobs
    samples_per_s: float | None
    simulated: bool
    closure_main: float | None
    closure_worker: float | None
    peak_bytes: int | None
    gpu: str | None
    failure: Failure | None
    plain_run_ids: tuple[str, ...] = ()


class RunList:
    """Knows the runs below a reports folder; reads each record once. May be asked from any thread.

    Args:
        reports: The folder for the results.
    """

    def __init__(self, reports: Path) -> None:
        self.runs = reports / "runs"
        self._comparisons = reports / "comparisons"
        self._known: dict[str, RunSummary | None] = {}
        self._compared: dict[Path, tuple[int, frozenset[str]]] = {}
        self._lock = threading.Lock()

    def refresh(self) -> None:
        """Read what has come, and forget what has gone."""
        with self._lock:
            folders = {folder.name: folder for folder in list_runs(self.runs)}
            known = {name: own for name, own in self._known.items() if name in folders}
            for name in sorted(folders.keys() - known.keys()):
                try:
                    known[name] = _summary(read_record(folders[name]))
                except BadInput:  # of another version, or damaged: no run to show
                    known[name] = None
            self._known = known  # set anew, so that whoever reads it meanwhile reads on in the old one

    def newest_first(self, *, with_all: bool) -> list[RunSummary]:
        """The runs that can be shown.

        Args:
            with_all: Whether runs that nobody asked for by themselves are among them: the trials of comparisons, and
                those beside a run with profilers that tell what the profilers cost.
        """
        own = [one for one in self._known.values() if one is not None]
        if not with_all:
            beside = self._trials_of_races().union(*(one.plain_run_ids for one in own))
            own = [one for one in own if one.run_id not in beside]
        return sorted(own, key=lambda one: one.run_id, reverse=True)

    def get(self, run_id: str) -> RunSummary | None:
        """A run by its name."""
        return self._known.get(run_id)

    def record(self, run_id: str) -> Record:
        """The whole record of a run.

        Raises:
            BadInput: Where it is gone, or damaged.
        """
        return read_record(self.runs / run_id)

    def _trials_of_races(self) -> set[str]:
        with self._lock:
            self._read_races()
            return {run_id for _, ids in self._compared.values() for run_id in ids}

    def _read_races(self) -> None:
        for path in self._comparisons.glob(f"*/{STATE}"):
            changed_ns = path.stat().st_mtime_ns
            if self._compared.get(path, (0, None))[0] == changed_ns:
                continue
            try:
                state = read_state(path.parent)
            except BadInput:
                continue
            ids = {trial.run_id for trial in state.trials} | {state.warmup_run_id or ""}
            self._compared[path] = (changed_ns, frozenset(ids))


def _summary(record: Record) -> RunSummary:
    return RunSummary(
        run_id=record.run_id,
        created_at=record.created_at,
        knobs=record.knobs,
        samples_per_s=record.steady.samples_per_s if record.steady else None,
        simulated=record.simulated,
        closure_main=record.closure.main,
        closure_worker=record.closure.worker,
        peak_bytes=record.memory.peak_pss_bytes,
        gpu=record.environment.gpu if record.environment else None,
        failure=record.failure,
        plain_run_ids=tuple(record.profiler_overhead.run_ids) if record.profiler_overhead else (),
    )
