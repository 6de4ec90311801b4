"""The runs that lie in the reports folder, whoever made them: this panel, an earlier one, papermill or a command."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.errors import BadInput
from workbench.knobs.format import format_settings
from workbench.knobs.knobs import Knobs
from workbench.knobs.observed import ObservedKnobs
from workbench.measure.comparison.variants import BASELINE
from workbench.records import Failure, Record
from workbench.records.run_folder import STATE, TRIALS, list_runs, read_record, read_spans, read_state

#: A name of a variant is no longer than this.
_LONGEST = 60


@dataclass(frozen=True)
class RunSummary:
    """What the list says about a run.

    Attributes:
        run_id: Its name, which is its folder's.
        created_at: When it ended, UTC, ISO 8601.
        knobs: Its knobs.
        item: What it calls a sample.
        samples_per_s: Throughput of the steady part; None where it failed.
        simulated: Whether that rests on the replay device.
        attributed_share: Share of the time that named stages explain, 0..1: of the main process or of the workers, the
            lower one; None where no stage was timed.
        peak_bytes: Peak memory of its processes.
        gpu: Name of its CUDA device, where it had one.
        failure: Why it ended badly; None where it didn't.
        profiled_run_id: The same run with profilers, whose findings are shown as this run's.
        clean_run_ids: The runs without profilers beside it, that before it first.
    """

    run_id: str
    created_at: str
    knobs: Knobs
    item: str
    samples_per_s: float | None
    simulated: bool
    attributed_share: float | None
    peak_bytes: int | None
    gpu: str | None
    failure: Failure | None
    profiled_run_id: str | None = None
    clean_run_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class ViewedRun:
    """The run that is shown.

    Attributes:
        record: Its record.
        folder: Its run folder.
        baseline: The run that its samples are compared with, where one is chosen; its folder lies beside the other.
        profiled: The same run with profilers, where it has one; its folder lies there, too. It may be the run itself.
    """

    record: Record
    folder: Path
    baseline: Record | None = None
    profiled: Record | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What is drawn for this is drawn for no other."""
        return self.record.run_id, self.baseline.run_id if self.baseline else ""

    @cached_property
    def spans(self) -> pd.DataFrame:
        """Its raw stage times, read once for all tabs.

        Raises:
            BadInput: Where it has left none.
        """
        return read_spans(self.folder)


class RunList:
    """Knows the runs below a reports folder; reads each record once. May be asked from any thread.

    Args:
        reports: The folder for the results.

    Attributes:
        reports: The same.
        runs: The folder of run folders.
        comparisons: The folder of comparisons.
    """

    def __init__(self, reports: Path) -> None:
        self.reports = reports
        self.runs = reports / "runs"
        self.comparisons = reports / "comparisons"
        self._known: dict[str, RunSummary | None] = {}
        self._compared: dict[Path, tuple[int, frozenset[str]]] = {}
        self._lock = threading.Lock()

    def refresh(self) -> None:
        """Read what has come, and forget what has gone."""
        with self._lock:
            folders = {folder.name: folder for folder in list_runs(self.runs)}
            known = {name: summary for name, summary in self._known.items() if name in folders}
            for name in sorted(folders.keys() - known.keys()):
                try:
                    known[name] = _summary(read_record(folders[name]))
                except BadInput:  # of another version, or damaged: there is no run to show
                    known[name] = None
            self._known = known  # set anew, so that whoever reads it meanwhile reads on in the old one

    def newest_first(self, *, with_all: bool) -> list[RunSummary]:
        """The runs that can be shown.

        Args:
            with_all: Whether runs that nobody asked for by themselves are among them: the trials of comparisons, and
                those with profilers that belong to a clean run, with the clean run after them.
        """
        found = [summary for summary in self._known.values() if summary is not None]
        if not with_all:
            others = self._trials_of_comparisons().union(*(summary.clean_run_ids[1:] for summary in found))
            others |= {summary.profiled_run_id or "" for summary in found}
            found = [summary for summary in found if summary.run_id not in others]
        return sorted(found, key=lambda summary: summary.run_id, reverse=True)

    @property
    def unreadable(self) -> list[str]:
        """The names of runs whose records are damaged, or of another version."""
        return [run_id for run_id, summary in self._known.items() if summary is None]

    def get(self, run_id: str) -> RunSummary | None:
        """A run by its name."""
        return self._known.get(run_id)

    def record(self, run_id: str) -> Record:
        """The whole record of a run.

        Raises:
            BadInput: Where it is gone, or damaged.
        """
        return read_record(self.runs / run_id)

    def view(self, run_id: str, baseline_id: str | None = None) -> ViewedRun:
        """A run to be shown beside another one.

        Raises:
            BadInput: Where either is gone, or damaged.
        """
        baseline = self.record(baseline_id) if baseline_id is not None else None
        record = self.record(run_id)
        profiled = record if record.knobs.profilers else None
        if record.profiled_run_id is not None:
            profiled = self.record(record.profiled_run_id)
        return ViewedRun(record, self.runs / run_id, baseline, profiled)

    def _trials_of_comparisons(self) -> set[str]:
        with self._lock:
            self._read_comparisons()
            return {run_id for _, ids in self._compared.values() for run_id in ids}

    def _read_comparisons(self) -> None:
        paths = set(self.comparisons.glob(f"*/{STATE}"))
        self._compared = {path: known for path, known in self._compared.items() if path in paths}
        for path in paths:
            try:
                changed_ns = max(file.stat().st_mtime_ns for file in (path, path.with_name(TRIALS)) if file.exists())
                if self._compared.get(path, (0, None))[0] == changed_ns:
                    continue
                state = read_state(path.parent)
            except (BadInput, FileNotFoundError):  # damaged; or removed meanwhile
                continue
            ids = {trial.run_id for trial in state.trials} | {state.warmup_run_id or ""}
            self._compared[path] = (changed_ns, frozenset(ids))


def name_choices(variants: Sequence[Knobs]) -> list[str]:
    """A name for each, all of them different, by all in which any two differ: ``"cache=none"``, ``"cache=decoded"``.

    Args:
        variants: Their knobs.
    """
    compared = {name for knobs in variants for other in variants for name in knobs.compared(other)}
    return _distinct(_text(knobs, {name: value for name, value in knobs if name in compared}) for knobs in variants)


def name_variants(variants: Sequence[Knobs]) -> list[str]:
    """A name for each, all of them different, by what it sets otherwise than the first, which is the baseline.

    Args:
        variants: Their knobs, the baseline's first.
    """
    baseline, *others = variants
    return [BASELINE, *_distinct(_text(knobs, knobs.compared(baseline)) for knobs in others)]


def _text(knobs: Knobs, settings: Mapping[str, Any]) -> str:
    """Settings in words; a knob may be left to a script, and be what it is there: ``"num_workers as it is"``."""
    left = [name for name, value in settings.items() if value is None and isinstance(knobs, ObservedKnobs)]
    text = format_settings({name: value for name, value in settings.items() if name not in left})
    return " ".join(filter(None, [text, *(f"{name} as it is" for name in left)]))


def _distinct(texts: Iterable[str]) -> list[str]:
    names: list[str] = []
    seen: Counter[str] = Counter()
    for text in texts:
        name = text or "same knobs"
        name = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names


def _summary(record: Record) -> RunSummary:
    lanes = [record.lane("main"), record.lane("worker")]
    shares = [lane.attributed_share for lane in lanes if lane is not None and lane.attributed_share is not None]
    return RunSummary(
        run_id=record.run_id,
        created_at=record.created_at,
        knobs=record.asked_knobs,
        item=record.item,
        samples_per_s=record.steady.samples_per_s if record.steady else None,
        simulated=record.simulated,
        attributed_share=min(shares, default=None),
        peak_bytes=record.memory.peak_pss_bytes,
        gpu=record.environment.gpu if record.environment else None,
        failure=record.failure,
        profiled_run_id=record.profiled_run_id,
        clean_run_ids=tuple(record.profiler_overhead.run_ids) if record.profiler_overhead else (),
    )
