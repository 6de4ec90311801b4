"""Attributed share: how much of each lane's wall time its named stages explain.

One trial for each number of workers, way of starting them, step time, and way to the page: the disk baseline, and a
prepared cache, whose stages are short, so that gaps between them weigh most. The promise is for the worst cell.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from promise.figure import Figure, main

from workbench.knobs.joined import parse_knobs
from workbench.knobs.knobs import Knobs
from workbench.measure.trial.launcher import run_trial
from workbench.records import Record
from workbench.stages import Lane

GOAL = 0.98
BATCH_SIZE = 4
LANES: tuple[Lane, ...] = ("main", "worker")


def cells() -> Iterator[Knobs]:
    """The knobs of every cell."""
    for step_ms in (8.0, 1.0):
        for num_workers in (0, 1, 2, 4):
            for start_method in ("fork", "spawn") if num_workers else ("fork",):
                for path in ({}, {"cache": "prepared", "cache_store": "shared", "normalize": "device"}):
                    yield parse_knobs(
                        {
                            "num_workers": num_workers,
                            "start_method": start_method,
                            "batch_size": BATCH_SIZE,
                            "device": "replay",
                            "replay_ms_per_sample": step_ms / BATCH_SIZE,
                            "num_steps": 60,
                            "checked_samples": 0,
                            **path,
                        }
                    )


def figure(record: Record, name: Lane) -> Figure:
    """The attributed share of one lane in one cell."""
    knobs = record.knobs
    step_ms = knobs.replay_ms_per_sample * knobs.batch_size
    start = knobs.start_method if knobs.num_workers else "in the main process"
    what = f"{name} lane, {knobs.num_workers} workers ({start}), {step_ms:g} ms steps, cache={knobs.cache}"
    lane = record.lane(name)
    value = lane.attributed_share if lane else None
    detail = f"{record.steady.num_steps} steps, {record.steady.samples_per_s:.0f} pages/s" if record.steady else ""
    if record.failure is not None:
        detail = record.failure.message
    return Figure(what, value, "share", f">= {GOAL}", value is not None and value >= GOAL, detail=detail)


def measure() -> list[Figure]:
    """All cells, and the worst of each lane last."""
    figures: dict[Lane, list[Figure]] = {lane: [] for lane in LANES}
    with tempfile.TemporaryDirectory() as runs:
        for knobs in cells():
            record = run_trial(knobs, Path(runs))
            for lane in LANES:
                figures[lane].append(figure(record, lane))
                print(f"{figures[lane][-1].name}: {figures[lane][-1].value}", file=sys.stderr)
    return [*figures["main"], *figures["worker"], *(worst(lane, rows) for lane, rows in figures.items())]


def worst(lane: Lane, rows: list[Figure]) -> Figure:
    """The smallest share of a lane; none where a cell has none."""
    values = [row.value for row in rows]
    value = None if None in values else min(value for value in values if value is not None)
    met = value is not None and value >= GOAL
    return Figure(f"worst {lane} lane", value, "share", f">= {GOAL}", met, detail=f"{len(values)} cells")


if __name__ == "__main__":
    main(__doc__, measure)
