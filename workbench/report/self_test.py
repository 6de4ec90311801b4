"""Compares identical variants, and variants that were slowed down by a known time, and counts wrong verdicts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np

from workbench.errors import BadInput, Problem, WorkbenchError
from workbench.explain.verdicts.effect import Samples, rate, student_interval
from workbench.explain.verdicts.error_rates import detectable, false_verdicts, planted, spread_of
from workbench.knobs.knobs import Knobs
from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.run import ComparisonRun, Launch, RunSlices, run_comparison
from workbench.measure.comparison.sliced_block import run_sliced_block
from workbench.measure.comparison.turns import why_no_turns
from workbench.measure.timing.spans import Clock, monotonic_ns
from workbench.measure.trial.launcher import run_trial
from workbench.records import Policy, Record, SelfTest, Slicing
from workbench.records.run_folder import SELFTEST, read_selftest, write_json
from workbench.report.block_time import BlockTime
from workbench.units import counted, format_duration, format_share
from workbench.visible import say

#: Short trials of real work: samples are loaded in the main process with no model behind it, so that all of it is in
#: series, and what is added to a stage is added to the whole.
KNOBS = {
    "num_workers": 0,
    "device": "none",
    "batch_size": 4,
    "num_steps": 18,
    "checked_samples": 0,
    "isolated_samples": 0,
}

#: By how much of a sample's whole time a stage is slowed down.
SIZES = (0.03, 0.05, 0.10)

#: Blocks of a comparison at most: of a short one, as `workbench compare` has it, and of a long one.
SHORT, LONG = 5, 12

MINUTES = (1.0, 2.0, 4.0, 8.0)
SELFTESTS = "selftests"
_SEED = 0

#: Trials that measure the time of a sample before any is slowed down; the first of them, which warms up, is left out.
_CALIBRATIONS = 3


def run_selftest(
    folder: Path,
    knobs: Knobs,
    *,
    num_identical: int = 2,
    sizes: Sequence[float] = SIZES,
    num_blocks: int,
    budget_s: float | None = None,
    whole_trials: bool = False,
    on_trial: Callable[[int, int, str, Record], None] = lambda done, total, name, record: None,
    clock: Clock = monotonic_ns,
    launch: Launch = run_trial,
    run_slices: RunSlices = run_sliced_block,
    run_blocks: Callable[..., ComparisonRun] | None = None,
) -> SelfTest:
    """Run it, and leave `selftest.json` in its folder.

    The stage that is slowed down is the largest of those that the workload declares as replayable.

    Args:
        folder: Folder of this self-test; its trials lie below it, apart from a user's.
        knobs: Of the variant that is compared with itself.
        num_identical: Identical variants in a block.
        sizes: By which shares of a sample's time the slowed variants are slowed.
        num_blocks: Blocks at most.
        budget_s: No block begins that would probably end later, but for one without which there would be no result.
            Where it cannot do for enough blocks, the self-test ends as soon as that is known.
        whole_trials: Whether one trial runs after the other, where they could take turns.
        on_trial: As for `measure.comparison.run.run_comparison`; trials at most are those that there is time for.
        clock: Reads the time.
        launch: Runs a trial: knobs in, record out.
        run_slices: Runs the trials of a block in turns.
        run_blocks: Runs the comparison on nodes, after the time of a sample was measured here; None: all runs here.

    Raises:
        BadInput: For knobs with which a sample's work is not in series; for a workload without a replayable stage.
        TooShort: Where there is no time for enough blocks.
        WorkbenchError: Where a trial failed, or there are too few blocks.
    """
    if knobs.num_workers != 0 or knobs.device != "none" or not knobs.stage_timing:
        remedy = "Take num_workers=0 device=none stage_timing=true"
        raise BadInput("selftest", [Problem("a delay of known effect needs all work in series", remedy=remedy)])
    runs = folder / "runs"
    least = Policy().min_blocks
    num_trials = num_identical + len(sizes)
    slicing = None if whole_trials or why_no_turns({"": knobs}) else Slicing()
    time = BlockTime(
        budget_s, num_trials=num_trials, least_blocks=least, most_blocks=num_blocks, slicing=slicing, clock=clock
    )
    stage, delays = "", {}
    if sizes:
        trials = []
        for _ in range(_CALIBRATIONS):
            trials.append(_sound(launch(knobs, runs)))
            time.calibrate([record.machine.wall_s for record in trials if record.machine])
            on_trial(0, time.trials(), "calibration", trials[-1])
        stage = largest_stage(trials[1])
        delays = _delays_ms(trials[1:], stage, sizes)
    slowed = {_name(size): knobs.changed(slow_down={stage: ms}) for size, ms in delays.items()}
    variants = {**dict.fromkeys(_identical(num_identical), knobs), **slowed}
    journal = Journal.begin(folder, variants, runs=runs, seed=_SEED, num_blocks=num_blocks, slicing=slicing)
    run = run_blocks or partial(run_comparison, launch=launch, run_slices=run_slices)
    compared = run(
        journal,
        is_over=time.is_over,
        on_trial=lambda done, total, name, record: on_trial(done, time.trials(), name, record),
    )
    if compared.state.stop == "budget" and len(compared.order) < least:
        raise time.too_short(_so_far(compared, _identical(num_identical)))
    test = describe(compared, num_identical=num_identical, stage=stage, delays_ms=delays)
    write_json(folder / SELFTEST, test)
    return test


def largest_stage(record: Record) -> str:
    """The replayable stage of a trial that takes most of its time: what is slowed down.

    Raises:
        BadInput: Where the workload has none.
    """
    catalogue = record.catalogue
    rows = [row for row in record.stages if catalogue.find(row.lane, row.name).replayable and not row.background]
    if not rows:
        what = (
            f"the workload '{record.knobs.workload}' has timed no stage that is replayable, so none can be slowed down"
        )
        remedy = "Time one with workbench.measure.timing.stages.run, and declare it: Stage(..., replayable=True)"
        raise BadInput("selftest", [Problem(what, remedy=remedy)])
    return max(rows, key=lambda row: row.total_s).name


def describe(compared: ComparisonRun, *, num_identical: int, stage: str, delays_ms: Mapping[float, float]) -> SelfTest:
    """What the trials of a self-test say.

    Args:
        compared: The comparison of identical and slowed variants.
        num_identical: How many are identical.
        stage: The stage that was slowed down.
        delays_ms: By the slow-down that was asked for: what each block of the stage was made to take longer.

    Raises:
        WorkbenchError: Where a trial failed, or there are too few blocks.
    """
    least = Policy().min_blocks
    records = {name: [_sound(record) for record in trials] for name, trials in compared.records.items()}
    num_blocks = min(map(len, records.values()))
    if num_blocks < least:
        raise WorkbenchError(f"a self-test needs {counted(least, 'block')}, and there was time for {num_blocks}")
    identical = _identical(num_identical)
    log_rates = np.column_stack([_log_rates(records[name][:num_blocks]) for name in identical])
    every = [record for trials in records.values() for record in trials]
    trial_s = _trial_s(every)
    spread = spread_of(log_rates)
    most = min(LONG, num_blocks)
    policy = Policy(planned_blocks=most, slicing=compared.state.policy.slicing)
    first = records[identical[0]][0]
    slots = _by_slot(compared, identical)
    return SelfTest(
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        cpu=first.environment.cpu if first.environment else "unknown",
        cores=first.environment.cores if first.environment else 0,
        knobs=first.knobs,
        policy=policy,
        most_blocks=most,
        num_blocks=num_blocks,
        num_identical=num_identical,
        trial_s=trial_s,
        spread=spread,
        false_verdicts=[
            false_verdicts(log_rates, Policy(planned_blocks=blocks), blocks, seed=_SEED)
            for blocks in sorted({min(SHORT, num_blocks), most})
        ],
        pinned=false_verdicts(slots, policy, most, seed=_SEED),
        first_slot=student_interval(slots[:, 0] - slots[:, 1], policy.confidence),
        planted=[
            planted(
                _log_rates(records[_name(size)][:num_blocks]),
                log_rates,
                policy,
                most,
                stage=stage,
                asked=size,
                size=float(np.median([_planted_size(record, stage, ms) for record in records[_name(size)]])),
                seed=_SEED,
            )
            for size, ms in delays_ms.items()
        ],
        detectable=detectable(spread, trial_s, MINUTES, policy),
        disturbed=sum(bool(trial.disturbed) for trial in compared.state.trials),
        notes=compared.notes,
    )


def latest_selftest(reports: Path, records: Mapping[str, Sequence[Record]]) -> SelfTest | None:
    """The newest self-test under `reports` that was made on the machine of these records; None where there is none.

    A damaged one is named, and passed over.
    """
    environments = [record.environment for trials in records.values() for record in trials if record.environment]
    for path in sorted((reports / SELFTESTS).glob(f"*/{SELFTEST}"), reverse=True):
        try:
            test = read_selftest(path.parent)
        except BadInput as error:
            say(f"Passed over: {error}", file=sys.stderr)
            continue
        if environments and (test.cpu, test.cores) == (environments[0].cpu, environments[0].cores):
            return test
    return None


def _so_far(compared: ComparisonRun, identical: Sequence[str]) -> list[str]:
    """What fewer blocks say than a result takes."""
    num_blocks = len(compared.order)
    trials = [record for name in identical for record in compared.records[name]]
    log_rates = np.column_stack(
        [_log_rates([_sound(record) for record in compared.records[name]]) for name in identical]
    )
    blocks = "1 block was" if num_blocks == 1 else f"{num_blocks} blocks were"
    return [
        f"{blocks} run, in trials of {format_duration(_trial_s(trials))}: two identical trials of a block differed by "
        f"{format_share(spread_of(log_rates))} (standard deviation)."
    ]


def _trial_s(records: Sequence[Record]) -> float:
    """What a trial takes, start-up and all."""
    return float(np.median([record.machine.wall_s for record in records if record.machine]))


def _identical(count: int) -> list[str]:
    return [f"A{number + 1}" for number in range(count)]


def _name(size: float) -> str:
    return f"slowed {size * 100:g} %"


def _sound(record: Record) -> Record:
    if record.failure is not None or record.steady is None:
        why = record.failure.message if record.failure else "it has no steady part"
        raise WorkbenchError(f"a trial of the self-test failed: {why}")
    return record


def _log_rates(records: Sequence[Record]) -> Samples:
    return np.log([rate(record) for record in records])


def _count(record: Record, stage: str) -> int:
    """How often a stage ran."""
    return sum(row.count for row in record.stages if row.name == stage and row.lane != "device")


def _delays_ms(records: Sequence[Record], stage: str, sizes: Sequence[float]) -> dict[float, float]:
    """What each block of the stage has to take longer, by the slow-down that this makes."""
    typical_s = float(np.median([record.steady.wall_s for record in records if record.steady]))
    return {size: 1e3 * size * typical_s / _count(records[0], stage) for size in sizes}


def _planted_size(record: Record, stage: str, delay_ms: float) -> float:
    """The slow-down that was planted: the time that was added, over the time without it."""
    assert record.steady is not None
    added_s = _count(record, stage) * delay_ms / 1e3
    return added_s / (record.steady.wall_s - added_s)


def _by_slot(compared: ComparisonRun, identical: Sequence[str]) -> Samples:
    """Log rates of the first and of the last identical trial of each block: float64 [blocks, 2]."""
    found = []
    for block, order in enumerate(compared.order):
        ran = [name for name in order if name in identical]
        if len(ran) == len(identical):
            found.append(_log_rates([compared.records[ran[0]][block], compared.records[ran[-1]][block]]))
    return np.array(found)
