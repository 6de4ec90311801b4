"""Nodes: two of them take a comparison in little more than half of the time that one takes, with the same verdicts.

The nodes are processes of this machine, so that the workload has to wait where another would compute: its samples
sleep where they are loaded, and its device is a replayed one. Each repeat runs the same comparison on one node and on
two, in an order that alternates, and gives one ratio: whatever the machine does meanwhile affects both. The time is
that from the first block that is given out to the last one that has come back. What Dask's processes take to start, a
few seconds once, is in the detail.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from promise.figure import Figure, main

from workbench.explain.verdicts.effect import student_interval
from workbench.knobs.joined import parse_knobs
from workbench.measure.comparison.journal import Journal
from workbench.measure.nodes.run import run_on_nodes
from workbench.records import Policy
from workbench.report.verdicts import compare_run

GOAL = 0.6
REPEATS = 4
NUM_BLOCKS = 8

#: Samples that wait, of the toy workload that the tests measure, too: 7 s of a trial, beside seconds of imports.
BASELINE = {
    "workload": "toy:Toy",
    "num_samples": 64,
    "unnamed_ms": 40.0,
    "num_workers": 0,
    "batch_size": 4,
    "device": "replay",
    "replay_ms_per_sample": 1.0,
    "num_steps": 40,
    "isolated_samples": 0,
    "checked_samples": 0,
}
SLOWER = {"unnamed_ms": 50.0}


@dataclass(frozen=True)
class Run:
    """A comparison on some nodes: how long its blocks took, all of it with start-up, and its verdicts."""

    blocks_s: float
    all_s: float
    verdicts: tuple[str | None, ...]


def run(num_nodes: int, folder: Path) -> Run:
    """The comparison on this many nodes."""
    baseline = parse_knobs(BASELINE)
    variants = {"baseline": baseline, "slower": baseline.changed(**SLOWER)}
    journal = Journal.begin(
        folder / "comparison",
        variants,
        runs=folder / "runs",
        seed=0,
        num_blocks=NUM_BLOCKS,
        policy=Policy(planned_blocks=NUM_BLOCKS, repeats=0),
    )
    asked: list[float] = []  # whether there is time for a block is asked before the first, and until the last ones run
    began_s = time.monotonic()
    compared = run_on_nodes(
        journal, f"local:{num_nodes}", is_over=lambda records: asked.append(time.monotonic()) or False
    )
    ended_s = time.monotonic()
    verdicts = tuple(variant.verdict for variant in compare_run(compared).others)
    return Run(ended_s - asked[0], ended_s - began_s, verdicts)


def figures(pairs: Sequence[tuple[Run, Run]]) -> list[Figure]:
    """The figures of repeats: each on one node, and on two."""
    ratios = np.log([two.blocks_s / one.blocks_s for one, two in pairs])
    found = student_interval(ratios, 0.95)
    times = "; ".join(f"{one.blocks_s:.0f} s and {two.blocks_s:.0f} s" for one, two in pairs)
    start_s = np.median([each.all_s - each.blocks_s for pair in pairs for each in pair])
    same = float(np.mean([one.verdicts == two.verdicts for one, two in pairs]))
    said = sorted({each.verdicts for pair in pairs for each in pair}, key=str)
    return [
        Figure(
            "time on two nodes over time on one",
            found.estimate,
            "ratio",
            f"<= {GOAL}",
            found.ci95 is not None and found.ci95[1] <= GOAL,
            found.ci95,
            f"{len(pairs)} repeats of {NUM_BLOCKS} blocks of 2 variants ({times}); start-up {start_s:.1f} s",
        ),
        Figure("repeats with the same verdicts", same, "share", ">= 1", same == 1.0, detail=f"verdicts: {said}"),
    ]


def measure() -> list[Figure]:
    """All repeats, one after the other."""
    tests = str(Path(__file__).resolve().parents[1] / "tests")
    os.environ["PYTHONPATH"] = os.pathsep.join([tests, *filter(None, [os.environ.get("PYTHONPATH")])])
    sys.path.insert(0, tests)
    pairs = []
    for repeat in range(REPEATS):
        found: dict[int, Run] = {}
        for num_nodes in (1, 2) if repeat % 2 == 0 else (2, 1):
            with tempfile.TemporaryDirectory() as folder:
                found[num_nodes] = run(num_nodes, Path(folder))
            print(f"{num_nodes} nodes: {found[num_nodes]}", file=sys.stderr)
        pairs.append((found[1], found[2]))
    return figures(pairs)


if __name__ == "__main__":
    main(__doc__, measure)
