"""Verdicts: how often identical variants are called faster or slower, and how often a planted slow-down is found.

Blocks of short real trials, eight identical variants and three that were slowed down by a known time in each; then the
identical ones again beside a process that takes one core at random. About 18 minutes.

Real comparisons share no trial: of eight identical variants four pairs, block after block as they were run. Resampled
ones are drawn from the same blocks, any two trials of a block; their interval comes from leaving out each block in
turn.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from promise.figure import Figure, main
from promise.neighbour import neighbour

from workbench.knobs.joined import parse_knobs
from workbench.records import FalseVerdicts, Planted, Record, SelfTest, Share
from workbench.report.self_test import KNOBS, SIZES, run_selftest

MOST_FALSE = 0.05
LEAST_FOUND = 0.90
LEAST_COVERED = 0.93
REAL_COMPARISONS = 20
COMPARISONS = 100
NUM_IDENTICAL = 8
BLOCKS, BLOCKS_UNDER_LOAD = 20, 10

#: Short trials: a chain without much around it, and few pages.
SHORT_TRIALS = {"transforms": "direct", "targets": "none", "num_pages": 24}

#: No block begins that would end later: a slower machine makes fewer comparisons, and the figures say so.
MOST_S, MOST_UNDER_LOAD_S = 13 * 60.0, 6 * 60.0


def show(done: int, total: int, variant: str, record: Record) -> None:
    """Progress on stderr."""
    if done % 20 == 0:
        print(f"[{done}/{total}] {variant}", file=sys.stderr, flush=True)


def false_figures(where: str, rates: FalseVerdicts) -> Iterator[Figure]:
    """The wrong verdicts of comparisons of one length."""
    name = f"identical variants called faster or slower, {where}, up to {rates.most_blocks} blocks"
    early = "each ends where its verdict is clear"
    # The share of a few comparisons says little: it breaks the promise where its whole interval does.
    real, drawn = rates.real, rates.resampled
    met = real.of > 0 and real.ci95[0] <= MOST_FALSE
    detail = f"{real.count} of {real.of} real comparisons that share no trial; {early}"
    yield Figure(f"{name}, real", real.share, "share", f"interval holds <= {MOST_FALSE}", met, real.ci95, detail)
    met = drawn.share is not None and drawn.share <= MOST_FALSE
    detail = f"{drawn.count} of {drawn.of} drawn from real blocks; {early}, median {rates.median_blocks:g} blocks"
    yield Figure(f"{name}, resampled", drawn.share, "share", f"<= {MOST_FALSE}", met, drawn.ci95, detail)


def planted_figures(planted: Planted) -> Iterator[Figure]:
    """A planted slow-down: found how often, covered how often."""
    size = f"{planted.asked * 100:g} % slow-down of {planted.stage}"
    is_promised = planted.asked == 0.05
    goal = f">= {LEAST_FOUND}" if is_promised else "on the curve (>= 0)"
    met = planted.found.share is not None and (planted.found.share >= LEAST_FOUND or not is_promised)
    detail = (
        f"planted {planted.planted * 100:.2f} %, median estimate {planted.estimate * 100:.2f} %, "
        f"median {planted.median_blocks:g} blocks; resampled from {planted.num_blocks} real blocks; "
        f"of real comparisons {planted.real.count} of {planted.real.of}"
    )
    yield Figure(f"{size}: found", planted.found.share, "share", goal, met, planted.found.ci95, detail)
    covered = planted.covered
    met = covered.share is not None and covered.share >= LEAST_COVERED
    yield Figure(f"{size}: interval holds it", covered.share, "share", f">= {LEAST_COVERED}", met, covered.ci95)


def machine_figures(where: str, test: SelfTest) -> Iterator[Figure]:
    """What the machine can detect, and what pinning one variant to the first slot would have done."""
    pinned = test.pinned.resampled
    detail = f"{pinned.count} of {pinned.of} resampled; identical variants, the first of every block against the last"
    name = f"{where}, if one always ran first: called faster or slower"
    yield _shown(name, pinned.share, "share", pinned.ci95, detail)
    slot = test.first_slot
    detail = "throughput of the first identical trial of a block over that of the last"
    yield _shown(f"{where}, the first slot over the last", slot.estimate, "ratio", slot.ci95, detail)
    detail = f"spread {test.spread * 100:.2f} % a block, trials of {test.trial_s:.1f} s, {test.disturbed} disturbed"
    four = next(size for size in test.detectable if size.minutes == 4.0)
    yield _shown(f"{where}: detectable in 4 minutes", four.effect, "share", None, detail)


def _shown(name: str, value: float | None, unit: str, interval: tuple[float, float] | None, detail: str) -> Figure:
    """A figure that is only shown."""
    return Figure(name, value, unit, "shown (>= 0)", True, interval, detail)


def number_figure(name: str, shares: list[Share], goal: int) -> Figure:
    """How many comparisons of identical variants there were."""
    number = sum(share.of for share in shares)
    return Figure(name, number, "", f">= {goal}", number >= goal)


def measure() -> list[Figure]:
    """Quiet first, then under load."""
    knobs = parse_knobs({**KNOBS, **SHORT_TRIALS})
    how = {"num_identical": NUM_IDENTICAL, "on_trial": show}
    with tempfile.TemporaryDirectory() as folder:
        quiet = run_selftest(Path(folder, "quiet"), knobs, sizes=SIZES, num_blocks=BLOCKS, budget_s=MOST_S, **how)
        with neighbour():
            place = Path(folder, "loaded")
            blocks = BLOCKS_UNDER_LOAD
            loaded = run_selftest(place, knobs, sizes=(), num_blocks=blocks, budget_s=MOST_UNDER_LOAD_S, **how)
    named = {"quiet": quiet, "beside a process that takes a core at random": loaded}
    figures: list[Figure] = []
    for name, test in named.items():
        for rates in test.false_verdicts:
            figures += false_figures(name, rates)
    short = [test.false_verdicts[0] for test in named.values()]
    real, drawn = [rates.real for rates in short], [rates.resampled for rates in short]
    figures.append(number_figure("real comparisons of identical variants", real, REAL_COMPARISONS))
    figures.append(number_figure("comparisons of identical variants", [*real, *drawn], COMPARISONS))
    for planted in quiet.planted:
        figures += planted_figures(planted)
    for name, test in named.items():
        figures += machine_figures(name, test)
    return figures


if __name__ == "__main__":
    main(__doc__, measure)
