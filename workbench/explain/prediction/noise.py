"""How far one run of this machine is from the next, by what a run and its repeats show.

A prediction rests on one run, and is compared with another one: both scatter. On a quiet machine little, and then the
floor of `predictor.Confidence` holds; beside neighbours more, which the run itself shows where its parts differ,
the machine's counters by what others have taken of the cores, and its repeats where there are some.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from workbench.explain.verdicts.effect import ended_well, rate
from workbench.records import Record
from workbench.units import NS_PER_S

Times = npt.NDArray[np.float64]

#: Parts of a run that are compared with each other, and how many it takes at least.
_PARTS, _LEAST_PARTS = 8, 4

#: More of the cores than this is not put down to neighbours.
_MOST_TAKEN = 0.9

#: How many runs beyond the first of their kind say how far runs are from each other; and what two of one kind may
#: differ in.
_LEAST_FREEDOM = 2
_NO_MATTER = {"checked_samples", "isolated_samples", "seed", "timeout_s"}


def noise_of(record: Record, others: Sequence[Record] = ()) -> float:
    """Standard deviation of the log of a run's throughput: the largest of what it, its neighbours and others show.

    Args:
        record: The run.
        others: Runs of the same machine, of any knobs: those of one kind say how far they are from each other.

    Returns:
        0 where none of them says anything.
    """
    return max(_within(record), _of_neighbours(record), _between(others))


def _between(runs: Sequence[Record]) -> float:
    """Standard deviation from run to run, of all kinds together; 0 where too few were repeated."""
    kinds: dict[str, list[float]] = {}
    for run in runs:
        if ended_well(run):
            kinds.setdefault(run.knobs.model_dump_json(exclude=_NO_MATTER), []).append(float(np.log(rate(run))))
    freedom = sum(len(rates) - 1 for rates in kinds.values())
    squares = sum(float(np.var(rates)) * len(rates) for rates in kinds.values())
    return float((squares / freedom) ** 0.5) if freedom >= _LEAST_FREEDOM else 0.0


def noise_of_isolated(record: Record) -> float:
    """Standard deviation of the log of what was timed isolated, which took a second or two.

    In a time as short as that, the machine may be faster or slower than over the whole run: as far as parts of the run
    that last as long differ from each other.

    Args:
        record: The run.

    Returns:
        0 where nothing was timed isolated, or the run is too short to say.
    """
    isolated_s = sum(row.total_s for row in record.isolated.stages if row.lane == "main" and not row.background)
    counted = _counted(record)
    if counted is None or isolated_s <= 0.0:
        return 0.0
    parts = max(_LEAST_PARTS, int(counted[0].sum() / NS_PER_S / isolated_s))
    return _scatter(*counted, parts, record.knobs.num_workers)


def _of_neighbours(record: Record) -> float:
    """What other processes and the host have taken of the cores: another run may be spared all of it, or none.

    Of a share that is as likely as any other from nothing to all of it, this is the root of the mean square.
    """
    machine = record.machine
    if machine is None:
        return 0.0
    taken = min(machine.other_cores / max(machine.num_cores, 1) + machine.steal_share, _MOST_TAKEN)
    return float(-np.log1p(-taken) / 3.0**0.5)


def _within(record: Record) -> float:
    """How far the run is from another one of the same length, by how far parts of it are from each other.

    Steps that scatter by themselves do so less the longer the run. What the machine does at its own pace (neighbours
    that come and go) makes long parts differ as much as short ones, and runs as much as parts: of eight parts and of
    four, what does not grow less with their length is taken for that. Parts of an epoch differ by what is in them, and
    say nothing of the machine.
    """
    counted = _counted(record)
    if counted is None:
        return 0.0
    workers = record.knobs.num_workers
    short, long = (_scatter(*counted, parts, workers) for parts in (_PARTS, _PARTS // 2))
    error = max(short / math.sqrt(_PARTS), long / math.sqrt(_PARTS // 2))
    if len(counted[0]) // _PARTS < _steps_per_epoch(record):
        return error
    lasting = max(0.0, 2.0 * long**2 - short**2)
    own = max(0.0, 2.0 * (short**2 - long**2)) / _PARTS
    return max(error, math.sqrt(lasting + own))


def _steps_per_epoch(record: Record) -> float:
    """Steps of an epoch; infinitely many where that is not known."""
    described = record.description
    samples = (described.epoch_samples or described.num_samples) if described is not None else 0
    return samples / record.knobs.batch_size if samples else float("inf")


def _counted(record: Record) -> tuple[Times, Times] | None:
    """Nanoseconds and samples of every counted step, float64 [steps]; None where they were not kept."""
    steady, batches = record.steady, record.batches
    if steady is None or len(batches.end_ns) <= steady.warmup_steps or not steady.warmup_steps:
        return None
    took = np.diff(np.array(batches.end_ns[steady.warmup_steps - 1 :], np.float64))
    return took, np.array(batches.samples[steady.warmup_steps :], np.float64)


def _scatter(took: Times, samples: Times, parts: int, num_workers: int) -> float:
    """Standard deviation of the log throughput of parts, each of whole rounds of workers; 0 where there are too few."""
    rounds = max(num_workers, 1)
    length = len(took) // parts // rounds * rounds
    if parts < _LEAST_PARTS or length == 0:
        return 0.0
    whole = slice(0, parts * length)
    rates = samples[whole].reshape(parts, length).sum(axis=1) / took[whole].reshape(parts, length).sum(axis=1)
    return float(np.log(rates).std(ddof=1))
