"""The merged trace keeps to the format that its viewers read, whatever torch's own trace holds."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trace_contract import trace_problems

from workbench.measure.profilers.merged_trace import write_merged_trace
from workbench.measure.profilers.torch_trace import MARK
from workbench.measure.timing.spans import Spans, TrackSpans


def track(lane: Any, process: int, *rows: tuple[str, int, int, int], background: bool = False) -> TrackSpans:
    """A track of rows of stage, begin and end in nanoseconds, and batch."""
    names = tuple(dict.fromkeys(row[0] for row in rows))
    stage = np.array([names.index(row[0]) for row in rows], np.int64)
    begin, end, batch = (np.array([row[place] for row in rows], np.int64) for place in (1, 2, 3))
    spans = Spans(names, stage, begin, end, np.full(len(rows), -1), batch)
    return TrackSpans(lane, process, background, "measured", spans)


TRACKS = [
    track("worker", 0, ("collate", 1_000, 5_001, 0), ("idle", 5_001, 9_000, -1)),
    track("worker", 0, ("send", 5_500, 6_000, 0), background=True),
    track("main", 0, ("wait", 1_000, 6_100, 0), ("receive", 6_100, 6_200, 0)),
    track("device", 0, ("forward", 6_300, 7_000, 0)),
]


def torch_trace(folder: Path, *events: dict[str, Any]) -> Path:
    mark = {"ph": "X", "cat": "user_annotation", "name": f"{MARK}9000000", "pid": 7, "tid": 7, "ts": 100.0, "dur": 0.1}
    path = folder / "main.pt.trace.json"
    path.write_text(json.dumps({"traceEvents": [mark, *events]}))
    return path


def written(folder: Path, trace: Path | None) -> list[dict[str, Any]]:
    write_merged_trace(folder / "timeline.json.gz", TRACKS, trace)
    with gzip.open(folder / "timeline.json.gz", "rt") as file:
        found: list[dict[str, Any]] = json.load(file)["traceEvents"]
    return found


OPERATOR = {"ph": "X", "cat": "cpu_op", "name": "aten::add", "pid": 7, "tid": 7, "ts": 101.0, "dur": 2.0}
KERNEL = {"ph": "X", "cat": "kernel", "name": "add", "pid": 0, "tid": 20, "ts": 102.0, "dur": 1.0}
NO_THREAD = {"ph": "X", "cat": "Trace", "name": "PyTorch Profiler (0)", "pid": "Spans", "tid": "PyTorch Profiler",
             "ts": 99.0, "dur": 9.0}  # fmt: skip


@pytest.mark.parametrize("events", [(), (OPERATOR,), (OPERATOR, KERNEL), (OPERATOR, NO_THREAD)])
def test_it_keeps_to_the_format(tmp_path, events):
    found = written(tmp_path, torch_trace(tmp_path, *events) if events else None)
    assert trace_problems(found) == []
    named = {(event["name"], event["args"]["name"]) for event in found if event["name"].endswith("_name")}
    assert {("process_name", name) for name in ("main process", "worker 0", "device")} <= named
    assert {("thread_name", name) for name in ("stages", "sending", "work")} <= named
    assert (("thread_name", "stream 20") in named) == (KERNEL in events)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"dur": -1.0}, "ends before it begins"),
        ({"tid": "PyTorch Profiler"}, "which are no numbers"),
        ({"ts": 0.5, "dur": 1.0}, "begins in 'planted' and ends after it"),
        ({"tid": 77}, "has no name"),
    ],
)
def test_what_breaks_it_is_found(tmp_path, change, problem):
    event = {"ph": "X", "name": "planted", "pid": 1, "tid": 1, "ts": 1.2, "dur": 0.1, **change}
    found = sorted([*written(tmp_path, None), event], key=lambda event: event.get("ts", 0.0))
    assert problem in " ".join(trace_problems(found))
