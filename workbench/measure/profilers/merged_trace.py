"""One trace of all processes on one clock, which Perfetto and chrome://tracing open.

Rows: each loader worker with its stages and, beside them, its sending thread; the main process with its stages and its
background threads; the device; and from a torch trace the operators by thread and the kernels by stream. Arrows lead
from the end of a batch's making to its receiving. (The format: "Trace Event Format", Google 2016.)
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench.measure.profilers.choose import Profilers
from workbench.measure.profilers.torch_trace import read_trace
from workbench.measure.timing.spans import NONE, TrackSpans
from workbench.records.run_folder import PROFILES
from workbench.units import counted

#: More events than this make the viewers slow; what is beyond is cut off at the end.
MAX_EVENTS = 300_000

_MAIN, _DEVICE, _TORCH, _KERNELS, _WORKERS = 1, 2, 3, 4, 100

#: Stages of a worker at whose end a batch is on its way, the last that there is; and the main process's at its arrival.
_LEAVES, _ARRIVES = ("collate", "send"), "receive"

_GPU_CATEGORIES = ("kernel", "gpu_memcpy", "gpu_memset")


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        num_events: Events in the file.
        num_cut: Events that found no room.
    """

    num_events: int
    num_cut: int


def collect_profilers(
    profilers: Profilers, folder: Path, tracks: Sequence[TrackSpans]
) -> tuple[dict[str, str], list[str]]:
    """Gather what the profilers of a trial have left, and one trace of it all.

    Args:
        profilers: The profilers, stopped.
        folder: The run folder.
        tracks: The spans of all lanes.

    Returns:
        Paths relative to the run folder, by what is there; and what a reader should know.
    """
    found = profilers.collect()
    notes = list(found.notes)
    path = folder / PROFILES / "timeline.json.gz"
    try:
        written = write_merged_trace(path, tracks, found.files.get("torch trace"))
    except OSError as error:
        notes.append(f"the merged trace could not be written ({error.strerror or error})")
    else:
        found.files["timeline"] = path
        if written.num_cut:
            notes.append(
                f"the merged trace is cut after {counted(written.num_events, 'event')}: {written.num_cut} more"
            )
    return {name: file.relative_to(folder).as_posix() for name, file in found.files.items()}, notes


def write_merged_trace(path: Path, rows: Sequence[TrackSpans], torch_trace: Path | None) -> Written:
    """Write the trace, compressed.

    Args:
        path: The file, ``.json.gz``.
        rows: All spans.
        torch_trace: A trace of torch.profiler with marks (see `profilers.torch_trace`).

    Raises:
        OSError: Where the file cannot be written; then there is none.
    """
    events = [event for place, row in enumerate(rows) for event in _stage_events(place, row)]
    operators: list[dict[str, Any]] = []
    if torch_trace is not None:
        complete, offset_us = read_trace(torch_trace)
        operators = list(_torch_events(complete, offset_us)) if offset_us is not None else []
    kept = sorted([*events, *operators], key=lambda event: event["ts"])[:MAX_EVENTS]
    cut = len(events) + len(operators) - len(kept)
    kept += _arrows(rows)
    trace = {"displayTimeUnit": "ms", "traceEvents": [*_names(rows, operators), *kept]}
    half_done = path.with_name(f".{path.name}")
    try:
        with gzip.open(half_done, "wt", encoding="utf-8", compresslevel=5) as file:
            json.dump(trace, file, separators=(",", ":"))
        half_done.replace(path)
    finally:
        half_done.unlink(missing_ok=True)
    return Written(len(kept), cut)


def place_of(place: int, row: TrackSpans) -> tuple[int, int]:
    """Process and thread of a row in the trace."""
    if row.lane == "worker":
        return _WORKERS + row.process, 2 if row.background else 1
    if row.lane == "device":
        return _DEVICE, 1
    return _MAIN, place + 2 if row.background else 1


def _stage_events(place: int, row: TrackSpans) -> Iterable[dict[str, Any]]:
    pid, tid = place_of(place, row)
    spans = row.spans
    columns = zip(
        spans.stage.tolist(),
        spans.begin_ns.tolist(),
        spans.end_ns.tolist(),
        spans.sample.tolist(),
        spans.batch.tolist(),
        strict=True,
    )
    for stage, begin, end, sample, batch in columns:
        args = {name: value for name, value in (("sample", sample), ("batch", batch)) if value != NONE}
        yield {
            "ph": "X", "cat": "stage", "name": spans.names[stage], "pid": pid, "tid": tid,
            "ts": begin / 1e3, "dur": (end - begin) / 1e3, "args": args,
        }  # fmt: skip


def _torch_events(complete: Iterable[dict[str, Any]], offset_us: float) -> Iterable[dict[str, Any]]:
    for event in complete:
        if not isinstance(event.get("tid"), int):  # torch's own notes of what it recorded, on a thread that is none
            continue
        on_gpu = event.get("cat") in _GPU_CATEGORIES
        yield {
            "ph": "X", "cat": event.get("cat", ""), "name": event.get("name", ""),
            "pid": _KERNELS if on_gpu else _TORCH, "tid": event["tid"],
            "ts": float(event["ts"]) + offset_us, "dur": float(event.get("dur", 0.0)), "args": event.get("args", {}),
        }  # fmt: skip


def _arrows(rows: Sequence[TrackSpans]) -> list[dict[str, Any]]:
    """From each batch's last stage in its worker to its receiving."""
    leaves: dict[int, tuple[float, int, int]] = {}
    arrives: dict[int, tuple[float, int, int]] = {}
    for place, row in enumerate(rows):
        pid, tid = place_of(place, row)
        spans = row.spans
        for name in (*_LEAVES, _ARRIVES):
            if name not in spans.names or (row.lane == "worker") != (name in _LEAVES):
                continue
            for index in np.flatnonzero(spans.stage == spans.names.index(name)).tolist():
                batch = int(spans.batch[index])
                middle_us = (int(spans.begin_ns[index]) + int(spans.end_ns[index])) / 2e3
                if batch == NONE:
                    continue
                if name == _ARRIVES:
                    arrives[batch] = (middle_us, pid, tid)
                elif batch not in leaves or middle_us > leaves[batch][0]:
                    leaves[batch] = (middle_us, pid, tid)
    arrows = []
    for batch in sorted(leaves.keys() & arrives.keys()):
        for phase, (at_us, pid, tid) in (("s", leaves[batch]), ("f", arrives[batch])):
            arrow = {"ph": phase, "cat": "batch", "name": "batch", "id": batch, "pid": pid, "tid": tid, "ts": at_us}
            arrows.append({**arrow, "bp": "e"} if phase == "f" else arrow)
    return arrows


def _names(rows: Sequence[TrackSpans], operators: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Names and order of all processes and threads that have events."""
    names: dict[tuple[int, int], tuple[str, str]] = {}
    for place, row in enumerate(rows):
        at = place_of(place, row)
        if row.lane == "worker":
            names[at] = (f"worker {row.process}", "sending" if row.background else "stages")
        elif row.lane == "device":
            names[at] = ("device", "work")
        else:
            names[at] = ("main process", "background" if row.background else "stages")
    for event in operators:
        at = event["pid"], event["tid"]
        is_kernel = event["pid"] == _KERNELS
        kernel, operator = (
            ("kernels", f"stream {event['tid']}"),
            ("torch operators (main process)", f"thread {event['tid']}"),
        )
        names.setdefault(at, kernel if is_kernel else operator)
    named: list[dict[str, Any]] = []
    for (pid, tid), (process, thread) in names.items():
        for what, value, index in (("process", process, pid), ("thread", thread, tid)):
            at_thread = {"pid": pid, "tid": tid}
            named.append({"ph": "M", "name": f"{what}_name", **at_thread, "args": {"name": value}})
            named.append({"ph": "M", "name": f"{what}_sort_index", **at_thread, "args": {"sort_index": index}})
    return named
