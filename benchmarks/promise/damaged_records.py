"""Faults of the files that trials and comparisons leave: each is damaged in every way, and every reader reads it.

A reader names the damaged file, or gives to the letter what it gives of a whole one; it never dies. The runs are made
by hand, by the tests' own factories.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from promise.damage import DAMAGES
from promise.fault import Fault

from workbench import cli
from workbench.errors import WorkbenchError
from workbench.explain.checks.runs import compare_runs
from workbench.explain.diagnosis.diagnose import advise
from workbench.explain.figures.profilers import show_profilers
from workbench.explain.verdicts.comparison import compare
from workbench.knobs.knob import knob
from workbench.knobs.knobs import Knobs
from workbench.knobs.measuring import DeviceKnobs
from workbench.measure.comparison.journal import Journal
from workbench.measure.devices.choose import make_device
from workbench.measure.trial.sample_recorder import SampleRecorder
from workbench.panel.run_list import RunList
from workbench.records import SPAN_COLUMNS
from workbench.records.run_folder import (
    COMPARISON,
    EVENTS,
    KNOBS,
    PROFILES,
    RECORD,
    SAMPLES,
    SPANS,
    STATE,
    read_record,
    write_json,
)
from workbench.records.tables import write_table
from workbench.report.open_comparison import open_comparison
from workbench.workloads.ocr.knobs import OcrKnobs

sys.path.append(str(Path(__file__).parents[2] / "tests"))
from run_factory import Run

WHOLE, DAMAGED, PROFILED = "20260101-000000-aaaaaa", "20260102-000000-bbbbbb", "20260103-000000-cccccc"
ENDED, INTERRUPTED = "20260104-000000-dddddd", "20260105-000000-eeeeee"

#: By name: where it lies below the folder of results.
FILES: Mapping[str, str] = {
    **{name: f"runs/{DAMAGED}/{name}" for name in (RECORD, SPANS, SAMPLES, KNOBS, EVENTS)},
    COMPARISON: f"comparisons/{ENDED}/{COMPARISON}",
    STATE: f"comparisons/{INTERRUPTED}/{STATE}",
    **{
        name: f"runs/{PROFILED}/{PROFILES}/{name}"
        for name in ("operators.json", "lines.json", "stacks.speedscope.json", "memory.parquet")
    },
}

#: What a reader gives: the exit code of a command, 0 for others, and a text.
Answer = tuple[int, str]
Reader = Callable[[Path], Answer]

_PROFILES: Mapping[str, object] = {
    "operators.json": [
        {"name": "aten::add", "calls": 7, "cpu_self_s": 0.25, "cpu_s": 0.5, "device_self_s": 0.125}
        | {"cpu_bytes": 4096, "device_bytes": 0}
    ],
    "lines.json": {
        "processes": ["main", "worker-0"],
        "functions": [
            {"path": "loader.py:7", "total_s": 1.5}
            | {"lines": [{"line": 8, "hits": 10, "time_s": 1.5, "source": "load(page)"}]}
        ],
    },
    "stacks.speedscope.json": {
        "shared": {"frames": [{"name": "main"}, {"name": "load"}]},
        "profiles": [{"name": "main process", "samples": [[0], [0, 1]], "weights": [400.0, 100.0]}],
    },
}
_HOLDS = {
    "torch operators": "operators.json",
    "line times": "lines.json",
    "stack samples": "stacks.speedscope.json",
    "memory over time": "memory.parquet",
}


def plant_damage(folder: Path, name: str, damage: str) -> list[str]:
    """Damage a file of a folder of results, and have everybody read it.

    Args:
        folder: An empty folder.
        name: The file, a key of `FILES`.
        damage: What is done to it, a key of `DAMAGES`.

    Returns:
        Every way in which it was not survived, with the reader.
    """
    lost = []
    for reader, read in READERS.items():
        results = folder / reader.replace(" ", "-")
        shutil.copytree(_results(), results)
        path = results / FILES[name]
        DAMAGES[damage](path)
        code, text = _ask(read, results)
        if code < 0:
            lost.append(f"{reader} died: {text.strip().splitlines()[-1]}")
        elif (code, text) != _sound(reader) and not _is_named(name, text):
            lost.append(f"{reader} says nothing of it and gives something else: {text[-300:]}")
        elif "Error:" in text and code != cli.BAD_INPUT:
            lost.append(f"{reader} ends with exit code {code}")
    return lost


def _is_named(name: str, text: str) -> bool:
    """Whether a text names a damaged file; the list of runs names the run."""
    return name in text or (name == RECORD and f"cannot be read: {DAMAGED}" in text)


@dataclass(frozen=True)
class Command:
    """A command line, in this process.

    Attributes:
        arguments: Its arguments, without where the results lie.
    """

    arguments: tuple[str, ...]

    def __call__(self, results: Path) -> Answer:
        """Run it on a folder of results."""
        said, before, code = io.StringIO(), sys.argv, 0
        sys.argv = ["workbench", *self.arguments, "--out", str(results)]
        try:
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            sys.argv = before
        return code, said.getvalue()


class _Plain(Knobs):
    """Of a workload that is not on this machine, whose rules could not be asked: the generic ones count."""

    workload: str = knob("nowhere.to_be_found:Plain", "workload", "what is measured")


def _listed(results: Path) -> Answer:
    runs = RunList(results)
    runs.refresh()
    found = [str(run) for run in runs.newest_first(with_all=True)]
    return 0, "\n".join([*found, *(f"cannot be read: {run_id}" for run_id in runs.unreadable)])


def _looked_at(results: Path) -> Answer:
    runs = RunList(results)
    view = runs.view(DAMAGED, WHOLE)
    return 0, f"{view.record}{view.spans.sum(numeric_only=True)}"


def _checked(results: Path) -> Answer:
    runs = results / "runs"
    records = [read_record(runs / name).model_copy(update={"knobs": _Plain()}) for name in (WHOLE, DAMAGED)]
    return 0, str(compare_runs(runs, *records))


def _profiled(results: Path) -> Answer:
    folder = results / "runs" / PROFILED
    shown = show_profilers(read_record(folder), folder)
    return 0, "".join(item.to_json() if hasattr(item, "to_json") else str(item) for item in shown)


def _resumed(results: Path) -> Answer:
    journal = open_comparison(results, {}, resume=str(results / "comparisons" / INTERRUPTED), blocks=1)
    return 0, str(journal.state)


def _replayed(results: Path) -> Answer:
    knobs = DeviceKnobs(device="replay", replay_record=str(results / "runs" / DAMAGED))
    return 0, str(make_device(knobs, lambda batch: batch).description)


READERS: Mapping[str, Reader] = {
    "history": Command(("history",)),
    "what if": Command(("whatif", DAMAGED)),
    "what if of the last run": Command(("whatif", "last")),
    "list of runs": _listed,
    "look at a run": _looked_at,
    "diagnosis": lambda results: (0, str(advise(results / "runs" / DAMAGED))),
    "checks": _checked,
    "profilers": _profiled,
    "compare --resume": _resumed,
    "replay": _replayed,
}


def _ask(read: Reader, results: Path) -> Answer:
    """A reader's answer, without where the results lie; exit code -1 and the traceback where it died."""
    try:
        code, text = read(results)
    except WorkbenchError as error:
        code, text = cli.BAD_INPUT, f"Error: {error}"
    except Exception:
        code, text = -1, traceback.format_exc(limit=-3)
    return code, text.replace(str(results), "RESULTS")


@cache
def _sound(reader: str) -> Answer:
    """What a reader gives of results that are whole."""
    results = Path(mkdtemp(prefix="fault-")) / reader.replace(" ", "-")
    try:
        shutil.copytree(_results(), results)
        return _ask(READERS[reader], results)
    finally:
        shutil.rmtree(results.parent)


@cache
def _results() -> Path:
    """A folder of results: three runs, one of them with profilers; a comparison, and one that was interrupted."""
    results = Path(mkdtemp(prefix="fault-results-"))
    runs = results / "runs"
    for day, name in enumerate((WHOLE, DAMAGED, PROFILED), start=1):
        _leave_run(runs / name, f"2026-01-0{day}T00:00:00+00:00")
    variants = {"baseline": OcrKnobs(), "no workers": OcrKnobs(num_workers=0)}
    records = {name: [read_record(runs / run)] for name, run in zip(variants, (WHOLE, DAMAGED), strict=True)}
    for name in (ENDED, INTERRUPTED):
        Journal.begin(results / "comparisons" / name, variants, runs=runs, seed=0, num_blocks=1)
    ended = compare(records, baseline="baseline", order=[list(variants)], seed=0)
    write_json(results / "comparisons" / ENDED / COMPARISON, ended)
    return results


def _leave_run(folder: Path, created_at: str) -> None:
    run, is_profiled = Run(), folder.name == PROFILED
    record = run.record(**({"profilers": "torch,lines,memory,stacks"} if is_profiled else {}))
    profiles = {what: f"{PROFILES}/{name}" for what, name in _HOLDS.items()} if is_profiled else {}
    update = {"run_id": folder.name, "created_at": created_at, "profiles": profiles}
    write_json(folder / RECORD, record.model_copy(update=update))
    spans = run.spans()
    write_table(pa.Table.from_pandas(spans[list(SPAN_COLUMNS)], preserve_index=False), folder / SPANS)
    (folder / KNOBS).write_text(record.knobs.model_dump_json(indent=1))
    (folder / EVENTS).write_text('{"phase": "steady"}\n' * 20)
    recorder = SampleRecorder(4, 4)
    recorder.record(SimpleNamespace(data=torch.arange(4.0 * 64).reshape(4, 64), number=0, samples=range(4)))
    np.savez_compressed(folder / SAMPLES, **recorder.recorded())
    if is_profiled:
        (folder / PROFILES).mkdir()
        for name, content in _PROFILES.items():
            (folder / PROFILES / name).write_text(json.dumps(content))
        memory = {"at_ns": [0, 10**9], "phase": "steady", "process": "main", "pid": 1, "pss_bytes": [10**6, 10**7]}
        memory |= {"cpu_s": [0.0, 0.5], "shm_bytes": 0, "device_bytes": 0}
        write_table(pa.Table.from_pandas(pd.DataFrame(memory)), folder / PROFILES / "memory.parquet")


#: One bit of a text may make another digit of a digit, which nothing but a checksum would tell: texts have none.
_OF_BINARY = ("one bit turned at a third", "one bit turned at two thirds")
_SHORT = ("cut at the middle", "zeros at the last quarter", "a dangling link in its place")


def _faults() -> Iterator[Fault]:
    for name in FILES:
        is_text = name.endswith((".json", ".jsonl"))
        for damage in DAMAGES:
            if not (is_text and damage in _OF_BINARY):
                plant = partial(plant_damage, name=name, damage=damage)
                is_short = damage in _SHORT and name in (RECORD, SPANS, SAMPLES, "memory.parquet")
                yield Fault(f"{name} damaged", "records", damage, plant, is_short)


FAULTS: tuple[Fault, ...] = tuple(_faults())
