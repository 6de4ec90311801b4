"""Verdicts: how often identical variants are told apart, and how often a planted slow-down is found.

Blocks of short real trials, eight identical variants and three that were slowed down by a known time in each; then the
identical ones again beside a process that takes one core at random. About 18 minutes.

Real comparisons share no trial: of eight identical variants four pairs, block after block as they were run. Resampled
ones are drawn from the same blocks, any two trials of a block; their interval comes from leaving out each block in
turn.
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

from workbench.knobs.knobs import Knobs
from workbench.records import FalseVerdicts, Planted, Record, SelfTest, Share
from workbench.report.self_test import KNOBS, SIZES, run_selftest

MOST_FALSE = 0.05
LEAST_FOUND = 0.90
LEAST_COVERED = 0.93
REAL_COMPARISONS = 20
COMPARISONS = 100
NUM_IDENTICAL = 8
BLOCKS, BLOCKS_UNDER_LOAD = 20, 10

#: No block begins that would end later: a machine slower than that gets fewer comparisons, and the figures say so.
MOST_S, MOST_UNDER_LOAD_S = 13 * 60.0, 6 * 60.0

#: The other process works and rests for times between these.
_SPELL_S = (0.2, 3.0)


def tell(done: int, total: int, variant: str, record: Record) -> None:
    """Progress on stderr."""
    if done % 20 == 0:
        print(f"[{done}/{total}] {variant}", file=sys.stderr, flush=True)


def false_figures(where: str, rates: FalseVerdicts) -> Iterator[Figure]:
    """The wrong verdicts of comparisons of one length."""
    name = f"identical variants told apart, {where}, up to {rates.most_blocks} blocks"
    early = "each ends where its verdict is clear"
    # A share of so few says little: it breaks the promise where its whole interval does.
    real, drawn = rates.real, rates.resampled
    met = real.of > 0 and real.ci95[0] <= MOST_FALSE
    told = f"{real.count} of {real.of} real comparisons that share no trial; {early}"
    yield Figure(f"{name}, real", real.share, "share", f"interval holds <= {MOST_FALSE}", met, real.ci95, told)
    met = drawn.share is not None and drawn.share <= MOST_FALSE
    told = f"{drawn.count} of {drawn.of} drawn from real blocks; {early}, median {rates.median_blocks:g} blocks"
    yield Figure(f"{name}, resampled", drawn.share, "share", f"<= {MOST_FALSE}", met, drawn.ci95, told)


def planted_figures(one: Planted) -> Iterator[Figure]:
    """One slow-down: found how often, covered how often."""
    size = f"{one.asked * 100:g} % slow-down of {one.stage}"
    is_promised = one.asked == 0.05
    goal = f">= {LEAST_FOUND}" if is_promised else "on the curve (>= 0)"
    met = one.found.share is not None and (one.found.share >= LEAST_FOUND or not is_promised)
    told = (
        f"planted {one.planted * 100:.2f} %, median estimate {one.estimate * 100:.2f} %, median {one.median_blocks:g} "
        f"blocks; resampled from {one.num_blocks} real blocks; of real comparisons {one.real.count} of {one.real.of}"
    )
    yield Figure(f"{size}: found", one.found.share, "share", goal, met, one.found.ci95, told)
    covered = one.covered
    met = covered.share is not None and covered.share >= LEAST_COVERED
    yield Figure(f"{size}: interval holds it", covered.share, "share", f">= {LEAST_COVERED}", met, covered.ci95)


def machine_figures(where: str, test: SelfTest) -> Iterator[Figure]:
    """What the machine can tell, and what pinning one variant to the first slot would have done."""
    pinned = test.pinned.resampled
    told = f"{pinned.count} of {pinned.of} resampled; identical variants, first of every block against last"
    yield _shown(f"{where}, if one always ran first: told apart", pinned.share, "share", pinned.ci95, told)
    slot = test.first_slot
    told = "throughput of the first identical trial of a block over that of the last"
    yield _shown(f"{where}, what the first slot is worth", slot.estimate, "ratio", slot.ci95, told)
    told = f"spread {test.spread * 100:.2f} % a block, trials of {test.trial_s:.1f} s, {test.disturbed} disturbed"
    four = next(one for one in test.detectable if one.minutes == 4.0)
    yield _shown(f"{where}: can be told in 4 minutes", four.effect, "share", None, told)


def _shown(
    name: str, value: float | None, unit: str, interval: tuple[float, float] | None, detail: str
) -> Figure:
    """A figure that nothing was promised of."""
    return Figure(name, value, unit, "shown (>= 0)", True, interval, detail)


def number_figure(name: str, shares: list[Share], goal: int) -> Figure:
    """How many comparisons of identical variants there were."""
    number = sum(share.of for share in shares)
    return Figure(name, number, "", f">= {goal}", number >= goal)


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
    how = {"num_identical": NUM_IDENTICAL, "on_trial": tell}
    with tempfile.TemporaryDirectory() as folder:
        quiet = run_selftest(Path(folder, "quiet"), knobs, sizes=SIZES, num_blocks=BLOCKS, budget_s=MOST_S, **how)
        with load():
            place = Path(folder, "loaded")
            blocks = BLOCKS_UNDER_LOAD
            loaded = run_selftest(place, knobs, sizes=(), num_blocks=blocks, budget_s=MOST_UNDER_LOAD_S, **how)
    named = {"quiet": quiet, "beside a process that takes a core at random": loaded}
    figures: list[Figure] = []
    for name, test in named.items():
        for rates in test.false_verdicts:
            figures += false_figures(name, rates)
    short = [test.false_verdicts[0] for test in named.values()]
    real, drawn = [one.real for one in short], [one.resampled for one in short]
    figures.append(number_figure("real comparisons of identical variants", real, REAL_COMPARISONS))
    figures.append(number_figure("comparisons of identical variants", [*real, *drawn], COMPARISONS))
    for one in quiet.planted:
        figures += planted_figures(one)
    for name, test in named.items():
        figures += machine_figures(name, test)
    return figures


if __name__ == "__main__":
    main(__doc__, measure)
