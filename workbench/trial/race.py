"""A race: blocks of one trial of every variant, in random order within each block."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from workbench.knobs import Knobs
from workbench.records import Record
from workbench.trial.launcher import run_trial
from workbench.trial.progress import Event


@dataclass
class Race:
    """What a race has left.

    Attributes:
        seed: Seed of the order.
        order: Names of the variants in the order they ran, block by block.
        records: The records of each variant, in the order of the blocks.
    """

    seed: int
    order: list[list[str]] = field(default_factory=list)
    records: dict[str, list[Record]] = field(default_factory=dict)


def plan(names: list[str], *, num_blocks: int, seed: int) -> list[list[str]]:
    """The order of a race: every block holds each variant once, shuffled."""
    shuffle = random.Random(seed)
    return [shuffle.sample(names, len(names)) for _ in range(num_blocks)]


def race(
    variants: Mapping[str, Knobs],
    runs: Path,
    *,
    num_blocks: int,
    seed: int,
    on_trial: Callable[[int, int, str, Record], None] | None = None,
    on_event: Callable[[Event], None] | None = None,
    cancel: threading.Event | None = None,
) -> Race:
    """Run a race, one trial at a time: two at once would disturb each other.

    A variant that failed runs no more; when the baseline (the first one) has failed, nothing is left to compare with,
    and the race ends.

    Args:
        variants: The knobs of each variant; the first is the baseline.
        runs: Folder of run folders.
        num_blocks: Trials of each variant.
        seed: Seed of the order.
        on_trial: Told after each trial: trials done, trials in all, the variant, its record.
        on_event: Told of the progress of the trial that is running.
        cancel: When set, the running trial is ended, and the race with it.
    """
    names = list(variants)
    result = Race(seed=seed, records={name: [] for name in names})
    done = 0
    for block, order in enumerate(plan(names, num_blocks=num_blocks, seed=seed)):
        result.order.append([])
        for name in order:
            done += 1
            if _has_failed(result.records[name]):
                continue
            # One sample of pages for each variant is enough to hold them side by side.
            knobs = variants[name] if block == 0 else variants[name].changed(parity_pages=0)
            record = run_trial(knobs, runs, on_event=on_event, cancel=cancel)
            result.order[-1].append(name)
            result.records[name].append(record)
            if on_trial is not None:
                on_trial(done, num_blocks * len(names), name, record)
            if cancel is not None and cancel.is_set():
                return result
            if _has_failed(result.records[names[0]]):
                return result
    return result


def _has_failed(records: list[Record]) -> bool:
    return bool(records) and records[-1].status == "failed"
