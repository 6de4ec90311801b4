"""Resolution: how much sharper are verdicts of trials that take turns than of trials that run one after the other?

Identical variants, and some that were slowed down by a known time, in blocks of both kinds that alternate: so both have
the same machine. First as it is, then beside a process that takes a core at random. Half widths are of what as many
blocks as fit in the same total time would give, by the spread of the blocks that were run. About 30 minutes.

False verdicts come from real comparisons, which share no trial, and from many that are drawn from the same blocks; once
more with a difference between processes that is planted: each trial is faster or slower by a random 3 %.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from promise.figure import Figure, main
from promise.neighbour import neighbour

from workbench.explain.verdicts.effect import Samples, rate, smallest_effect
from workbench.explain.verdicts.error_rates import DRAWN, false_verdicts, planted, spread_of
from workbench.explain.verdicts.spread import Spread
from workbench.files import cache_dir
from workbench.knobs.joined import parse_knobs
from workbench.knobs.knobs import Knobs
from workbench.measure.comparison.order import blocks
from workbench.measure.comparison.sliced_block import run_sliced_block
from workbench.measure.trial.launcher import run_trial
from workbench.measure.trial.template import Template, template_of
from workbench.records import Policy, Record, Slicing
from workbench.report.self_test import KNOBS, largest_stage
from workbench.workloads.ocr.synthetic.draw import VERSION, draw_pages

NUM_PAGES = 48
SIZES = (0.03, 0.05, 0.10)
IDENTICAL = ("A1", "A2", "A3", "A4")
MINUTES = 4.0

#: Blocks are run in pairs, one in turns and one whole, until this time is up, quiet and beside the neighbour.
MOST_S = {"quiet": 11 * 60.0, "beside a process that takes a core at random": 11 * 60.0}

SLICING = Slicing(slice_s=2.0, rounds=3)
MOST_WIDTH, MOST_FALSE, LEAST_COVERED = 0.4, 0.05, 0.93
MOST_DETECTABLE = {"quiet": 0.03, "beside a process that takes a core at random": 0.08}
REAL, COMPARISONS = 20, 200

#: A planted difference between processes, and the blocks of a comparison.
PROCESS_SPREAD, BLOCKS = 0.03, 9


@dataclass
class Blocks:
    """What blocks of one kind have left.

    Attributes:
        log_rates: By variant: of each block.
        took_s: What each block took, start-ups and all.
    """

    log_rates: dict[str, list[float]] = field(default_factory=dict)
    took_s: list[float] = field(default_factory=list)

    def add(self, records: dict[str, Record], took_s: float) -> None:
        """Enter a block."""
        for name, record in records.items():
            if record.status != "ok":
                raise SystemExit(f"a trial failed: {record.failure}")
            self.log_rates.setdefault(name, []).append(float(np.log(rate(record))))
        self.took_s.append(took_s)

    @property
    def identical(self) -> Samples:
        """float64 [blocks, identical variants]."""
        return np.column_stack([self.log_rates[name] for name in IDENTICAL])

    @property
    def pair_s(self) -> float:
        """What a block of two variants would take."""
        return float(np.median(self.took_s)) * 2 / len(self.log_rates)

    def effect(self, policy: Policy) -> float | None:
        """What two variants can be told apart by in the time that is promised."""
        count = max(int(MINUTES * 60.0 / self.pair_s), 1)
        laid_out = policy.model_copy(update={"planned_blocks": count})
        return smallest_effect(Spread(spread_of(self.identical)), count, laid_out)

    def half_width(self) -> float:
        """Half the width of Student's interval of two variants after that time, as a share of the ratio."""
        count = max(int(MINUTES * 60.0 / self.pair_s), 2)
        return float(np.expm1(_student(count) * spread_of(self.identical) / count**0.5))


def _student(count: int) -> float:
    from scipy import stats

    return float(stats.t.ppf(0.975, count - 1))


def variants_of(folder: Path, runs: Path) -> tuple[dict[str, Knobs], str, dict[float, float]]:
    """The variants; the stage that is slowed down, and by how much time each of its blocks."""
    common = {**KNOBS, "transforms": "direct", "targets": "none", "num_steps": 36, "dataset": str(folder)}
    knobs = parse_knobs(common)
    run_trial(knobs, runs)
    record = run_trial(knobs, runs)
    assert record.steady is not None, record.failure
    stage = largest_stage(record)
    count = sum(row.count for row in record.stages if row.name == stage)
    delays = {size: 1e3 * size * record.steady.wall_s / count for size in SIZES}
    slowed = {f"slowed {size:.0%}": knobs.changed(slow_down={stage: ms}) for size, ms in delays.items()}
    return {**dict.fromkeys(IDENTICAL, knobs), **slowed}, stage, delays


def measure_both(variants: dict[str, Knobs], runs: Path, most_s: float, template: Template | None) -> dict[str, Blocks]:
    """Alternate blocks of both kinds until the time is up."""
    found = {"in turns": Blocks(), "whole": Blocks()}
    began, names = time.monotonic(), list(variants)
    for number, order in enumerate(blocks(names, seed=0)):
        if time.monotonic() - began > most_s and number >= 3:
            return found
        at = time.monotonic()
        orders = list(islice(blocks(names, seed=number), SLICING.rounds))
        records = run_sliced_block(variants, runs, orders, SLICING, seed=number, template=template)
        found["in turns"].add(records, time.monotonic() - at)
        at = time.monotonic()
        found["whole"].add({name: run_trial(variants[name], runs) for name in order}, time.monotonic() - at)
        print(f"block {number + 1}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    raise AssertionError("the order has no end")


def width_figures(where: str, found: dict[str, Blocks]) -> Iterator[Figure]:
    """Half widths at equal total time, and what can be told."""
    turns, whole = found["in turns"], found["whole"]
    ratio = turns.half_width() / whole.half_width()
    goal = MOST_WIDTH if where != "quiet" else 1.0
    detail = (
        f"two variants, {MINUTES:g} min: in turns {turns.half_width() * 100:.2f} % ({turns.pair_s:.1f} s a block, "
        f"spread {spread_of(turns.identical) * 100:.2f} %), whole {whole.half_width() * 100:.2f} % "
        f"({whole.pair_s:.1f} s, {spread_of(whole.identical) * 100:.2f} %); from {len(turns.took_s)} blocks of each"
    )
    interval = _ratio_interval(turns, whole, ratio)
    yield Figure(
        f"{where}: half width in turns over whole", ratio, "ratio", f"<= {goal}", ratio <= goal, interval, detail
    )
    effect, most = turns.effect(Policy()), MOST_DETECTABLE[where]
    met = effect is not None and effect <= most
    yield Figure(f"{where}: can be told in {MINUTES:g} min, in turns", effect, "share", f"<= {most}", met)
    effect = whole.effect(Policy())
    yield Figure(f"{where}: can be told in {MINUTES:g} min, whole", effect, "share", "shown (>= 0)", True)


def _ratio_interval(turns: Blocks, whole: Blocks, ratio: float) -> tuple[float, float]:
    """95 %: the F distribution of the ratio of two variances."""
    from scipy import stats

    freedom = [(len(IDENTICAL) - 1) * len(kind.took_s) for kind in (turns, whole)]
    low, high = stats.f.ppf([0.025, 0.975], *freedom)
    return float(ratio / high**0.5), float(ratio / low**0.5)


def error_figures(where: str, turns: Blocks) -> Iterator[Figure]:
    """False verdicts, with and without a planted difference between processes."""
    most = min(BLOCKS, len(turns.took_s))
    policy = Policy(planned_blocks=most)
    noise = np.random.default_rng(1).normal(0.0, PROCESS_SPREAD, turns.identical.shape)
    for what, rates in (
        ("", turns.identical),
        (f", processes that differ by a random {PROCESS_SPREAD:.0%}", turns.identical + noise),
    ):
        found = false_verdicts(rates, policy, most, seed=0)
        share, real = found.resampled, found.real
        met = share.share is not None and share.share <= MOST_FALSE
        detail = f"up to {most} blocks; of {DRAWN} drawn from real blocks; real ones that share no trial: "
        detail += f"{real.count} of {real.of}"
        name = f"{where}: identical variants called different{what}"
        yield Figure(name, share.share, "share", f"<= {MOST_FALSE}", met, share.ci95, detail)


def planted_figures(where: str, turns: Blocks, stage: str, delays: dict[float, float]) -> Iterator[Figure]:
    """Coverage of planted differences."""
    most = min(BLOCKS, len(turns.took_s))
    for size in delays:
        slowed = np.array(turns.log_rates[f"slowed {size:.0%}"])
        found = planted(
            slowed, turns.identical, Policy(planned_blocks=most), most, stage=stage, asked=size, size=size, seed=0
        )
        share = found.covered.share
        met = share is not None and share >= LEAST_COVERED
        detail = f"estimated at {found.estimate * 100:.2f} %; found in {(found.found.share or 0.0) * 100:.0f} %"
        name = f"{where}: interval holds {size:.0%} in '{stage}'"
        yield Figure(name, share, "share", f">= {LEAST_COVERED}", met, found.covered.ci95, detail)


def measure() -> list[Figure]:
    """Quiet first, then beside the neighbour."""
    folder = draw_pages(cache_dir() / f"resolution-{NUM_PAGES}-v{VERSION}", count=NUM_PAGES, seed=0)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as place:
        runs = Path(place)
        variants, stage, delays = variants_of(folder, runs)
        first = run_sliced_block({"A1": variants["A1"]}, runs, [["A1"]], SLICING, seed=0)["A1"]
        template = template_of([runs / first.run_id])
        try:
            for where, most_s in MOST_S.items():
                with neighbour(at_work=where != "quiet"):
                    found = measure_both(variants, runs, most_s, template)
                figures += width_figures(where, found)
                figures += error_figures(where, found["in turns"])
                figures += planted_figures(where, found["in turns"], stage, delays)
        finally:
            if template is not None:
                template.close()
    return figures


if __name__ == "__main__":
    main(__doc__, measure)
