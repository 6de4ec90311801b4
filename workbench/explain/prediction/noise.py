"""How far one run of this machine is from the next, by what a run and its repeats show.

A prediction rests on one run, and is compared with another one: both scatter. On a quiet machine little, and then the
floor of `predictor.Confidence` holds; beside neighbours more, which the run itself shows where its parts differ, and
its repeats where there are some.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from workbench.explain.verdicts.effect import ended_well, rate
from workbench.records import Record
from workbench.units import NS_PER_S

Times = npt.NDArray[np.float64]

#: Parts of a run that are compared with each other, and how many it takes at least.
_PARTS, _LEAST_PARTS = 8, 4

#: Runs of one kind that say how far they are from each other.
_LEAST_RUNS = 3


def noise_of(record: Record, repeats: Sequence[Record] = ()) -> float:
    """Standard deviation of the log of a run's throughput: the larger one of what it and its repeats show.

    Args:
        record: The run.
        repeats: Runs of the same knobs on the same machine, the run among them.

    Returns:
        0 where neither says anything.
    """
    rates = np.log([rate(one) for one in repeats if ended_well(one)])
    between = float(rates.std(ddof=1)) if len(rates) >= _LEAST_RUNS else 0.0
    return max(_within(record), between)


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


def _within(record: Record) -> float:
    """Standard error of a run's mean throughput, by parts of it that hold the same kinds of steps.

    Where the machine is slower for longer than a part takes, neighbouring parts are alike, and say less than their
    number: so parts of twice the length are asked as well, and the larger error is taken.
    """
    counted = _counted(record)
    if counted is None:
        return 0.0
    workers = record.knobs.num_workers
    return max(_scatter(*counted, parts, workers) / parts**0.5 for parts in (_PARTS, _PARTS // 2))


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
