"""Races identical variants, and variants that were slowed down by a known time, and counts wrong verdicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from workbench.analysis.effect import paired_log_ratios
from workbench.analysis.error_rates import false_verdicts, planted, spread_of, tellable
from workbench.errors import BadInput, Problem, WorkbenchError
from workbench.knobs import Knobs
from workbench.records import Policy, Record, SelfTest
from workbench.run_store import SELFTEST, read_selftest, write_json
from workbench.trial.journal import Journal
from workbench.trial.launcher import run_trial
from workbench.trial.race import Race, race

#: Short trials of real work: the validation chain in the main process with no model behind it, so that all of it is in
#: series, and what is added to a stage is added to the whole.
KNOBS = {"num_workers": 0, "device": "none", "num_pages": 24, "batch_size": 4, "num_steps": 18, "parity_pages": 0}

#: The stage that is slowed down, and by how much of a page's whole time.
STAGE = "decode"
SIZES = (0.03, 0.05, 0.10)

#: Blocks of a comparison, at most.
MOST_BLOCKS = 12

MINUTES = (1.0, 2.0, 4.0, 8.0)
SELFTESTS = "selftests"
_SEED = 0


def run_selftest(
    folder: Path,
    knobs: Knobs,
    *,
    num_pairs: int = 1,
    sizes: Sequence[float] = SIZES,
    num_blocks: int,
    budget_s: float | None = None,
    on_trial: Callable[[int, int, str, Record], None] | None = None,
) -> SelfTest:
    """Run it, and leave `selftest.json` in its folder.

    Args:
        folder: Folder of this self-test; its trials lie below it, apart from a user's.
        knobs: Of the variant that is compared with itself.
        num_pairs: Pairs of identical variants in a block.
        sizes: By which shares of a page's time the slowed variants are slowed.
        num_blocks: Blocks at most.
        budget_s: No block begins that would probably end later.
        on_trial: As for `trial.race.race`.

    Raises:
        BadInput: For knobs with which the pages' work is not in series.
        WorkbenchError: Where a trial failed, or no blocks came about.
    """
    if knobs.num_workers != 0 or knobs.device != "none" or not knobs.stage_timing:
        remedy = "Take num_workers=0 device=none stage_timing=true"
        raise BadInput("selftest", [Problem("a delay of known effect needs all work in series", remedy=remedy)])
    runs = folder / "runs"
    identical = [f"A{number + 1}" for number in range(2 * num_pairs)]
    delays = _delays_ms(_sound(run_trial(knobs, runs)), sizes) if sizes else {}
    slowed = {_name(size): knobs.changed(slow_down=f"{STAGE}:{ms:g}") for size, ms in delays.items()}
    variants = {**dict.fromkeys(identical, knobs), **slowed}
    journal = Journal.begin(folder, variants, runs=runs, seed=_SEED, num_blocks=num_blocks, budget_s=budget_s)
    test = describe(race(journal, on_trial=on_trial), num_pairs=num_pairs, delays_ms=delays)
    write_json(folder / SELFTEST, test)
    return test


def describe(raced: Race, *, num_pairs: int, delays_ms: Mapping[float, float]) -> SelfTest:
    """What the trials of a self-test say.

    Raises:
        WorkbenchError: Where a trial failed, or there are too few blocks.
    """
    policy = Policy(planned_blocks=MOST_BLOCKS)
    records = {name: [_sound(record) for record in own] for name, own in raced.records.items()}
    num_blocks = min(len(own) for own in records.values())
    if num_blocks < policy.min_blocks:
        raise WorkbenchError(f"a self-test needs {policy.min_blocks} blocks, and there was time for {num_blocks}")
    names = list(records)[: 2 * num_pairs]
    pairs = [paired_log_ratios(records[b], records[a]) for a, b in zip(names[::2], names[1::2], strict=True)]
    trial_s = float(np.median([record.machine.wall_s for own in records.values() for record in own if record.machine]))
    spread = spread_of(pairs)
    first = records[names[0]][0]
    environment = first.environment
    most_blocks = min(MOST_BLOCKS, num_blocks)
    return SelfTest(
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        cpu=environment.cpu if environment else "unknown",
        cores=environment.cores if environment else 0,
        knobs=first.knobs,
        policy=policy,
        most_blocks=most_blocks,
        num_blocks=num_blocks,
        trial_s=trial_s,
        spread=spread,
        false_verdicts=false_verdicts(pairs, policy, most_blocks, seed=_SEED),
        pinned=false_verdicts([_pinned(raced, names)], policy, most_blocks, seed=_SEED),
        planted=[
            planted(
                np.concatenate([paired_log_ratios(records[_name(size)], records[name]) for name in names]),
                policy,
                most_blocks,
                stage=STAGE,
                asked=size,
                size=float(np.median([_planted_size(record, ms) for record in records[_name(size)]])),
                seed=_SEED,
            )
            for size, ms in delays_ms.items()
        ],
        tellable=tellable(spread, trial_s, MINUTES, policy),
        disturbed=sum(bool(trial.disturbed) for trial in raced.state.trials),
    )


def latest_selftest(reports: Path) -> SelfTest | None:
    """The newest self-test under `reports`; None where there is none."""
    found = sorted((reports / SELFTESTS).glob(f"*/{SELFTEST}"))
    return read_selftest(found[-1].parent) if found else None


def _name(size: float) -> str:
    return f"slowed {size * 100:g} %"


def _sound(record: Record) -> Record:
    if record.failure is not None or record.steady is None:
        why = record.failure.message if record.failure else "it has no steady part"
        raise WorkbenchError(f"a trial of the self-test failed: {why}")
    return record


def _delays_ms(record: Record, sizes: Sequence[float]) -> dict[float, float]:
    """What each block of the stage has to take longer, by the slow-down that this makes."""
    assert record.steady is not None
    (count,) = [stage.count for stage in record.stages if stage.name == STAGE]
    return {size: 1e3 * size * record.steady.wall_s / count for size in sizes}


def _planted_size(record: Record, delay_ms: float) -> float:
    """The slow-down that was planted: the time that was added, over the time without it."""
    assert record.steady is not None
    (count,) = [stage.count for stage in record.stages if stage.name == STAGE]
    added_s = count * delay_ms / 1e3
    return added_s / (record.steady.wall_s - added_s)


def _pinned(raced: Race, names: Sequence[str]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """float64 [blocks]: log ratio of whichever identical variant ran first in its block over the one that ran last."""
    ratios = []
    for block, order in enumerate(raced.order):
        ran = [name for name in order if name in names]
        if len(ran) == len(names):
            first, last = raced.records[ran[0]][block], raced.records[ran[-1]][block]
            ratios.append(paired_log_ratios([first], [last])[0])
    return np.array(ratios)
