"""Verdicts: how often identical variants are told apart, and how often a planted slow-down is found.

Blocks of short real trials, several identical variants and three that were slowed down by a known time in each; then
the identical ones again beside a process that takes one core at random. About 45 minutes.
"""

from __future__ import annotations

import multiprocessing
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from promise.figure import Figure, main

from workbench.knobs import Knobs
from workbench.records import FalseVerdicts, Planted, Record, SelfTest, Share
from workbench.report.self_test import KNOBS, SIZES, run_selftest

MOST_FALSE = 0.05
LEAST_FOUND = 0.90
LEAST_COVERED = 0.93
REAL_PAIRS = 20
NUM_PAIRS = 2
BLOCKS = 60
BLOCKS_UNDER_LOAD = 30

#: The other process works and rests for times between these.
_SPELL_S = (0.2, 3.0)


def tell(done: int, total: int, variant: str, record: Record) -> None:
    """Progress on stderr."""
    if done % 20 == 0:
        print(f"[{done}/{total}] {variant}", file=sys.stderr, flush=True)


def false_share(name: str, share: Share, detail: str) -> Figure:
    """A share of wrong verdicts."""
    met = share.share is not None and share.share <= MOST_FALSE
    told = f"{share.count} of {share.of}; {detail}"
    return Figure(name, share.share, "share", f"<= {MOST_FALSE}", met, share.ci95, told)


def false_figures(where: str, rates: FalseVerdicts, test: SelfTest) -> Iterator[Figure]:
    """The wrong verdicts of one way to order the trials."""
    detail = f"up to {test.most_blocks} blocks, ends early where clear"
    yield false_share(f"identical variants told apart, {where}, real comparisons", rates.real, detail)
    median = f"{detail}; median {rates.median_blocks:g} blocks"
    yield false_share(f"identical variants told apart, {where}, resampled", rates.resampled, median)


def planted_figures(one: Planted) -> Iterator[Figure]:
    """One slow-down: found how often, covered how often."""
    size = f"{one.asked * 100:g} % slow-down of {one.stage}"
    is_promised = one.asked == 0.05
    goal = f">= {LEAST_FOUND}" if is_promised else "on the curve (>= 0)"
    met = one.found.share is not None and (one.found.share >= LEAST_FOUND or not is_promised)
    detail = (
        f"planted {one.planted * 100:.2f} %, median estimate {one.estimate * 100:.2f} %, median {one.median_blocks:g} "
        f"blocks; resampled from {one.num_blocks} ratios of real blocks"
    )
    yield Figure(f"{size}: found", one.found.share, "share", goal, met, one.found.ci95, detail)
    covered = one.covered
    met = covered.share is not None and covered.share >= LEAST_COVERED
    yield Figure(f"{size}: interval holds it", covered.share, "share", f">= {LEAST_COVERED}", met, covered.ci95)


@contextmanager
def load() -> Iterator[None]:
    """Another process that takes one core at random."""
    process = multiprocessing.get_context("spawn").Process(target=_work_at_random, daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def _work_at_random() -> None:
    draw = random.Random(0)
    while True:
        until = time.monotonic() + draw.uniform(*_SPELL_S)
        while time.monotonic() < until:
            pass
        time.sleep(draw.uniform(*_SPELL_S))


def measure() -> list[Figure]:
    """Quiet first, then under load."""
    knobs = Knobs(**KNOBS)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        quiet = run_selftest(
            Path(folder, "quiet"), knobs, num_pairs=NUM_PAIRS, sizes=SIZES, num_blocks=BLOCKS, on_trial=tell
        )
        with load():
            loaded = run_selftest(
                Path(folder, "loaded"),
                knobs,
                num_pairs=NUM_PAIRS,
                sizes=(),
                num_blocks=BLOCKS_UNDER_LOAD,
                on_trial=tell,
            )
    figures += false_figures("quiet", quiet.false_verdicts, quiet)
    figures += false_figures("beside a process that takes a core at random", loaded.false_verdicts, loaded)
    num_real = sum(test.false_verdicts.real.of for test in (quiet, loaded))
    is_enough = num_real >= REAL_PAIRS
    figures.append(Figure("real comparisons of identical variants", num_real, "", f">= {REAL_PAIRS}", is_enough))
    for one in quiet.planted:
        figures += planted_figures(one)
    for name, test in (("quiet", quiet), ("under load", loaded)):
        pinned = test.pinned.resampled
        told = f"{pinned.count} of {pinned.of}; a demonstration: first in every block against last, identical variants"
        title = f"{name}, if one always ran first"
        figures.append(Figure(title, pinned.share, "share", "shown (>= 0)", True, pinned.ci95, told))
        told = next(one for one in test.tellable if one.minutes == 4.0)
        detail = f"spread {test.spread * 100:.2f} % a block, trials of {test.trial_s:.1f} s, {test.disturbed} disturbed"
        title = f"{name}: can be told in 4 minutes"
        figures.append(Figure(title, told.effect, "share", "shown (>= 0)", True, None, detail))
    return figures


if __name__ == "__main__":
    main(__doc__, measure)
